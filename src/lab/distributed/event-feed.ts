/**
 * What a run on a cluster tells while it goes on: from its event file, where this machine sees it, else from what its
 * job prints. Both hold the same lines.
 */
import { readFile } from 'node:fs/promises';
import { MoatError, systemCode } from '../../base/errors.js';
import type { RunEvent } from '../../base/run-events.js';
import { parseEvents } from '../train/run-directory.js';

export interface EventFeed {
  /** The events since the last call. */
  next(): Promise<RunEvent[]>;
}

/** @param skip events of the file that are older */
export const fileFeed = (file: string, skip: number): EventFeed =>
  feedOf(async () => wholeLines(await textOf(file)), skip);

/** From all that a job has printed so far. Ray puts the name of a process in front of its lines. */
export const logFeed = (readLogs: () => Promise<string>): EventFeed =>
  feedOf(async () => markedLines(wholeLines(await readLogs()), EVENT), 0);

const EVENT = 'MOAT_EVENT ';
const ERROR = 'MOAT_ERROR ';

function feedOf(readLines: () => Promise<string[]>, skip: number): EventFeed {
  let seen = skip;
  return {
    async next() {
      const events = parseEvents(await readLines());
      const added = events.slice(seen);
      seen = Math.max(seen, events.length);
      return added;
    },
  };
}

/** What a worker said it failed by, in its own words; undefined when it said nothing. */
export function errorInLogs(logs: string): MoatError | undefined {
  const line = markedLines(logs.split('\n'), ERROR).at(-1);
  if (line === undefined) return undefined;
  try {
    const { code, what, fix } = JSON.parse(line) as { code: string; what: string; fix?: string | null };
    return new MoatError(code, what, typeof fix === 'string' ? { fix } : {});
  } catch {
    return undefined;
  }
}

/** The last thing a job printed that is not an event: what an unforeseen end is explained by. */
export function lastWords(logs: string): string {
  const lines = logs.split('\n').map((line) => line.trim());
  return lines.filter((line) => line !== '' && !line.includes(EVENT)).at(-1) ?? '';
}

function markedLines(lines: readonly string[], mark: string): string[] {
  return lines.flatMap((line) => {
    const at = line.indexOf(mark);
    return at === -1 ? [] : [line.slice(at + mark.length)];
  });
}

/** A line that is being written waits for the next look. */
const wholeLines = (text: string): string[] => text.slice(0, text.lastIndexOf('\n') + 1).split('\n');

const textOf = (file: string): Promise<string> =>
  readFile(file, 'utf8').catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT') return '';
    throw error;
  });
