/**
 * Texts, or pairs of texts, as rows of one length for a model: framed by special tokens, cut and filled up as
 * `tokenizer.json` says, with Hugging Face `tokenizers`' rules.
 */
import { z } from 'zod';
import { MoatError } from '../../base/errors.js';
import type { Frame, FrameStep } from './post-processor.js';

const direction = z.enum(['Left', 'Right']).default('Right');

export const truncationSchema = z.object({
  direction,
  max_length: z.int().min(0),
  strategy: z.enum(['LongestFirst', 'OnlyFirst', 'OnlySecond']).default('LongestFirst'),
  /** Tokens that a part shares with the one before it. */
  stride: z.int().min(0).default(0),
});
export const paddingSchema = z.object({
  strategy: z.union([z.literal('BatchLongest'), z.object({ Fixed: z.int().min(0) })]).default('BatchLongest'),
  direction,
  pad_to_multiple_of: z.int().min(0).nullish(),
  pad_id: z.int().min(0).default(0),
  pad_type_id: z.int().min(0).default(0),
  pad_token: z.string().default('[PAD]'),
});
export type Truncation = z.infer<typeof truncationSchema>;
export type Padding = z.infer<typeof paddingSchema>;

export interface EncodedRow {
  readonly ids: readonly number[];
  /** Which text a token belongs to, as the frame says. */
  readonly types: readonly number[];
  /** 1 for a token, 0 for padding. */
  readonly mask: readonly number[];
  /** Of a single text that was cut: the ids of its further parts, framed alike. */
  readonly overflowing: readonly (readonly number[])[];
}

export interface BatchOptions {
  readonly frame: Frame;
  readonly truncation?: Truncation | null | undefined;
  readonly padding?: Padding | null | undefined;
}

export type TextOrPair = string | readonly [string, string];

/** @throws MoatError `bad-truncation` where the rules cannot be met */
export function encodeBatch(
  encode: (text: string) => number[],
  inputs: readonly TextOrPair[],
  { frame, truncation, padding }: BatchOptions,
): EncodedRow[] {
  const rows = inputs.map((input) => encodeOne(encode, input, frame, truncation));
  if (padding === null || padding === undefined) return rows.map(unpadded);
  const longest = rows.reduce((most, { ids }) => Math.max(most, ids.length), 0);
  const asked = padding.strategy === 'BatchLongest' ? longest : padding.strategy.Fixed;
  const multiple = padding.pad_to_multiple_of ?? 0;
  const length = multiple > 0 ? Math.ceil(asked / multiple) * multiple : asked;
  return rows.map((row) => padded(row, length, padding));
}

interface Framed {
  readonly ids: number[];
  readonly types: number[];
  readonly overflowing: readonly number[][];
}

function encodeOne(
  encode: (text: string) => number[],
  input: TextOrPair,
  { single, pair }: Frame,
  truncation: Truncation | null | undefined,
): Framed {
  const [steps, texts] = typeof input === 'string' ? [single, [input]] : [pair, input];
  const encoded = texts.map(encode);
  if (truncation === null || truncation === undefined) return { ...framed(steps, encoded), overflowing: [] };
  const room = truncation.max_length - steps.filter(({ kind }) => kind === 'token').length;
  if (room < 0) throw badTruncation(`${truncation.max_length} tokens have no room for the special ones`);
  const lengths = cutLengths(
    encoded.map(({ length }) => length),
    room,
    truncation,
  );
  const parts = encoded.map((ids, which) => partsOf(ids, lengths[which] as number, truncation));
  const first = parts.map(([part = []]) => part);
  const rest = parts.length === 1 ? (parts[0] as number[][]).slice(1) : [];
  return { ...framed(steps, first), overflowing: rest.map((part) => framed(steps, [part]).ids) };
}

function framed(
  steps: readonly FrameStep[],
  texts: readonly (readonly number[])[],
): { ids: number[]; types: number[] } {
  const ids: number[] = [];
  const types: number[] = [];
  for (const step of steps) {
    const part = step.kind === 'token' ? [step.id] : (texts[step.which] ?? []);
    for (const id of part) ids.push(id);
    for (let i = 0; i < part.length; i++) types.push(step.type);
  }
  return { ids, types };
}

/** How many tokens of each text may stay. */
function cutLengths(lengths: readonly number[], room: number, { strategy }: Truncation): readonly number[] {
  const [first = 0, second] = lengths;
  const total = first + (second ?? 0);
  if (total <= room) return lengths;
  if (strategy === 'LongestFirst') return second === undefined ? [room] : sharedRoom(first, second, room);
  const which = strategy === 'OnlyFirst' ? 0 : 1;
  const left = (lengths[which] ?? 0) - (total - room);
  if (left <= 0)
    throw badTruncation(`the ${which === 0 ? 'first' : 'second'} text alone cannot be cut to ${room} tokens`);
  return lengths.map((length, index) => (index === which ? left : length));
}

/** The longer one is cut to the shorter one's length first, then both alike. */
function sharedRoom(first: number, second: number, room: number): readonly [number, number] {
  const shorter = Math.min(first, second);
  let longer = shorter > room ? shorter : Math.max(shorter, room - shorter);
  let kept = shorter;
  if (shorter + longer > room) {
    kept = Math.floor(room / 2);
    longer = kept + (room % 2);
  }
  return first > second ? [longer, kept] : [kept, longer];
}

/** A text in parts of so many tokens, each sharing `stride` with its neighbour; the one that stays is the first. */
function partsOf(ids: readonly number[], length: number, { stride, direction: from }: Truncation): number[][] {
  if (ids.length <= length) return [[...ids]];
  if (length === 0) return [[], [...ids]];
  if (stride >= length) throw badTruncation(`a stride of ${stride} is not less than the ${length} tokens of a part`);
  const parts: number[][] = [];
  for (let at = 0; ; at += length - stride) {
    const end = Math.min(ids.length, at + length);
    parts.push(from === 'Right' ? ids.slice(at, end) : ids.slice(ids.length - end, ids.length - at));
    if (end === ids.length) return parts;
  }
}

const unpadded = ({ ids, types, overflowing }: Framed): EncodedRow => ({
  ids,
  types,
  mask: ids.map(() => 1),
  overflowing,
});

function padded({ ids, types, overflowing }: Framed, length: number, padding: Padding): EncodedRow {
  const fill = (values: readonly number[], value: number): number[] => {
    const rest = Array.from({ length: Math.max(0, length - values.length) }, () => value);
    return padding.direction === 'Right' ? [...values, ...rest] : [...rest, ...values];
  };
  return {
    ids: fill(ids, padding.pad_id),
    types: fill(types, padding.pad_type_id),
    mask: fill(
      ids.map(() => 1),
      0,
    ),
    overflowing: overflowing.map((part) => fill(part, padding.pad_id)),
  };
}

function badTruncation(what: string): MoatError {
  return new MoatError('bad-truncation', `truncation: ${what}`, { fix: 'Allow more tokens, or a smaller stride.' });
}
