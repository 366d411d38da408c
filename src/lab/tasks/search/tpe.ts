/**
 * The tree-structured Parzen estimator (Bergstra et al. 2011): of many candidates drawn near the trials that did well, the
 * one that is likeliest among those and least likely among the others. Knows settings and scores, not what they are for.
 */
import type { Rng } from '../../../base/rng.js';
import type { SearchDimension, TaskSettings } from '../task.js';

export type SearchSpace = Readonly<Record<string, SearchDimension>>;

export interface ScoredSettings {
  readonly settings: TaskSettings;
  /** Higher is better. */
  readonly score: number;
}

/** Share of trials that count as good. */
const GOOD_SHARE = 0.25;
const CANDIDATES = 24;
/** Trials drawn by chance before any are drawn near others. */
const BY_CHANCE = 8;
/** Weight of the uniform distribution in every estimate, in trials. */
const PRIOR = 1;
/** The narrowest a Gaussian gets, of the whole range. */
const LEAST_WIDTH = 0.05;

/** @param rng drawn from; the same state and history give the same proposal */
export function propose(space: SearchSpace, history: readonly ScoredSettings[], rng: Rng): TaskSettings {
  if (history.length < BY_CHANCE) {
    return mapSpace(space, (_, dimension) => fromUnit(dimension, rng.uniform()));
  }
  const sorted = history.toSorted((a, b) => b.score - a.score);
  const goodCount = Math.max(2, Math.ceil(GOOD_SHARE * sorted.length));
  const [good, bad] = [sorted.slice(0, goodCount), sorted.slice(goodCount)];
  return mapSpace(space, (name, dimension) => {
    const placesOf = (trials: readonly ScoredSettings[]): number[] =>
      trials.flatMap(({ settings }) => toUnit(dimension, settings[name]) ?? []);
    const [near, far] = [estimate(dimension, placesOf(good)), estimate(dimension, placesOf(bad))];
    let best = { place: 0, ratio: Number.NEGATIVE_INFINITY };
    for (let i = 0; i < CANDIDATES; i++) {
      const place = near.draw(rng);
      const ratio = Math.log(near.density(place)) - Math.log(far.density(place));
      if (ratio > best.ratio) best = { place, ratio };
    }
    return fromUnit(dimension, best.place);
  });
}

function mapSpace(
  space: SearchSpace,
  valueOf: (name: string, dimension: SearchDimension) => TaskSettings[string],
): TaskSettings {
  return Object.fromEntries(Object.entries(space).map(([name, dimension]) => [name, valueOf(name, dimension)]));
}

/** A value's place in [0, 1]; undefined for one that is not of the dimension. */
function toUnit(dimension: SearchDimension, value: TaskSettings[string] | undefined): number | undefined {
  if (dimension.kind === 'choice') {
    const index = dimension.values.findIndex((each) => each === value);
    return index < 0 ? undefined : (index + 0.5) / dimension.values.length;
  }
  if (typeof value !== 'number') return undefined;
  const { low, high, isLog = false } = dimension;
  return isLog ? Math.log(value / low) / Math.log(high / low) : (value - low) / (high - low);
}

function fromUnit(dimension: SearchDimension, place: number): TaskSettings[string] {
  if (dimension.kind === 'choice') {
    const { values } = dimension;
    return values[Math.min(values.length - 1, Math.floor(place * values.length))] as TaskSettings[string];
  }
  const { low, high, isLog = false, isInteger = false } = dimension;
  const value = isLog ? low * (high / low) ** place : low + (high - low) * place;
  if (isInteger) return Math.round(value);
  // settings are shown to people and typed again
  return Number(value.toPrecision(4));
}

interface Density {
  draw(rng: Rng): number;
  density(place: number): number;
}

/** A mixture of the uniform distribution and one peak a place: a Gaussian, or of choices the choice itself. */
function estimate(dimension: SearchDimension, places: readonly number[]): Density {
  const width =
    dimension.kind === 'choice' ? 1 / dimension.values.length : Math.max(LEAST_WIDTH, 1 / (1 + places.length));
  const total = places.length + PRIOR;
  const peak =
    dimension.kind === 'choice'
      ? (place: number, centre: number): number => Number(Math.abs(place - centre) < width / 2) / width
      : (place: number, centre: number): number => gaussian(place, centre, width);
  return {
    draw(rng) {
      const index = rng.below(total);
      const centre = places[index];
      if (centre === undefined) return rng.uniform();
      const place = dimension.kind === 'choice' ? centre : centre + width * rng.normal();
      // what falls outside is drawn back in from the border
      return Math.min(1 - 1e-9, Math.max(0, place));
    },
    density: (place) => (PRIOR + places.reduce((sum, centre) => sum + peak(place, centre), 0)) / total,
  };
}

function gaussian(x: number, mean: number, deviation: number): number {
  return Math.exp(-(((x - mean) / deviation) ** 2) / 2) / (deviation * Math.sqrt(2 * Math.PI));
}
