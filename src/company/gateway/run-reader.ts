import { type FileHandle, open, readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '../../base/clock.js';
import type { RunHistory } from '../../base/run-history.js';
import { readClaim } from '../../lab/distributed/run-claim.js';
import { readPlace } from '../../lab/distributed/run-place.js';
import { isStopping, isTraining } from '../../lab/train/run-lock.js';
import type { RunCurve, RunSummary } from './api-types.js';
import { type LineMark, type RunLog, type RunLogReader, createRunLogReader } from './run-log.js';

/** The run directories (`runs/<name>/events.jsonl`) of a project; knows nothing of HTTP. */

const EVENTS = 'events.jsonl';
const MAX_RUNS = 200;
const FOLLOW_INTERVAL_MS = 200;
const CHUNK_BYTES = 256 * 1024;
/** A run that nobody here holds, of a job or of an older version, that has written nothing for this long and did not end was killed. */
const SILENCE_MS = 120_000;

/** A run's name is a folder's name: nothing that could lead elsewhere. */
export function isRunName(name: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/.test(name);
}

/** One line of a run's event file. */
export interface RunLine {
  /** 0-based line number: where to go on from after a broken connection is this plus one. */
  readonly index: number;
  /** The event's JSON as it stands in the file. */
  readonly json: string;
}

export interface RunReader {
  /** The newest 200 runs with at least one event, newest first. */
  list(): Promise<RunSummary[]>;
  /** Undefined where there is no such run. */
  curve(name: string): Promise<RunCurve | undefined>;
  /** Whether the run has an event file. */
  has(name: string): Promise<boolean>;
  /** Replays a run's lines from `fromLine`, then follows the file until `signal` aborts. A torn last line waits for its end. */
  follow(name: string, fromLine: number, signal: AbortSignal): AsyncGenerator<RunLine>;
}

/** @param runsDirectory need not exist */
export function createRunReader(runsDirectory: string, clock: Clock): RunReader {
  const readers = new Map<string, RunLogReader>();
  const fileOf = (name: string): string => path.join(runsDirectory, name, EVENTS);
  const readerOf = (name: string): RunLogReader => {
    const reader = readers.get(name) ?? createRunLogReader(fileOf(name));
    // the one that was not asked for the longest goes first
    readers.delete(name);
    readers.set(name, reader);
    const oldest = readers.keys().next().value;
    if (readers.size > MAX_RUNS && oldest !== undefined) readers.delete(oldest);
    return reader;
  };
  const summaryOf = async (name: string): Promise<RunSummary[]> => {
    const log = await readerOf(name).read();
    if (log === undefined) return [];
    const directory = path.join(runsDirectory, name);
    const [life, place] = await Promise.all([lifeOf(directory, log, clock), placeOf(directory, log)]);
    return summarise(name, log.history, life, place);
  };
  return {
    async list() {
      const runs: RunSummary[] = [];
      for (const name of await newestNames(runsDirectory)) runs.push(...(await summaryOf(name)));
      return runs.toSorted((a, b) => b.startedAt.localeCompare(a.startedAt));
    },
    async curve(name) {
      const log = isRunName(name) ? await readerOf(name).read() : undefined;
      return log === undefined ? undefined : { name, nextLine: log.lineCount, history: log.history };
    },
    has: async (name) => isRunName(name) && (await stat(fileOf(name)).catch(() => undefined)) !== undefined,
    async *follow(name, fromLine, signal) {
      const from = (await readerOf(name).read())?.markBefore(fromLine) ?? { line: 0, offset: 0 };
      yield* followFile(fileOf(name), from, fromLine, signal);
    },
  };
}

async function newestNames(runsDirectory: string): Promise<string[]> {
  const names = (await readdir(runsDirectory).catch(() => [])).filter(isRunName);
  const found = await Promise.all(
    names.map(async (name) => {
      const facts = await stat(path.join(runsDirectory, name, EVENTS)).catch(() => undefined);
      return facts === undefined ? [] : [{ name, modifiedMs: facts.mtimeMs }];
    }),
  );
  const newest = found.flat().toSorted((a, b) => b.modifiedMs - a.modifiedMs);
  return newest.slice(0, MAX_RUNS).map(({ name }) => name);
}

/** Of a run that did not end: whether somebody is training it at this moment, and was asked to stop. */
async function lifeOf(runDirectory: string, { history, modifiedMs }: RunLog, clock: Clock): Promise<Life> {
  if (history.done !== null) return { training: false, stopping: false };
  const isHeld = await isTraining(runDirectory);
  const isFresh = clock.now() - modifiedMs < SILENCE_MS;
  // a job goes on without the process that followed it
  const mayBeAlone = isHeld === undefined || (await readClaim(runDirectory)) !== undefined;
  const training = isHeld === true || (mayBeAlone && isFresh);
  return { training, stopping: training && isStopping(runDirectory) };
}

/** null where Moat itself trains the run, or trained it last. */
async function placeOf(runDirectory: string, { history }: RunLog): Promise<RunSummary['place']> {
  const [place, claim] = await Promise.all([readPlace(runDirectory), readClaim(runDirectory)]);
  if (place === undefined) return null;
  const { on, workers, storage } = place;
  const isLeft = claim !== undefined && (await isTraining(runDirectory)) !== true;
  return { on, workers, machines: history.start?.machines ?? null, storage, job: claim?.job ?? null, isLeft };
}

interface Life {
  readonly training: boolean;
  readonly stopping: boolean;
}

function summarise(
  name: string,
  history: RunHistory,
  { training, stopping }: Life,
  place: RunSummary['place'],
): RunSummary[] {
  const { start, startedAt, lastStep, lastEval, done } = history;
  if (start === null || startedAt === null) return [];
  return [
    {
      name,
      architecture: start.architecture,
      parameterCount: start.parameterCount,
      totalSteps: start.totalSteps ?? null,
      startedAt,
      state: done === null ? (training ? 'running' : 'interrupted') : stateOf(done.reason),
      stopping,
      place,
      message: done?.message ?? null,
      step: done?.step ?? Math.max(history.steps.at(-1) ?? 0, start.resumedFromStep),
      loss: lastStep?.loss ?? null,
      bitsPerByte: lastEval?.bitsPerByte ?? null,
      tokensPerSecond: lastStep?.tokensPerSecond ?? null,
      elapsedSeconds: done?.elapsedSeconds ?? lastStep?.elapsedSeconds ?? 0,
      remainingSeconds: done === null ? (lastStep?.remainingSeconds ?? null) : null,
    },
  ];
}

/** A run that ended early because it had converged is finished. */
const stateOf = (reason: 'finished' | 'stopped' | 'converged' | 'failed'): RunSummary['state'] =>
  reason === 'converged' ? 'finished' : reason;

async function* followFile(
  file: string,
  from: LineMark,
  fromLine: number,
  signal: AbortSignal,
): AsyncGenerator<RunLine> {
  const handle = await open(file, 'r');
  try {
    let index = from.line;
    for await (const json of followLines(handle, from.offset, signal)) {
      if (index >= fromLine && json !== '') yield { index, json };
      index++;
    }
  } finally {
    await handle.close();
  }
}

async function* followLines(handle: FileHandle, from: number, signal: AbortSignal): AsyncGenerator<string> {
  const buffer = Buffer.alloc(CHUNK_BYTES);
  const decoder = new TextDecoder();
  let held = '';
  let offset = from;
  while (!signal.aborted) {
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, offset);
    if (bytesRead === 0) {
      await sleep(FOLLOW_INTERVAL_MS, undefined, { signal }).catch(() => undefined);
      continue;
    }
    offset += bytesRead;
    const lines = (held + decoder.decode(buffer.subarray(0, bytesRead), { stream: true })).split('\n');
    held = lines.pop() ?? '';
    yield* lines;
  }
}
