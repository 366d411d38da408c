/** Blank lines as witnesses: where a paragraph begins in both texts, a bead begins. */
import type { Sentence } from './split-sentences.js';

/** By number of sentences passed: whether a paragraph begins there. */
export interface Paragraphs {
  readonly source: Uint8Array;
  readonly target: Uint8Array;
}

/** Paragraphs say something only when both texts have about as many. */
export function paragraphsOf(sources: readonly Sentence[], targets: readonly Sentence[]): Paragraphs | undefined {
  const [a, b] = [(sources.at(-1)?.paragraph ?? 0) + 1, (targets.at(-1)?.paragraph ?? 0) + 1];
  if (Math.min(a, b) < 2 || Math.max(a, b) > 1.5 * Math.min(a, b)) return undefined;
  return { source: startsOf(sources), target: startsOf(targets) };
}

function startsOf(sentences: readonly Sentence[]): Uint8Array {
  return Uint8Array.from(sentences, (sentence, index) =>
    index > 0 && sentence.paragraph !== sentences[index - 1]?.paragraph ? 1 : 0,
  );
}

/** Nats: a bead across a border of paragraphs; a border on one side alone; borders on both sides. */
const ACROSS = 3;
const ONE_SIDED = 0.7;
const BOTH_SIDED = -0.7;

/** Nats against the bead of `sources` × `targets` sentences before `i` and `j`. */
export function paragraphCost(
  { source, target }: Paragraphs,
  sources: number,
  targets: number,
  i: number,
  j: number,
): number {
  let cost = 0;
  if (sources === 2) cost += ACROSS * (source[i - 1] as number);
  if (targets === 2) cost += ACROSS * (target[j - 1] as number);
  if (sources === 0 || targets === 0) return cost;
  const [first, second] = [source[i - sources] as number, target[j - targets] as number];
  if (first !== second) return cost + ONE_SIDED;
  return first === 1 ? cost + BOTH_SIDED : cost;
}
