import { type FileHandle, open } from 'node:fs/promises';
import { z } from 'zod';
import type { RunEvent } from '../../base/run-events.js';
import { type RunHistory, addEvent, emptyHistory } from '../../base/run-history.js';

/**
 * The event file of one run, read once: whoever asks again has only what was added since parsed. Knows nothing of HTTP.
 */

/** Between two pieces others have their turn: the thread also sells answers. */
const PIECE_BYTES = 512 * 1024;
/** The place in the file of every so many lines is kept, so that a reader who wants the end need not read all. */
const LINES_PER_MARK = 1024;
const NEWLINE = 10;

const time = z.string();
const number = z.number();
/** The events that are not steps. What a later version adds is let through. */
const otherEvent = z.discriminatedUnion('type', [
  z.looseObject({
    type: z.literal('start'),
    time,
    runName: z.string(),
    architecture: z.string(),
    parameterCount: number,
    totalSteps: number.optional(),
    resumedFromStep: number,
  }),
  z.looseObject({ type: z.literal('eval'), time, step: number, loss: number, bitsPerByte: number.optional() }),
  z.looseObject({ type: z.literal('sample'), time, step: number, prompt: z.string(), text: z.string() }),
  z.looseObject({ type: z.literal('checkpoint'), time, step: number }),
  z.looseObject({
    type: z.literal('done'),
    time,
    step: number,
    reason: z.enum(['finished', 'stopped', 'converged', 'failed']),
    elapsedSeconds: number,
  }),
]);

export interface RunLog {
  readonly history: RunHistory;
  /** Whole lines so far: where a reader of the stream goes on. */
  readonly lineCount: number;
  /** When the file was last written, milliseconds since the epoch. */
  readonly modifiedMs: number;
  /** A place in the file at or before the beginning of this line. */
  markBefore(line: number): LineMark;
}

export interface LineMark {
  readonly line: number;
  /** Bytes from the beginning of the file. */
  readonly offset: number;
}

interface State {
  /** The file's number on its disk: another one in its place is another run. */
  readonly inode: number;
  history: RunHistory;
  lineCount: number;
  offset: number;
  modifiedMs: number;
  readonly marks: number[];
}

export interface RunLogReader {
  /** Undefined where there is no such file. A torn last line is not yet an event. */
  read(): Promise<RunLog | undefined>;
}

export function createRunLogReader(file: string): RunLogReader {
  let state: State | undefined;
  let reading: Promise<RunLog | undefined> | undefined;
  const readOn = async (): Promise<RunLog | undefined> => {
    const handle = await open(file, 'r').catch(() => undefined);
    if (handle === undefined) return (state = undefined);
    try {
      const { ino: inode, size, mtimeMs } = await handle.stat();
      if (state === undefined || state.inode !== inode || size < state.offset)
        state = { inode, history: emptyHistory(), lineCount: 0, offset: 0, modifiedMs: mtimeMs, marks: [0] };
      state.modifiedMs = mtimeMs;
      if (size > state.offset) await readAdded(handle, size, state);
      return logOf(state);
    } finally {
      await handle.close();
    }
  };
  // two who ask at once share one reading
  return { read: () => (reading ??= readOn().finally(() => (reading = undefined))) };
}

function logOf({ history, lineCount, modifiedMs, marks }: State): RunLog {
  const markBefore = (line: number): LineMark => {
    const place = Math.min(Math.floor(line / LINES_PER_MARK), marks.length - 1);
    return { line: place * LINES_PER_MARK, offset: marks[place] ?? 0 };
  };
  return { history, lineCount, modifiedMs, markBefore };
}

async function readAdded(handle: FileHandle, size: number, state: State): Promise<void> {
  let piece = Buffer.allocUnsafe(PIECE_BYTES);
  while (state.offset < size) {
    const { bytesRead } = await handle.read(piece, 0, piece.length, state.offset);
    const end = piece.lastIndexOf(NEWLINE, bytesRead - 1) + 1;
    if (bytesRead === 0 || (end === 0 && bytesRead < piece.length)) return;
    // a line longer than the piece
    if (end === 0) piece = Buffer.allocUnsafe(piece.length * 2);
    else takeLines(piece.subarray(0, end), state);
  }
}

function takeLines(lines: Buffer, state: State): void {
  for (let start = 0; start < lines.length;) {
    const end = lines.indexOf(NEWLINE, start);
    const event = readEvent(lines.toString('utf8', start, end));
    if (event !== undefined) addEvent(state.history, event);
    state.lineCount++;
    start = end + 1;
    if (state.lineCount % LINES_PER_MARK === 0) state.marks.push(state.offset + start);
  }
  state.offset += lines.length;
}

/** Undefined for a line that is torn or no event. */
function readEvent(line: string): RunEvent | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (isStep(value)) return value;
  const { success, data } = otherEvent.safeParse(value);
  return success ? (data as RunEvent) : undefined;
}

const STEP_NUMBERS = ['step', 'loss', 'tokensPerSecond', 'elapsedSeconds'] as const;

/** By hand: of a hundred thousand lines nearly all are steps, and a schema takes longer over one than `JSON.parse`. */
function isStep(value: unknown): value is Extract<RunEvent, { type: 'step' }> {
  if (typeof value !== 'object' || value === null || !('type' in value) || value.type !== 'step') return false;
  return STEP_NUMBERS.every((name) => typeof Reflect.get(value, name) === 'number');
}
