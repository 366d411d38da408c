/**
 * What a run on a cluster tells while it goes on: from its event file, where this machine sees it, else from what its
 * job prints. Both hold the same lines.
 */
import { readFile } from 'node:fs/promises';
import { type MoatError, systemCode } from '../../base/errors.js';
import type { RunEvent } from '../../base/run-events.js';
import { parseEvents } from '../train/run-directory.js';
import { readWorkerLine } from './worker-lines.js';

export interface EventFeed {
  /** The events since the last call. */
  next(): Promise<RunEvent[]>;
}

/** @param skip events of the file that are older */
export const fileFeed = (file: string, skip: number): EventFeed =>
  feedOf(async () => parseEvents(wholeLines(await textOf(file))), skip);

/**
 * From a file that is read from where the last look ended.
 * @param readFrom from this byte on; undefined where there is no file yet
 */
export function tailFeed(readFrom: (byte: number) => Promise<Buffer | undefined>, skip: number): EventFeed {
  let at = 0;
  let older = skip;
  return {
    async next() {
      const added = (await readFrom(at)) ?? Buffer.alloc(0);
      const whole = added.lastIndexOf('\n') + 1;
      const events = parseEvents(added.subarray(0, whole).toString('utf8').split('\n'));
      at += whole;
      const fresh = events.slice(older);
      older = Math.max(0, older - events.length);
      return fresh;
    },
  };
}

/** From all that a job has printed so far. */
export const logFeed = (readLogs: () => Promise<string>): EventFeed =>
  feedOf(async () => {
    const said = wholeLines(await readLogs()).map(readWorkerLine);
    return said.flatMap((line) => (line?.kind === 'event' ? [line.event] : []));
  }, 0);

function feedOf(readAll: () => Promise<RunEvent[]>, skip: number): EventFeed {
  let seen = skip;
  return {
    async next() {
      const events = await readAll();
      const added = events.slice(seen);
      seen = Math.max(seen, events.length);
      return added;
    },
  };
}

/** What the workers failed by, in their own words; undefined when they said nothing. */
export function errorInLogs(logs: string): MoatError | undefined {
  const errors = logs.split('\n').map(readWorkerLine);
  return errors.flatMap((line) => (line?.kind === 'error' ? [line.error] : [])).at(-1);
}

/** The last thing a job printed that is not an event: what an unforeseen end is explained by. */
export function lastWords(logs: string): string {
  const lines = logs.split('\n').map((line) => line.trim());
  return lines.filter((line) => line !== '' && readWorkerLine(line) === undefined).at(-1) ?? '';
}

/** A line that is being written waits for the next look. */
const wholeLines = (text: string): string[] => text.slice(0, text.lastIndexOf('\n') + 1).split('\n');

const textOf = (file: string): Promise<string> =>
  readFile(file, 'utf8').catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT') return '';
    throw error;
  });
