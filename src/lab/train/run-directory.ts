/**
 * `runs/<name>/`: `config.json` (what the run was asked to do), `events.jsonl` (what happened, one typed event a line)
 * and `checkpoints/`. Everything that shows progress reads the event file and nothing else.
 */
import { closeSync, fdatasyncSync, openSync, writeSync } from 'node:fs';
import { mkdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { writeFileAtomic } from '../../base/atomic-file.js';
import type { Clock } from '../../base/clock.js';
import { MoatError, systemCode } from '../../base/errors.js';
import { type RunEvent, isOvertaken } from '../../base/run-events.js';
import {
  type CheckpointReference,
  heldSteps,
  latestCheckpoint,
  listCheckpoints,
} from '../checkpoint/run-checkpoints.js';

export const EVENTS_FILE = 'events.jsonl';
const CONFIG_FILE = 'config.json';

export const eventsFileOf = (runDirectory: string): string => path.join(runDirectory, EVENTS_FILE);

export interface EventLog {
  append(event: RunEvent): void;
  close(): void;
}

/** Opens the run's event file for appending; each event is one write, so a reader never sees half a line it could parse. */
export async function openEventLog(runDirectory: string): Promise<EventLog> {
  await mkdir(runDirectory, { recursive: true });
  const file = eventsFileOf(runDirectory);
  await endTornLine(file);
  const descriptor = openSync(file, 'a');
  return {
    append(event) {
      writeSync(descriptor, `${JSON.stringify(event)}\n`);
      if (event.type !== 'step') fdatasyncSync(descriptor);
    },
    close: () => closeSync(descriptor),
  };
}

/** A killed run may have left half a line; a line break keeps the next event apart from it. */
async function endTornLine(file: string): Promise<void> {
  const text = await readFile(file, 'utf8').catch(() => '');
  if (text === '' || text.endsWith('\n')) return;
  const descriptor = openSync(file, 'a');
  writeSync(descriptor, '\n');
  closeSync(descriptor);
}

/** The run's events in order; a torn line (of a killed run) is skipped. */
export async function readEvents(runDirectory: string): Promise<RunEvent[]> {
  const text = await readFile(eventsFileOf(runDirectory), 'utf8').catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT') return '';
    throw error;
  });
  return parseEvents(text.split('\n'));
}

/** Lines that are no events, as the torn one of a killed process, are skipped, and events of attempts that were overtaken. */
export function parseEvents(lines: readonly string[]): RunEvent[] {
  let newest = 0;
  return lines.flatMap(parseEvent).filter((event) => {
    const belongs = !isOvertaken(event, newest);
    newest = Math.max(newest, event.attempt ?? 0);
    return belongs;
  });
}

function parseEvent(line: string): RunEvent[] {
  if (line.trim() === '') return [];
  try {
    return [JSON.parse(line) as RunEvent];
  } catch {
    return [];
  }
}

/** The checkpoint of this step, or the last. @throws MoatError `no-checkpoint`, naming the steps there are */
export async function chooseCheckpoint(
  runDirectory: string,
  fromStep: number | undefined,
): Promise<CheckpointReference> {
  const all = await listCheckpoints(runDirectory);
  const chosen =
    fromStep === undefined ? await latestCheckpoint(runDirectory) : all.find(({ step }) => step === fromStep);
  if (chosen !== undefined) return chosen;
  const known = all.map(({ step }) => step).join(', ');
  const which = fromStep === undefined ? 'yet' : `at step ${fromStep}`;
  throw new MoatError('no-checkpoint', `${runDirectory}: there is no checkpoint ${which}`, {
    fix: known === '' ? 'Start the run anew under another --name.' : `There are steps ${known}.`,
  });
}

/** Whether the directory holds what a run was asked to do. */
export const isRun = async (runDirectory: string): Promise<boolean> =>
  (await stat(path.join(runDirectory, CONFIG_FILE)).catch(() => undefined)) !== undefined;

/**
 * A run that goes back writes other checkpoints under the steps that come again. What is served or exported must not be among them.
 * @throws MoatError `checkpoint-held`
 */
export async function assertNoneHeldAfter(runDirectory: string, step: number, clock: Clock): Promise<void> {
  const later = [...(await heldSteps(runDirectory, clock))].filter((held) => held > step);
  if (later.length === 0) return;
  throw new MoatError(
    'checkpoint-held',
    `${runDirectory}: step ${later.join(', ')} is promoted or being exported, and going on from step ${step} would replace it`,
    {
      fix: `Begin another run from there: moat train --fork ${path.basename(runDirectory)} --with-weights --from-step ${step}.`,
    },
  );
}

/** @throws MoatError `run-exists` when the directory already holds a run */
export async function assertNoRun(runDirectory: string): Promise<void> {
  if (!(await isRun(runDirectory))) return;
  throw new MoatError('run-exists', `${runDirectory}: a run of this name exists`, {
    fix: 'Continue it with --resume, or choose another --name.',
  });
}

/** Writes what the run was asked to do. @throws MoatError `run-exists` */
export async function createRun(runDirectory: string, config: object): Promise<void> {
  await assertNoRun(runDirectory);
  await writeFileAtomic(path.join(runDirectory, CONFIG_FILE), `${JSON.stringify(config, undefined, 2)}\n`);
}

/** What the run was asked to do. @throws MoatError `no-such-run` */
export async function readRunConfig(runDirectory: string): Promise<unknown> {
  const file = path.join(runDirectory, CONFIG_FILE);
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    if (systemCode(error) !== 'ENOENT') throw error;
    throw new MoatError('no-such-run', `${runDirectory}: there is no run here`, {
      fix: 'Start one with moat train, or see runs/ for the names.',
    });
  });
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new MoatError('bad-run-config', `${file}: not valid JSON`, {
      cause: error,
      fix: 'Start a new run with another --name.',
    });
  }
}
