import { readdir } from 'node:fs/promises';
import path from 'node:path';
import type { RunEvent } from '../../base/run-events.js';
import { readEvents } from './run-directory.js';

/** What a run used of the machine. */
export interface RunUse {
  readonly name: string;
  /** Wall seconds over every process of the run, failed and killed ones included. */
  readonly elapsedSeconds: number;
}

/**
 * Wall seconds of a run from the times in its events: each process from its start to its last sign of life, so that a
 * process that was killed counts for what it wrote down.
 */
export function wallSecondsOf(events: readonly RunEvent[]): number {
  let total = 0;
  let startedMs: number | undefined;
  let lastMs = 0;
  const close = (): void => {
    if (startedMs !== undefined) total += (lastMs - startedMs) / 1000;
  };
  for (const event of events) {
    const atMs = Date.parse(event.time);
    if (event.type === 'start') {
      close();
      startedMs = atMs;
    }
    lastMs = atMs;
  }
  close();
  return Math.max(0, total);
}

/** Every run of a project with what it used; none when there are no runs. */
export async function readRunUses(runsDirectory: string): Promise<RunUse[]> {
  const names = (await readdir(runsDirectory).catch(() => [])).sort();
  const uses = await Promise.all(
    names.map(async (name) => ({
      name,
      elapsedSeconds: wallSecondsOf(await readEvents(path.join(runsDirectory, name))),
    })),
  );
  return uses.filter(({ elapsedSeconds }) => elapsedSeconds > 0);
}
