/**
 * Figures of ranked lists: what a recommender or a search puts first. Graded gains with scikit-learn's definitions, lists
 * of items with those of the field. Each function scores one list; the mean over users or queries is the caller's.
 */

/** What a place is worth: 1 ÷ log₂(rank + 2), ranks from 0 (Järvelin & Kekäläinen 2002). */
const discountOf = (rank: number): number => 1 / Math.log2(rank + 2);

function checkCutoff(cutoff: number): void {
  if (!(cutoff >= 1) || (cutoff !== Number.POSITIVE_INFINITY && !Number.isInteger(cutoff)))
    throw new RangeError(`a list is cut after 1 or more items, not ${cutoff}`);
}

/** Σ gain ÷ log₂(rank + 2) of gains that are in order already, over the first `cutoff`. */
function sumInOrder(gains: ArrayLike<number>, cutoff: number): number {
  let total = 0;
  for (let rank = 0; rank < Math.min(cutoff, gains.length); rank++) total += (gains[rank] as number) * discountOf(rank);
  return total;
}

/**
 * Discounted cumulative gain, as scikit-learn's `dcg_score` of one row. Items of equal score share their places: each
 * place of a tie is worth the tie's mean gain (McSherry & Najork 2008), so that no order of input is favoured.
 * @param gains relevance of every item, linear
 * @param scores of the same items; the highest comes first
 * @param cutoff only the first so many places count
 * @throws RangeError when the two differ in length, a score is NaN or the cutoff is no positive integer
 */
export function discountedGain(
  gains: ArrayLike<number>,
  scores: ArrayLike<number>,
  cutoff = Number.POSITIVE_INFINITY,
): number {
  checkCutoff(cutoff);
  if (gains.length !== scores.length)
    throw new RangeError(`${gains.length} gains and ${scores.length} scores do not belong together`);
  const order = Array.from({ length: scores.length }, (_, item) => item);
  if (order.some((item) => Number.isNaN(scores[item]))) throw new RangeError('a score is NaN and has no place');
  order.sort((a, b) => (scores[b] as number) - (scores[a] as number));
  let total = 0;
  for (let start = 0; start < order.length && start < cutoff;) {
    const score = scores[order[start] as number];
    let [end, gain, discount] = [start, 0, 0];
    for (; end < order.length && scores[order[end] as number] === score; end++) {
      gain += gains[order[end] as number] as number;
      if (end < cutoff) discount += discountOf(end);
    }
    total += (gain / (end - start)) * discount;
    start = end;
  }
  return total;
}

/**
 * Normalised discounted cumulative gain: `discountedGain` ÷ that of the best possible order, as scikit-learn's
 * `ndcg_score` of one row. 0 where nothing is relevant, as there.
 * @param cutoff k of nDCG@k
 * @throws RangeError as `discountedGain`, and for a negative gain, with which the ratio means nothing
 */
export function normalizedGain(
  gains: ArrayLike<number>,
  scores: ArrayLike<number>,
  cutoff = Number.POSITIVE_INFINITY,
): number {
  const best = Float64Array.from(gains).sort().reverse();
  if (best.some((gain) => !(gain >= 0))) throw new RangeError('gains of nDCG are numbers from 0 up');
  const gained = discountedGain(gains, scores, cutoff);
  const ideal = sumInOrder(best, cutoff);
  return ideal === 0 ? 0 : gained / ideal;
}

/** Throws where an item stands twice in a list, which would count it twice. */
function checkList(ranked: readonly unknown[], cutoff: number): void {
  checkCutoff(cutoff);
  if (new Set(ranked).size !== ranked.length) throw new RangeError('an item stands twice in the list');
}

const isHit = <Item>(relevant: ReadonlySet<Item>) => {
  return (item: Item): number => Number(relevant.has(item));
};

/**
 * nDCG@k of a list whose items are either relevant or not. The best possible list has all relevant items first, also those
 * the list lacks. NaN where nothing is relevant.
 * @param ranked best first, each item once
 */
export function listGain<Item>(
  ranked: readonly Item[],
  relevant: ReadonlySet<Item>,
  cutoff = Number.POSITIVE_INFINITY,
): number {
  checkList(ranked, cutoff);
  const best = Array.from(relevant, () => 1);
  return sumInOrder(ranked.map(isHit(relevant)), cutoff) / sumInOrder(best, cutoff);
}

/** 1 ÷ place of the first relevant item, 0 without one; its mean over lists is the MRR (Voorhees 1999). */
export function reciprocalRank<Item>(
  ranked: readonly Item[],
  relevant: ReadonlySet<Item>,
  cutoff = Number.POSITIVE_INFINITY,
): number {
  checkList(ranked, cutoff);
  const rank = ranked.findIndex((item) => relevant.has(item));
  return rank < 0 || rank >= cutoff ? 0 : 1 / (rank + 1);
}

/** 1 when one relevant item at least is among the first `cutoff`, else 0; its mean over lists is the hit rate (HR@k). */
export function hitAt<Item>(ranked: readonly Item[], relevant: ReadonlySet<Item>, cutoff: number): number {
  checkList(ranked, cutoff);
  return Number(ranked.slice(0, cutoff).some((item) => relevant.has(item)));
}

/** The share of the relevant items that is among the first `cutoff` (recall@k). NaN where nothing is relevant. */
export function recallAt<Item>(ranked: readonly Item[], relevant: ReadonlySet<Item>, cutoff: number): number {
  checkList(ranked, cutoff);
  return ranked.slice(0, cutoff).filter((item) => relevant.has(item)).length / relevant.size;
}
