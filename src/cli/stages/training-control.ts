/**
 * Training as the studio asks for it: `moat train` in a process of its own, exactly as in a terminal, wherever it trains. It belongs to the
 * project and not to the server: it has a process group and a log file of its own and goes on when the server stops, and
 * whether it lives is read from the run's lock, so that a server that starts again finds it and can stop it.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { mkdir, open, readdir, stat } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { MoatError } from '../../base/errors.js';
import {
  RUN_SETTINGS,
  type RunSettings,
  type StartRequest,
  type TrainingControl,
} from '../../company/gateway/training-control.js';
import { readClaim } from '../../lab/distributed/run-claim.js';
import { type RunPlace, placeOptions, readPlace } from '../../lab/distributed/run-place.js';
import { isTraining, requestStop } from '../../lab/train/run-lock.js';
import { type Project, loadProject } from '../config/project.js';
import { configFields } from '../config/schema.js';
import { checkedRunName, freeRunName } from './find-run.js';
import { readForkSettings } from './fork-settings.js';
import { filesOf } from './project-files.js';

const PROGRAM = fileURLToPath(new URL('../../../bin/moat.js', import.meta.url));
/** Reading the tokens and building the programs of a large model may take this long; then the answer is given anyway. */
const START_LIMIT_MS = 60_000;
const LOOK_INTERVAL_MS = 100;
/** A cluster that is not there says so within this time; what it says later stands in the log alone. */
const SETTLE_MS = 2000;
const LOG_TAIL_BYTES = 8192;

/** @param env of the processes that train */
export function createTrainingControl(project: Project, env: NodeJS.ProcessEnv): TrainingControl {
  const { runs } = filesOf(project);
  let child: ChildProcess | undefined;
  let isStarting = false;

  const trainingNow = async (): Promise<string | null> => {
    for (const name of await readdir(runs).catch(() => [])) {
      const run = path.join(runs, name);
      if ((await isTraining(run)) === true && !isOnCluster(await readPlace(run))) return name;
    }
    return null;
  };
  /** One at a time: two would halve each other's speed, and together they may not fit in memory. */
  const alone = async (name: string, extra: readonly string[]): Promise<void> => {
    const other = await trainingNow();
    if (other !== null || isStarting || child !== undefined) {
      throw new MoatError('training-busy', `${other === null ? 'another run' : `the run ${other}`} is training`, {
        fix: 'Stop it first, or wait until it has ended.',
      });
    }
    isStarting = true;
    try {
      const started = await launch(project, env, name, extra);
      child = started;
      for (const end of ['close', 'error']) started.once(end, () => (child = undefined));
      await untilTraining(path.join(runs, name), started, logOf(project, name));
    } finally {
      isStarting = false;
    }
  };
  /** A process that follows a job takes little of this machine. */
  const follow = async (name: string, extra: readonly string[]): Promise<void> => {
    const run = path.join(runs, name);
    if ((await isTraining(run)) === true) {
      throw new MoatError('training-busy', `the run ${name} is training`, { fix: 'Stop it first.' });
    }
    await untilHeld(run, await launch(project, env, name, extra), logOf(project, name));
  };
  return {
    freeName: () => freeRunName(runs),
    async values(run) {
      const sections =
        run === undefined ? await projectSettings(project, env) : { train: await readForkSettings(runs, run) };
      return {
        name: await freeRunName(runs),
        settings: chosenFrom(sections),
        training: await trainingNow(),
        checkpoints: [],
      };
    },
    async start({ name, fork, settings }) {
      await alone(checkedRunName(name), [...forkOptions(fork), ...settingOptions(settings)]);
    },
    async resume(name, fromStep) {
      const place = await readPlace(path.join(runs, checkedRunName(name)));
      const begin = isOnCluster(place) ? follow : alone;
      await begin(name, [
        '--resume',
        ...(place === undefined ? [] : placeOptions(place)),
        ...(fromStep === undefined ? [] : ['--from-step', `${fromStep}`]),
      ]);
    },
    async stop(name) {
      const run = path.join(runs, checkedRunName(name));
      const isLeft = (await isTraining(run)) !== true && (await readClaim(run)) !== undefined;
      // a process that follows the job until it has saved, and brings back what it made
      await (isLeft ? follow(name, ['--stop']) : requestStop(run));
    },
  };
}

const isOnCluster = (place: RunPlace | undefined): boolean => place !== undefined && place.on !== 'torchrun';

/** Read anew: the file may have changed since the server started, and the process that trains reads it anew, too. */
async function projectSettings(project: Project, env: NodeJS.ProcessEnv): Promise<Record<string, object>> {
  const { config } = await loadProject(project.root, { env, orDefaults: true });
  return { model: config.model, train: config.train };
}

