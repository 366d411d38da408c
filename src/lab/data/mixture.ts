/**
 * How often the documents of each group (a language, a source) are trained on. Shares follow p ∝ n^(1/T) over each group's
 * bytes (Conneau et al. 2020, α = 1/T): T = 1 leaves the corpus as it is, larger T favours the small groups, down to equal
 * shares. Explicit weights multiply those. No document is repeated more often than a cap: after some four times text is worth
 * little (Muennighoff et al. 2023).
 */
import { createHash } from 'node:crypto';
import { MoatError } from '../../base/errors.js';
import type { Document } from './document.js';

/** What there is of one group. */
export interface GroupTally {
  readonly group: string;
  readonly documents: number;
  /** Of the texts in UTF-8. */
  readonly bytes: number;
}

export interface MixtureSettings {
  /** At least 1. Default 1. */
  readonly temperature?: number;
  /** By group; groups not named have weight 1. */
  readonly weights?: Readonly<Record<string, number>>;
  /** The most often one document is taken. Default 4. */
  readonly maxRepeats?: number;
  /** Bytes of the whole mixture. Default: as many as there are. The mixture is never larger. */
  readonly targetBytes?: number;
}

/** One group before and after mixing: what a report shows. */
export interface GroupShare extends GroupTally {
  readonly meanBytes: number;
  /** 0 to 1, of the bytes there are. */
  readonly share: number;
  /** 0 to 1, of the bytes of the mixture. */
  readonly mixedShare: number;
  /** How often each document is taken on average; 0 to `maxRepeats`. */
  readonly repeats: number;
}

export const MAX_REPEATS = 4;

/**
 * The mixture, group by group, in the order of the tallies. Where the cap keeps a group from its share, the others get what
 * it leaves; where it binds all of them, the mixture is smaller than asked.
 * @throws MoatError `mixture-weights` for weights that leave nothing, `mixture-group` for a weight of a group there is not
 */
export function planMixture(tallies: readonly GroupTally[], settings: MixtureSettings = {}): GroupShare[] {
  const { temperature = 1, weights = {}, maxRepeats = MAX_REPEATS } = settings;
  assertWeights(tallies, weights);
  const total = tallies.reduce((sum, { bytes }) => sum + bytes, 0);
  const demands = tallies.map(({ group, bytes }) =>
    bytes === 0
      ? 0
      : (bytes / total) ** (1 / temperature) * (Object.hasOwn(weights, group) ? (weights[group] as number) : 1),
  );
  if (total > 0 && demands.every((demand) => demand === 0)) {
    throw new MoatError('mixture-weights', 'data.weights leave nothing to train on: every group has weight 0', {
      fix: 'Give at least one group a weight above 0.',
    });
  }
  const mixed = shareOut(
    demands,
    tallies.map(({ bytes }) => bytes * maxRepeats),
    settings.targetBytes ?? total,
  );
  const mixedTotal = mixed.reduce((sum, bytes) => sum + bytes, 0);
  return tallies.map((tally, index) => ({
    ...tally,
    meanBytes: tally.documents === 0 ? 0 : tally.bytes / tally.documents,
    share: total === 0 ? 0 : tally.bytes / total,
    mixedShare: mixedTotal === 0 ? 0 : (mixed[index] as number) / mixedTotal,
    repeats: tally.bytes === 0 ? 0 : Math.min(maxRepeats, (mixed[index] as number) / tally.bytes),
  }));
}

function assertWeights(tallies: readonly GroupTally[], weights: Readonly<Record<string, number>>): void {
  for (const [group, weight] of Object.entries(weights)) {
    if (!Number.isFinite(weight) || weight < 0) {
      throw new MoatError('mixture-weights', `data.weights: the weight of ${group} is ${weight}`, {
        fix: 'Weights are numbers from 0 up.',
      });
    }
    if (!tallies.some((tally) => tally.group === group)) {
      const known = tallies
        .map((tally) => tally.group)
        .slice(0, 20)
        .join(', ');
      throw new MoatError('mixture-group', `data.weights: there are no documents of ${group}`, {
        fix: `Groups here are ${known}.`,
      });
    }
  }
}

/** Bytes for each demand in proportion, none above its cap: what the capped leave goes to the others. */
function shareOut(demands: readonly number[], caps: readonly number[], size: number): number[] {
  const given = demands.map(() => 0);
  let open = demands.map((_, index) => index).filter((index) => (demands[index] as number) > 0);
  let left = size;
  while (open.length > 0) {
    const demand = open.reduce((sum, index) => sum + (demands[index] as number), 0);
    const part = (index: number): number => (left * (demands[index] as number)) / demand;
    const capped = open.filter((index) => part(index) >= (caps[index] as number));
    if (capped.length === 0) {
      for (const index of open) given[index] = part(index);
      break;
    }
    for (const index of capped) given[index] = caps[index] as number;
    left -= capped.reduce((sum, index) => sum + (caps[index] as number), 0);
    open = open.filter((index) => !capped.includes(index));
  }
  return given;
}

/** @returns the tallies of all documents, sorted by group */
export async function tallyGroups(
  documents: AsyncIterable<Document>,
  groupOf: (document: Document) => string = languageGroup,
): Promise<GroupTally[]> {
  const tallies = new Map<string, { documents: number; bytes: number }>();
  for await (const document of documents) {
    const group = groupOf(document);
    const tally = tallies.get(group) ?? { documents: 0, bytes: 0 };
    tallies.set(group, tally);
    tally.documents++;
    tally.bytes += Buffer.byteLength(document.text);
  }
  return [...tallies].map(([group, tally]) => ({ group, ...tally })).sort((a, b) => (a.group < b.group ? -1 : 1));
}

export const languageGroup = ({ language }: Document): string => language ?? 'und';

/** What documents can be grouped by: their language, or the first folder (or the file) they come from. */
export const groupings = {
  language: languageGroup,
  source: ({ origin }: Document): string => origin.split('/')[0] as string,
} as const;

/**
 * How often this document is taken: the repeats of its group, rounded up or down by chance, which depends on the seed and
 * the document's id alone.
 */
export function timesTaken(id: string, repeats: number, seed: number): number {
  const whole = Math.floor(repeats);
  return whole + (uniformOf(`${seed}\n${id}`) < repeats - whole ? 1 : 0);
}

/** A number in [0, 1) that depends on the text alone. */
export function uniformOf(text: string): number {
  return Number(createHash('sha256').update(text).digest().readBigUInt64BE(0) >> 11n) / 2 ** 53;
}
