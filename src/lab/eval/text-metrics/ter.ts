/**
 * Translation edit rate (Snover et al. 2006): edits, and shifts of whole phrases, that turn a hypothesis into a reference, as
 * sacreBLEU's reading of Tercom counts them, its limits included.
 */
import { wordsOf } from './bleu-tokenizers.js';

const MAX_SHIFT_SIZE = 10;
const MAX_SHIFT_DISTANCE = 50;
const BEAM_WIDTH = 25;
const MAX_CANDIDATES = 1000;

/** Edits, and the mean length of the references. Sums of these make the corpus's figure. */
export type TerStatistics = readonly [edits: number, referenceLength: number];

export function terStatistics(hypothesis: string, references: readonly string[], caseSensitive = false): TerStatistics {
  const words = (text: string): string[] => wordsOf(caseSensitive ? text : text.toLowerCase());
  const hyp = words(hypothesis);
  const refs = references.map(words);
  const edits = Math.min(...refs.map((ref) => editsBetween(hyp, ref)));
  return [edits, refs.reduce((sum, { length }) => sum + length, 0) / refs.length];
}

/** @param statistics summed over sentences @returns percent; above 100 where more is wrong than the reference is long */
export function terOf([edits = 0, length = 0]: ArrayLike<number> & Iterable<number>): number {
  if (length > 0) return (100 * edits) / length;
  return edits > 0 ? 100 : 0;
}

function editsBetween(hypothesis: readonly string[], reference: readonly string[]): number {
  if (reference.length === 0) return hypothesis.length;
  let words = hypothesis;
  let shifts = 0;
  let candidates = 0;
  for (;;) {
    const shift = bestShift(words, reference, candidates);
    candidates = shift.candidates;
    if (candidates >= MAX_CANDIDATES || shift.gain <= 0) break;
    shifts++;
    words = shift.words;
  }
  return shifts + distance(words, reference).edits;
}

/** What becomes of a word, seen from the hypothesis: kept, exchanged, left out; or a word of the reference put in. */
type Operation = 'keep' | 'exchange' | 'remove' | 'insert';

const OPERATIONS: readonly Operation[] = ['keep', 'exchange', 'remove', 'insert'];
const [KEEP, EXCHANGE, REMOVE, INSERT] = [0, 1, 2, 3] as const;

/** The Levenshtein distance within a band around the diagonal, and the operations that lead there. */
function distance(words: readonly string[], reference: readonly string[]): { edits: number; trace: Operation[] } {
  const width = reference.length + 1;
  const costs = new Float64Array((words.length + 1) * width).fill(Infinity);
  const chosen = new Uint8Array(costs.length);
  for (let j = 0; j < width; j++) {
    costs[j] = j;
    chosen[j] = INSERT;
  }
  const ratio = words.length === 0 ? 1 : reference.length / words.length;
  const beam = BEAM_WIDTH < ratio / 2 ? Math.ceil(ratio / 2 + BEAM_WIDTH) : BEAM_WIDTH;
  for (let i = 1; i <= words.length; i++) {
    const diagonal = Math.floor(i * ratio);
    const last = i === words.length ? width : Math.min(width, diagonal + beam);
    for (let j = Math.max(0, diagonal - beam); j < last; j++) {
      const at = i * width + j;
      const take = (cost: number, operation: number): void => {
        if (cost >= (costs[at] as number)) return;
        costs[at] = cost;
        chosen[at] = operation;
      };
      if (j > 0) {
        const same = words[i - 1] === reference[j - 1];
        take((costs[at - width - 1] as number) + (same ? 0 : 1), same ? KEEP : EXCHANGE);
      }
      take((costs[at - width] as number) + 1, REMOVE);
      if (j > 0) take((costs[at - 1] as number) + 1, INSERT);
    }
  }
  return { edits: costs[costs.length - 1] as number, trace: traceBack(chosen, words.length, width) };
}

