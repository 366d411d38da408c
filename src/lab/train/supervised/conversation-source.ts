/**
 * Batches of conversations for a learner: one a row, filled up, or several a row that do not see each other. Only what
 * assistants said has weight. The order depends on the seed and on how many rows were drawn, nothing else.
 */
import { Rng } from '../../../base/rng.js';
import { type Value, integers } from '../../runtime/program.js';
import type { BatchPosition } from '../batches.js';
import type { BatchShape } from '../language-objective.js';
import type { SourceBatch, TrainingSource } from '../token-source.js';

/** A text of which some tokens are learned: the part of a rendered conversation that a batch needs. */
export interface MaskedTokens {
  readonly tokens: Int32Array;
  readonly mask: Uint8Array;
}

export interface ConversationBatchOptions extends BatchShape {
  /** Several conversations a row; `segments` and `positions` are fed. */
  readonly packed: boolean;
  /** Fills rows up; no weight is on it. */
  readonly fillToken: number;
}

/** Indices of the examples that share a row. */
export type Row = readonly number[];

/** Of rows under construction, those that may still take an example: keeps packing linear in the number of examples. */
const OPEN_ROWS = 64;

/**
 * First fit over the rows still open, in the order given.
 * @param sequenceLength tokens read in a row; an example of n tokens takes n − 1, as its last is only a target
 */
export function packRows(order: readonly number[], examples: readonly MaskedTokens[], sequenceLength: number): Row[] {
  const rows: { members: number[]; left: number }[] = [];
  let open: { members: number[]; left: number }[] = [];
  for (const index of order) {
    const size = lengthOf(examples, index);
    let row = open.find(({ left }) => left >= size);
    if (row === undefined) {
      row = { members: [], left: sequenceLength };
      rows.push(row);
      open.push(row);
    }
    row.members.push(index);
    row.left -= size;
    if (open.length > OPEN_ROWS) {
      const least = Math.min(...open.map(({ left }) => left));
      open = open.filter(({ left }) => left > least);
    }
  }
  return rows.map(({ members }) => members);
}

const lengthOf = (examples: readonly MaskedTokens[], index: number): number =>
  (examples[index] as MaskedTokens).tokens.length - 1;

/** The rows of an epoch in their order. */
export function epochRows(
  examples: readonly MaskedTokens[],
  { packed, sequenceLength }: Pick<ConversationBatchOptions, 'packed' | 'sequenceLength'>,
  seed: number,
  epoch: number,
): Row[] {
  const rng = Rng.fromSeed(Math.imul(seed + 1, 0x9e3779b1) ^ Math.imul(epoch + 1, 0x85ebca6b));
  const order = rng.shuffle(Array.from(examples, (_, index) => index));
  return packed ? packRows(order, examples, sequenceLength) : order.map((index) => [index]);
}

/**
 * Rows as feeds `tokens` `[batchSize, sequenceLength]` and `targets`; when packed also `segments` and `positions`. Rows
 * that are missing are filled up.
 * @returns the feeds, and for each target 1 where it is learned
 */
export function rowFeeds(
  rows: readonly Row[],
  examples: readonly MaskedTokens[],
  { batchSize, sequenceLength, packed, fillToken }: ConversationBatchOptions,
): { feeds: Record<string, Value>; counted: Float32Array } {
  const size = batchSize * sequenceLength;
  const tokens = new Int32Array(size).fill(fillToken);
  const targets = new Int32Array(size).fill(fillToken);
  const segments = new Int32Array(size);
  const positions = new Int32Array(size);
  const counted = new Float32Array(size);
  for (let row = 0; row < batchSize; row++) {
    let at = row * sequenceLength;
    const members = rows[row] ?? [];
    for (const [segment, index] of members.entries()) {
      const { tokens: ids, mask } = examples[index] as MaskedTokens;
      for (let i = 0; i + 1 < ids.length; i++, at++) {
        tokens[at] = ids[i] as number;
        targets[at] = ids[i + 1] as number;
        counted[at] = mask[i + 1] as number;
        segments[at] = segment;
        positions[at] = i;
      }
    }
    // what fills the row up is a text of its own
    for (let i = 0; at < (row + 1) * sequenceLength; i++, at++) {
      segments[at] = members.length;
      positions[at] = i;
    }
  }
  const dims = [batchSize, sequenceLength];
  const packing = packed ? { segments: integers(segments, dims), positions: integers(positions, dims) } : {};
  return { feeds: { tokens: integers(tokens, dims), targets: integers(targets, [size]), ...packing }, counted };
}

/** Rows drawn one after another, epoch after epoch, each epoch in an order of its own. */
export interface RowOrder {
  next(): Row;
  position: BatchPosition;
}

/** @param rowsOf the rows of an epoch; never none */
export function createRowOrder(rowsOf: (epoch: number) => readonly Row[]): RowOrder {
  let position: BatchPosition = { epoch: 0, cursor: 0 };
  let rows = rowsOf(0);
  return {
    get position() {
      return position;
    },
    set position(to) {
      position = to;
      rows = rowsOf(to.epoch);
    },
    next() {
      if (position.cursor >= rows.length) this.position = { epoch: position.epoch + 1, cursor: 0 };
      const row = rows[position.cursor] as Row;
      position = { ...position, cursor: position.cursor + 1 };
      return row;
    },
  };
}

/**
 * @param examples none longer than `sequenceLength` + 1
 * @param always fed with every batch, beside it: frozen weights
 */
export function createConversationSource(
  examples: readonly MaskedTokens[],
  options: ConversationBatchOptions & { readonly seed: number },
  always: Readonly<Record<string, Value>> = {},
): TrainingSource {
  const order = createRowOrder((epoch) => epochRows(examples, options, options.seed, epoch));
  return createRowSource(order, options.batchSize, (rows) => rowFeeds(rows, examples, options), always);
}

/** A source whose batches are made of so many rows of an order. `starts` are the first examples of the rows. */
export function createRowSource(
  order: RowOrder,
  rowCount: number,
  feedsOf: (rows: readonly Row[]) => Pick<SourceBatch, 'feeds' | 'counted'>,
  always: Readonly<Record<string, Value>> = {},
): TrainingSource {
  return {
    next() {
      const rows = Array.from({ length: rowCount }, () => order.next());
      return { ...feedsOf(rows), starts: rows.map(([first]) => first as number), continues: false };
    },
    carried: () => always,
    absorb: () => {},
    get position() {
      return order.position;
    },
    seek(position) {
      order.position = position;
    },
    state: new Map(),
  };
}