/** Those of `RUN_SETTINGS` that have a value. */
function chosenFrom(sections: Readonly<Record<string, object>>): RunSettings {
  const settings: RunSettings = {};
  for (const setting of RUN_SETTINGS) {
    const [section = '', field = ''] = setting.split('.');
    const value: unknown = Reflect.get(sections[section] ?? {}, field);
    if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') settings[setting] = value;
  }
  return settings;
}

function forkOptions(fork: StartRequest['fork']): string[] {
  if (fork === undefined) return [];
  const { run, withWeights, fromStep } = fork;
  return [
    '--fork',
    checkedRunName(run),
    ...(withWeights ? ['--with-weights'] : []),
    ...(withWeights && fromStep !== undefined ? ['--from-step', `${fromStep}`] : []),
  ];
}

/** `--set train.steps=300` for each, held against the schema of `moat.config.ts`. @throws MoatError `bad-setting` */
function settingOptions(settings: RunSettings): string[] {
  return Object.entries(settings).flatMap(([setting, value]) => {
    const field = configFields.find((known) => known.path === setting);
    if (field?.accepts(value) !== true) {
      const expected =
        field === undefined ? 'no such setting' : `expected ${field.expects}, found ${JSON.stringify(value)}`;
      throw new MoatError('bad-setting', `${setting}: ${expected}`);
    }
    return ['--set', `${setting}=${value}`];
  });
}

const logOf = (project: Project, name: string): string => project.resolve('.moat', 'training', `${name}.log`);

async function launch(
  project: Project,
  env: NodeJS.ProcessEnv,
  name: string,
  extra: readonly string[],
): Promise<ChildProcess> {
  const log = logOf(project, name);
  await mkdir(path.dirname(log), { recursive: true, mode: 0o700 });
  const output = openSync(log, 'w', 0o600);
  try {
    const started = spawn(process.execPath, [PROGRAM, 'train', '--project', project.root, '--name', name, ...extra], {
      cwd: project.root,
      env: { ...env, NO_COLOR: '1' },
      detached: true,
      stdio: ['ignore', output, output],
    });
    started.unref();
    // whoever serves customers from this machine comes first
    if (started.pid !== undefined) os.setPriority(started.pid, os.constants.priority.PRIORITY_BELOW_NORMAL);
    return started;
  } finally {
    closeSync(output);
  }
}

/** Waits for the process to write its first event. @throws MoatError `training-refused` with its own line when it ends before */
async function untilTraining(runDirectory: string, child: ChildProcess, log: string): Promise<void> {
  const events = path.join(runDirectory, 'events.jsonl');
  const before = await sizeOf(events);
  await until(async () => (await sizeOf(events)) > before, child, log);
}

/** Waits for the process to hold the run, and to have had time to be refused. @throws MoatError `training-refused` */
async function untilHeld(runDirectory: string, child: ChildProcess, log: string): Promise<void> {
  let heldMs: number | undefined;
  const isSettled = async (): Promise<boolean> => {
    if ((await isTraining(runDirectory)) === true) heldMs ??= performance.now();
    return heldMs !== undefined && performance.now() - heldMs > SETTLE_MS;
  };
  await until(isSettled, child, log);
}

/** Until it is so, or the process has ended well. @throws MoatError `training-refused` */
async function until(isSo: () => Promise<boolean>, child: ChildProcess, log: string): Promise<void> {
  let status: number | null | undefined;
  child.once('close', (code) => (status = code));
  child.once('error', () => (status = null));
  for (const deadline = performance.now() + START_LIMIT_MS; performance.now() < deadline;) {
    if ((await isSo()) || status === 0) return;
    if (status !== undefined) throw new MoatError('training-refused', await lastLineOf(log));
    await sleep(LOOK_INTERVAL_MS);
  }
}

const sizeOf = async (file: string): Promise<number> => (await stat(file).catch(() => undefined))?.size ?? 0;

/** What `moat` says on its way out: one line, "moat: what, where. What to do". */
async function lastLineOf(log: string): Promise<string> {
  const handle = await open(log, 'r');
  try {
    const { size } = await handle.stat();
    const tail = Buffer.alloc(Math.min(size, LOG_TAIL_BYTES));
    await handle.read(tail, 0, tail.length, size - tail.length);
    const lines = tail
      .toString()
      .split('\n')
      .filter((line) => line.startsWith('moat: '));
    return lines.at(-1)?.slice('moat: '.length) ?? 'moat train ended without a word';
  } finally {
    await handle.close();
  }
}
