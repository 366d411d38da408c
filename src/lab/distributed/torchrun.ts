/**
 * A job on this machine's own PyTorch: finds a Python that can, and lets torchrun start the workers. It knows nothing of
 * what they do but the lines they write.
 */
import { execFile, spawn } from 'node:child_process';
import { rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { MoatError } from '../../base/errors.js';
import type { RunEvent } from '../../base/run-events.js';
import { readWorkerLine } from './worker-lines.js';

export interface Python {
  readonly executable: string;
  readonly gpuCount: number;
}

/** What the worker's calls need at least; `distributed/requirements.txt` pins what it is tested with. */
const LEAST = { torch: [2, 15], transformers: [5, 24], safetensors: [0, 8] } as const;
/** For adapters. */
const LEAST_PEFT = { peft: [0, 21] } as const;

const probeFor = (names: readonly string[]): string => `
import json, importlib.metadata as m
found = {}
for name in ${JSON.stringify(names)}:
    try: found[name] = m.version(name)
    except m.PackageNotFoundError: found[name] = None
gpus = 0
if all(found.values()):
    import torch
    gpus = torch.cuda.device_count()
print(json.dumps({"found": found, "gpus": gpus}))
`;

/**
 * @param candidates interpreters to try, the first that starts is taken
 * @param requirements the file to install from, for the error
 * @param adapters whether adapters are trained
 * @throws MoatError `no-python`, `python-packages`
 */
export async function findPython(
  candidates: readonly string[],
  requirements: string,
  { adapters = false }: { readonly adapters?: boolean } = {},
): Promise<Python> {
  const needed: Record<string, readonly [number, number]> = { ...LEAST, ...(adapters ? LEAST_PEFT : {}) };
  const probe = probeFor(Object.keys(needed));
  for (const executable of candidates) {
    const answer = await promisify(execFile)(executable, ['-c', probe], { timeout: 120_000 }).catch(() => undefined);
    if (answer === undefined) continue;
    const { found, gpus } = JSON.parse(answer.stdout) as { found: Record<string, string | null>; gpus: number };
    const lacking = Object.entries(needed).flatMap(([name, least]) => lacks(name, found[name] ?? null, least));
    if (lacking.length === 0) return { executable, gpuCount: gpus };
    throw new MoatError('python-packages', `${executable}: ${lacking.join('; ')}`, {
      fix: `Run: ${executable} -m pip install -r ${requirements}. Or name another Python in MOAT_PYTHON.`,
    });
  }
  throw new MoatError('no-python', `no Python that starts: ${candidates.join(', ')}`, {
    fix: 'Install Python 3.11 or newer, or name one in MOAT_PYTHON.',
  });
}

function lacks(name: string, version: string | null, least: readonly [number, number]): string[] {
  if (version === null) return [`${name} is not installed`];
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const isEnough = major > least[0] || (major === least[0] && minor >= least[1]);
  return isEnough ? [] : [`${name} ${version} is older than ${least.join('.')}`];
}

export interface TorchrunOptions {
  readonly python: string;
  /** As `writeJobFolder` made it. */
  readonly jobFolder: string;
  readonly runDirectory: string;
  readonly workers: number;
  readonly maxRestarts: number;
  readonly env: NodeJS.ProcessEnv;
  readonly signal?: AbortSignal;
  readonly onEvent: (event: RunEvent) => void;
}

/** A file in the run's directory that asks the workers to save and end. */
export const STOP_FILE = 'stop';
const KEPT_LINES = 5;
/** The last line of a Python traceback. */
const CAUSE = /^(\[rank\d+\]:\s*)?(?!torch\.distributed\.elastic)[\w.]+(Error|Exception)\b/;

/**
 * Runs the job to its end. When `signal` aborts, the workers save, end and say so in their last event.
 * @throws MoatError the workers' own, or `workers-failed` with the last lines they wrote
 */
export async function runTorchrun(options: TorchrunOptions): Promise<void> {
  const { python, jobFolder, runDirectory, workers, maxRestarts, env, signal, onEvent } = options;
  const stopFile = path.join(runDirectory, STOP_FILE);
  await rm(stopFile, { force: true });
  const launch = ['-m', 'torch.distributed.run', '--standalone', '--nproc-per-node', String(workers)];
  const restarts = ['--max-restarts', String(maxRestarts), '--monitor-interval', '1'];
  const worker = [
    path.join(jobFolder, 'worker.py'),
    '--job',
    path.join(jobFolder, 'job.json'),
    '--launcher',
    'torchrun',
  ];
  // a group of its own: Ctrl-C is for this process, which asks the workers to save
  const child = spawn(python, [...launch, ...restarts, ...worker], {
    env: { ...env, PYTHONUNBUFFERED: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  const stop = (): void => void writeFile(stopFile, '');
  signal?.addEventListener('abort', stop);
  if (signal?.aborted === true) stop();
  const endWorkers = (): void => void child.kill('SIGTERM');
  process.once('exit', endWorkers);
  const last: string[] = [];
  let error: MoatError | undefined;
  let cause: string | undefined;
  const see = (line: string): void => {
    const said = readWorkerLine(line);
    if (said?.kind === 'event') onEvent(said.event);
    else if (said?.kind === 'error') error = said.error;
    else if (CAUSE.test(line)) cause = line.replace(/^\[rank\d+\]:\s*/, '');
    else if (last.push(line) > KEPT_LINES) last.shift();
  };
  for (const stream of [child.stdout, child.stderr]) createInterface({ input: stream }).on('line', see);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  process.removeListener('exit', endWorkers);
  signal?.removeEventListener('abort', stop);
  if (error !== undefined) throw error;
  if (code === 0) return;
  throw new MoatError('workers-failed', `torchrun ended with status ${code ?? 'none'}: ${cause ?? last.join(' | ')}`, {
    fix: 'What is saved is whole: go on with --resume.',
  });
}
