/**
 * A conditional random field over a sequence (Lafferty, McCallum & Pereira 2001): tags are scored together, each by what is seen
 * at its place and by the tag before it. Forward and backward sums are scaled at every place (Rabiner 1989, §V.A), the likeliest
 * sequence is Viterbi's.
 */

/** Scores of `tagCount` tags at every place, `[time · tagCount]`, and of a tag after another, `[(tagCount + 1) · tagCount]`. */
export interface ChainScores {
  readonly tagCount: number;
  readonly places: Float64Array;
  /** Row `tagCount` is that of the beginning. −Infinity forbids. */
  readonly transitions: Float64Array;
}

export interface ChainExpectations {
  /** log Σ e^score over all sequences that are allowed. */
  readonly logPartition: number;
  /** The probability of each tag at each place, `[time · tagCount]`. */
  readonly places: Float64Array;
}

/**
 * @param transitionsInto expected counts of a tag after another are added here, as `scores.transitions` lies
 * @returns probabilities of tags, over all sequences
 */
export function expectations(scores: ChainScores, transitionsInto: Float64Array): ChainExpectations {
  const { tagCount, places, transitions } = scores;
  const time = places.length / tagCount;
  const step = Float64Array.from(transitions, Math.exp);
  const emission = new Float64Array(places.length);
  const forward = new Float64Array(places.length);
  const scales = new Float64Array(time);
  let logPartition = 0;
  for (let t = 0; t < time; t++) {
    const at = t * tagCount;
    let most = -Infinity;
    for (let tag = 0; tag < tagCount; tag++) most = Math.max(most, places[at + tag] as number);
    let total = 0;
    for (let tag = 0; tag < tagCount; tag++) {
      emission[at + tag] = Math.exp((places[at + tag] as number) - most);
      let sum = t === 0 ? (step[tagCount * tagCount + tag] as number) : 0;
      for (let before = 0; t > 0 && before < tagCount; before++) {
        sum += (forward[at - tagCount + before] as number) * (step[before * tagCount + tag] as number);
      }
      forward[at + tag] = sum * (emission[at + tag] as number);
      total += forward[at + tag] as number;
    }
    for (let tag = 0; tag < tagCount; tag++) forward[at + tag] = (forward[at + tag] as number) / total;
    scales[t] = total;
    logPartition += Math.log(total) + most;
  }
  const probabilities = backward({ tagCount, time, step, emission, forward, scales }, transitionsInto);
  return { logPartition, places: probabilities };
}

interface Swept {
  readonly tagCount: number;
  readonly time: number;
  readonly step: Float64Array;
  readonly emission: Float64Array;
  readonly forward: Float64Array;
  readonly scales: Float64Array;
}

function backward(
  { tagCount, time, step, emission, forward, scales }: Swept,
  transitionsInto: Float64Array,
): Float64Array {
  const probabilities = forward.slice();
  let later = new Float64Array(tagCount).fill(1);
  for (let t = time - 1; t >= 0; t--) {
    const at = t * tagCount;
    for (let tag = 0; tag < tagCount; tag++) {
      probabilities[at + tag] = (forward[at + tag] as number) * (later[tag] as number);
      if (t === 0)
        transitionsInto[tagCount * tagCount + tag] =
          (transitionsInto[tagCount * tagCount + tag] as number) + (probabilities[tag] as number);
    }
    if (t === 0) break;
    const earlier = new Float64Array(tagCount);
    for (let before = 0; before < tagCount; before++) {
      let sum = 0;
      for (let tag = 0; tag < tagCount; tag++) {
        const path =
          ((step[before * tagCount + tag] as number) * (emission[at + tag] as number) * (later[tag] as number)) /
          (scales[t] as number);
        sum += path;
        const index = before * tagCount + tag;
        transitionsInto[index] =
          (transitionsInto[index] as number) + path * (forward[at - tagCount + before] as number);
      }
      earlier[before] = sum;
    }
    later = earlier;
  }
  return probabilities;
}

/** The likeliest sequence of tags (Viterbi 1967); of equal ones that of the lower tags. */
export function likeliestTags({ tagCount, places, transitions }: ChainScores): number[] {
  const time = places.length / tagCount;
  const from = new Int32Array(places.length);
  let scores = new Float64Array(tagCount);
  for (let t = 0; t < time; t++) {
    const next = new Float64Array(tagCount).fill(-Infinity);
    for (let tag = 0; tag < tagCount; tag++) {
      const own = places[t * tagCount + tag] as number;
      if (t === 0) next[tag] = own + (transitions[tagCount * tagCount + tag] as number);
      for (let before = 0; t > 0 && before < tagCount; before++) {
        const score = (scores[before] as number) + (transitions[before * tagCount + tag] as number) + own;
        if (score <= (next[tag] as number)) continue;
        next[tag] = score;
        from[t * tagCount + tag] = before;
      }
    }
    scores = next;
  }
  if (time === 0) return [];
  let tag = scores.reduce((best, score, at) => (score > (scores[best] as number) ? at : best), 0);
  const tags = [tag];
  for (let t = time - 1; t > 0; t--) tags.push((tag = from[t * tagCount + tag] as number));
  return tags.reverse();
}

/** The score of one sequence. */
export function scoreOfTags({ tagCount, places, transitions }: ChainScores, tags: readonly number[]): number {
  return tags.reduce((sum, tag, t) => {
    const before = tags[t - 1] ?? tagCount;
    return sum + (places[t * tagCount + tag] as number) + (transitions[before * tagCount + tag] as number);
  }, 0);
}
