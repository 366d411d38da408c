import { type FileHandle, open, readFile, readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { Clock } from '../../base/clock.js';
import type { RunSummary } from './api-types.js';

/** Reads run directories (`runs/<name>/events.jsonl`); knows nothing of HTTP. */

const EVENTS = 'events.jsonl';
const MAX_RUNS = 200;
const MAX_READ_BYTES = 64 * 1024 * 1024;
const FOLLOW_INTERVAL_MS = 200;
const CHUNK_BYTES = 256 * 1024;
/** A run that has written nothing for this long and did not end was killed. */
const SILENCE_MS = 120_000;

const time = z.string();
const number = z.number();
const eventSchema = z.discriminatedUnion('type', [
  z.looseObject({
    type: z.literal('start'),
    time,
    runName: z.string(),
    architecture: z.string(),
    parameterCount: number,
    totalSteps: number.optional(),
    resumedFromStep: number,
  }),
  z.looseObject({
    type: z.literal('step'),
    time,
    step: number,
    loss: number,
    tokensPerSecond: number,
    elapsedSeconds: number,
    remainingSeconds: number.nullable(),
  }),
  z.looseObject({ type: z.literal('eval'), time, step: number, loss: number, bitsPerByte: number }),
  z.looseObject({ type: z.literal('checkpoint'), time, step: number }),
  z.looseObject({
    type: z.literal('done'),
    time,
    step: number,
    // a run that ended early because it had converged is finished
    reason: z
      .enum(['finished', 'stopped', 'converged', 'failed'])
      .transform((reason) => (reason === 'converged' ? 'finished' : reason)),
    elapsedSeconds: number,
  }),
]);
type ReadEvent = z.output<typeof eventSchema>;

/** A run's name is a folder's name: nothing that could lead elsewhere. */
export function isRunName(name: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/.test(name);
}

/** Every run with at least one event, newest first; at most 200. A torn last line is not yet an event. */
export async function listRuns(runsDirectory: string, clock: Clock): Promise<RunSummary[]> {
  const names = (await readdir(runsDirectory).catch(() => [])).filter(isRunName);
  const found = await Promise.all(
    names.map(async (name) => {
      const file = path.join(runsDirectory, name, EVENTS);
      const facts = await stat(file).catch(() => undefined);
      return facts === undefined || facts.size > MAX_READ_BYTES ? undefined : { name, file, modifiedMs: facts.mtimeMs };
    }),
  );
  const newest = found.filter((run) => run !== undefined).toSorted((a, b) => b.modifiedMs - a.modifiedMs);
  const runs: RunSummary[] = [];
  for (const { name, file, modifiedMs } of newest.slice(0, MAX_RUNS)) {
    const summary = summarise(name, parseEvents(await readFile(file, 'utf8')), clock.now() - modifiedMs < SILENCE_MS);
    if (summary !== undefined) runs.push(summary);
  }
  return runs.toSorted((a, b) => b.startedAt.localeCompare(a.startedAt));
}

/** The event file of a run; undefined where the name leads elsewhere. */
export const eventsFileOf = (runsDirectory: string, name: string): string | undefined =>
  isRunName(name) ? path.join(runsDirectory, name, EVENTS) : undefined;

/** Lines that are torn or no events are passed over. */
export function parseEvents(text: string): ReadEvent[] {
  return text.split('\n').flatMap((line) => {
    try {
      const result = eventSchema.safeParse(JSON.parse(line));
      return result.success ? [result.data] : [];
    } catch {
      return [];
    }
  });
}

function summarise(name: string, events: readonly ReadEvent[], recent: boolean): RunSummary | undefined {
  let summary: RunSummary | undefined;
  for (const event of events) summary = apply(summary, event, name);
  if (summary?.state === 'running' && !recent) summary.state = 'interrupted';
  return summary;
}

function apply(summary: RunSummary | undefined, event: ReadEvent, name: string): RunSummary | undefined {
  if (event.type === 'start') {
    const { architecture, parameterCount, totalSteps = null, resumedFromStep: step } = event;
    const unknown = { loss: null, bitsPerByte: null, tokensPerSecond: null, elapsedSeconds: 0 };
    const startedAt = summary?.startedAt ?? event.time;
    return {
      ...unknown,
      ...summary,
      name,
      architecture,
      parameterCount,
      totalSteps,
      step,
      startedAt,
      state: 'running',
      remainingSeconds: null,
    };
  }
  if (summary === undefined) return undefined;
  switch (event.type) {
    case 'step': {
      const { step, loss, tokensPerSecond, elapsedSeconds, remainingSeconds } = event;
      return { ...summary, step, loss, tokensPerSecond, elapsedSeconds, remainingSeconds };
    }
    case 'eval':
      return { ...summary, bitsPerByte: event.bitsPerByte };
    case 'done':
      return {
        ...summary,
        state: event.reason,
        step: event.step,
        elapsedSeconds: event.elapsedSeconds,
        remainingSeconds: null,
      };
    case 'checkpoint':
      return summary;
  }
}

/** One line of a run's event file. */
export interface RunLine {
  /** 0-based line number: where to go on from after a broken connection is this plus one. */
  readonly index: number;
  /** The event's JSON as it stands in the file. */
  readonly json: string;
}

/** Whether the run has an event file. */
export async function hasRun(runsDirectory: string, name: string): Promise<boolean> {
  return isRunName(name) && (await stat(path.join(runsDirectory, name, EVENTS)).catch(() => undefined)) !== undefined;
}

/** Replays a run's lines from `fromLine`, then follows the file until `signal` aborts. A torn last line waits for its end. */
export async function* followRun(
  runsDirectory: string,
  name: string,
  fromLine: number,
  signal: AbortSignal,
): AsyncGenerator<RunLine> {
  const handle = await open(path.join(runsDirectory, name, EVENTS), 'r');
  try {
    let index = 0;
    for await (const json of followLines(handle, signal)) {
      if (index >= fromLine && json !== '') yield { index, json };
      index++;
    }
  } finally {
    await handle.close();
  }
}

async function* followLines(handle: FileHandle, signal: AbortSignal): AsyncGenerator<string> {
  const buffer = Buffer.alloc(CHUNK_BYTES);
  const decoder = new TextDecoder();
  let held = '';
  let offset = 0;
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
