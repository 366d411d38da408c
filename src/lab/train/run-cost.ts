import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import type { RunEvent } from '../../base/run-events.js';
import { eventsFileOf, readEvents } from './run-directory.js';

/** What a run used of the machine. */
export interface RunUse {
  readonly name: string;
  /** Wall seconds over every process of the run, failed and killed ones included. */
  readonly elapsedSeconds: number;
  /** The part of them on other machines, and the seconds of all those machines together. */
  readonly cluster: { readonly wallSeconds: number; readonly machineSeconds: number };
}

/** A run in the accounts: what it used, and how it ended. */
export interface RunRecord extends RunUse {
  readonly device: string | null;
  /** `unfinished`: it runs, or was killed. */
  readonly outcome: 'finished' | 'stopped' | 'converged' | 'failed' | 'unfinished';
  readonly startedAt: Date | null;
  readonly tokensSeen: number | null;
  /** Σ over its processes; null when any of them had no meter. */
  readonly joules: number | null;
}

export function recordOf(name: string, events: readonly RunEvent[]): RunRecord {
  const starts = events.filter((event) => event.type === 'start');
  const last = events.at(-1);
  return {
    name,
    ...timesOf(events),
    device: starts.at(-1)?.device ?? null,
    outcome: last?.type === 'done' ? last.reason : 'unfinished',
    startedAt: starts[0] === undefined ? null : new Date(starts[0].time),
    tokensSeen: last?.type === 'done' ? last.tokensSeen : null,
    joules: joulesOf(events),
  };
}

/** The last reading of each process. */
function joulesOf(events: readonly RunEvent[]): number | null {
  let sum: number | null = null;
  for (const [index, event] of events.entries()) {
    const next = events[index + 1];
    if (next !== undefined && next.type !== 'start') continue;
    if (event.joules === undefined) return null;
    sum = (sum ?? 0) + event.joules;
  }
  return sum;
}

/**
 * Wall seconds of a run from the times in its events: each process from its start to its last sign of life, so that a
 * process that was killed counts for what it wrote down.
 */
export function timesOf(events: readonly RunEvent[]): Pick<RunUse, 'elapsedSeconds' | 'cluster'> {
  const times = { elapsedSeconds: 0, wallSeconds: 0, machineSeconds: 0 };
  for (const [index, event] of events.entries()) {
    if (event.type !== 'start') continue;
    const next = events.findIndex((later, at) => at > index && later.type === 'start');
    const last = events.at(next === -1 ? -1 : next - 1) ?? event;
    const seconds = Math.max(0, Date.parse(last.time) - Date.parse(event.time)) / 1000;
    times.elapsedSeconds += seconds;
    if (event.machines === undefined) continue;
    times.wallSeconds += seconds;
    times.machineSeconds += seconds * event.machines;
  }
  const { elapsedSeconds, ...cluster } = times;
  return { elapsedSeconds, cluster };
}

/** Every run of a project with what it used; none when there are no runs. */
export const readRunUses = (runsDirectory: string): Promise<RunRecord[]> => createRunUseReader(runsDirectory)();

/** The same for whoever asks often: a run whose events have not changed is not read again. */
export function createRunUseReader(runsDirectory: string): () => Promise<RunRecord[]> {
  let known = new Map<string, { readonly version: string; readonly record: RunRecord }>();
  return async () => {
    const names = (await readdir(runsDirectory).catch(() => [])).sort();
    const read = await Promise.all(
      names.map(async (name) => {
        const version = await versionOf(eventsFileOf(path.join(runsDirectory, name)));
        const before = known.get(name);
        if (before?.version === version) return [name, before] as const;
        const record = recordOf(name, await readEvents(path.join(runsDirectory, name)));
        return [name, { version, record }] as const;
      }),
    );
    known = new Map(read);
    return read.map(([, { record }]) => record).filter(({ elapsedSeconds }) => elapsedSeconds > 0);
  };
}

async function versionOf(file: string): Promise<string> {
  const facts = await stat(file).catch(() => undefined);
  return facts === undefined ? 'none' : `${facts.ino} ${facts.size} ${facts.mtimeMs}`;
}
