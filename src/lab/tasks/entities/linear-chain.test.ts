import { expect, test } from 'vitest';
import { Rng } from '../../../base/rng.js';
import { type ChainScores, expectations, likeliestTags, scoreOfTags } from './linear-chain.js';

function randomScores(rng: Rng, tagCount: number, time: number): ChainScores {
  const draw = (count: number): Float64Array => Float64Array.from({ length: count }, () => 6 * rng.uniform() - 3);
  const transitions = draw((tagCount + 1) * tagCount);
  // tag 2 never follows tag 0
  transitions[0 * tagCount + 2] = -Infinity;
  return { tagCount, places: draw(time * tagCount), transitions };
}

function everySequence(tagCount: number, time: number): number[][] {
  if (time === 0) return [[]];
  return everySequence(tagCount, time - 1).flatMap((tags) =>
    Array.from({ length: tagCount }, (_, tag) => [...tags, tag]),
  );
}

test('sums, probabilities and the likeliest sequence are those of all sequences written out', () => {
  const rng = Rng.fromSeed(4);
  for (let round = 0; round < 20; round++) {
    const [tagCount, time] = [3, 1 + rng.below(5)];
    const scores = randomScores(rng, tagCount, time);
    const all = everySequence(tagCount, time).map((tags) => ({ tags, weight: Math.exp(scoreOfTags(scores, tags)) }));
    const total = all.reduce((sum, { weight }) => sum + weight, 0);
    const counts = new Float64Array((tagCount + 1) * tagCount);
    const { logPartition, places } = expectations(scores, counts);
    expect(logPartition).toBeCloseTo(Math.log(total), 9);
    const share = (holds: (tags: number[]) => number): number =>
      all.reduce((sum, { tags, weight }) => sum + (holds(tags) * weight) / total, 0);
    for (let at = 0; at < time * tagCount; at++) {
      expect(places[at]).toBeCloseTo(
        share((tags) => Number(tags[Math.floor(at / tagCount)] === at % tagCount)),
        9,
      );
    }
    for (let index = 0; index < counts.length; index++) {
      const [before, tag] = [Math.floor(index / tagCount), index % tagCount];
      const follows = (tags: number[]): number =>
        tags.filter((each, t) => each === tag && (tags[t - 1] ?? tagCount) === before).length;
      expect(counts[index]).toBeCloseTo(share(follows), 9);
    }
    const best = all.reduce((one, other) => (other.weight > one.weight ? other : one));
    expect(likeliestTags(scores)).toEqual(best.tags);
  }
});

test('long sequences of large scores neither overflow nor vanish', () => {
  const places = Float64Array.from({ length: 2 * 3000 }, (_, at) => (at % 2 === 0 ? 400 : -400));
  const { logPartition, places: shares } = expectations(
    { tagCount: 2, places, transitions: new Float64Array(6) },
    new Float64Array(6),
  );
  expect(logPartition / 3000).toBeCloseTo(400, 6);
  expect(shares[2 * 1500]).toBeCloseTo(1, 9);
});