function traceBack(chosen: Uint8Array, rows: number, width: number): Operation[] {
  const trace: Operation[] = [];
  for (let i = rows, j = width - 1; i > 0 || j > 0;) {
    const operation = OPERATIONS[chosen[i * width + j] as number] as Operation;
    trace.push(operation);
    if (operation !== 'insert') i--;
    if (operation !== 'remove') j--;
  }
  return trace.reverse();
}

interface Alignment {
  /** By position in the reference: where in the hypothesis it stands, or after what; −1 before the first. */
  readonly positions: readonly number[];
  readonly referenceErrors: readonly boolean[];
  readonly hypothesisErrors: readonly boolean[];
}

function alignmentOf(trace: readonly Operation[]): Alignment {
  const positions: number[] = [];
  const referenceErrors: boolean[] = [];
  const hypothesisErrors: boolean[] = [];
  let at = -1;
  for (const operation of trace) {
    if (operation !== 'insert') {
      at++;
      hypothesisErrors.push(operation !== 'keep');
    }
    if (operation === 'remove') continue;
    positions.push(at);
    referenceErrors.push(operation !== 'keep');
  }
  return { positions, referenceErrors, hypothesisErrors };
}

interface Shift {
  readonly gain: number;
  readonly words: readonly string[];
  readonly candidates: number;
}

/** The shift that saves most; of equal ones the longest, then the earliest, then the one that goes least far to the right. */
function bestShift(words: readonly string[], reference: readonly string[], before: number): Shift {
  const { edits, trace } = distance(words, reference);
  const { positions, referenceErrors, hypothesisErrors } = alignmentOf(trace);
  let candidates = before;
  let best: { readonly rank: readonly [number, number, number, number]; readonly words: readonly string[] } | undefined;
  const anyIn = (errors: readonly boolean[], start: number, length: number): boolean =>
    errors.slice(start, start + length).includes(true);
  for (const [from, to, length] of samePhrases(words, reference)) {
    if (!anyIn(hypothesisErrors, from, length) || !anyIn(referenceErrors, to, length)) continue;
    const aligned = positions[to] as number;
    if (aligned >= from && aligned < from + length) continue;
    let previous = -1;
    for (let offset = -1; offset < length; offset++) {
      const position = positions[to + offset];
      if (to + offset !== -1 && position === undefined) break;
      const target = to + offset === -1 ? 0 : (position as number) + 1;
      if (target === previous) continue;
      previous = target;
      const moved = shifted(words, from, length, target);
      const rank = [edits - distance(moved, reference).edits, length, -from, -target] as const;
      candidates++;
      if (best === undefined || isAhead(rank, best.rank)) best = { rank, words: moved };
    }
    if (candidates >= MAX_CANDIDATES) break;
  }
  return { gain: best?.rank[0] ?? 0, words: best?.words ?? words, candidates };
}

function isAhead(one: readonly number[], other: readonly number[]): boolean {
  const at = one.findIndex((value, index) => value !== other[index]);
  return at >= 0 && (one[at] as number) > (other[at] as number);
}

/** The words with `length` of them, from `start` on, before the one at `target`. */
function shifted(words: readonly string[], start: number, length: number, target: number): string[] {
  const phrase = words.slice(start, start + length);
  if (target < start)
    return [...words.slice(0, target), ...phrase, ...words.slice(target, start), ...words.slice(start + length)];
  // a target within the phrase counts from behind it
  const until = target > start + length ? target : length + target;
  return [...words.slice(0, start), ...words.slice(start + length, until), ...phrase, ...words.slice(until)];
}

/** Where in the hypothesis and in the reference the same words stand, and how many. */
function* samePhrases(words: readonly string[], reference: readonly string[]): Generator<[number, number, number]> {
  for (let from = 0; from < words.length; from++) {
    for (let to = 0; to < reference.length; to++) {
      if (Math.abs(to - from) > MAX_SHIFT_DISTANCE) continue;
      for (let length = 1; length <= MAX_SHIFT_SIZE; length++) {
        const [word, wanted] = [words[from + length - 1], reference[to + length - 1]];
        if (word === undefined || word !== wanted) break;
        yield [from, to, length];
      }
    }
  }
}
