/** A conditional random field over features of tokens, fitted by its penalised likelihood, and its file. */
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { MoatError } from '../../../base/errors.js';
import { openSafetensors, writeSafetensors } from '../../checkpoint/safetensors.js';
import { minimize } from '../../eval/baselines/l-bfgs.js';
import { type ChainScores, expectations, likeliestTags } from './linear-chain.js';
import { tokenFeatures } from './token-features.js';
import { type TextToken, textTokens } from '../text-tokens.js';

export interface TaggedText {
  readonly text: string;
  /** One a token of `textTokens`. */
  readonly tags: readonly string[];
}

export interface Tagger {
  readonly tags: readonly string[];
  /** Weights of features, and of a tag after another. */
  readonly parameterCount: number;
  /** @returns the tokens, a tag of each, and the probability of that tag at its place */
  tag(text: string): { tokens: readonly TextToken[]; tags: string[]; probabilities: number[] };
  /** Writes into an existing folder. */
  save(folder: string): Promise<void>;
}

export interface TaggerOptions {
  /** The inverse of the penalty: loss = −log-likelihood + |w|² / (2c). */
  readonly c: number;
  /** Features of fewer tokens are left out. */
  readonly minTokens: number;
  readonly maxIterations: number;
  /** Called after each pass over the texts. */
  readonly onPass?: () => void;
}

interface Sequence {
  /** Numbers of the features of every token. */
  readonly features: readonly Int32Array[];
  readonly tags: Uint16Array;
}

interface Weights {
  readonly tags: readonly string[];
  readonly featureOf: ReadonlyMap<string, number>;
  /** `[features · tags]`, then `[(tags + 1) · tags]`. */
  readonly values: Float64Array;
}

/** Which tag may follow which; the row behind the last is of the beginning. `I-X` only follows `B-X` and `I-X`. */
export function allowedSteps(tags: readonly string[]): Uint8Array {
  return Uint8Array.from({ length: (tags.length + 1) * tags.length }, (_, index) => {
    const tag = tags[index % tags.length] as string;
    const before = tags[Math.floor(index / tags.length)];
    if (!tag.startsWith('I-')) return 1;
    return before !== undefined && before !== 'O' && before.slice(2) === tag.slice(2) ? 1 : 0;
  });
}

/** `O`, and both tags of every type: an entity of one token may be longer elsewhere. */
export function tagsToLearn(seen: readonly string[]): string[] {
  const types = new Set(seen.flatMap((tag) => (tag === 'O' ? [] : [tag.slice(2)])));
  return ['O', ...[...types].sort().flatMap((type) => [`B-${type}`, `I-${type}`])];
}

export function fitTagger(texts: readonly TaggedText[], options: TaggerOptions): Tagger {
  const tags = tagsToLearn(texts.flatMap(({ tags: of }) => of));
  const seen = texts.map(({ text }) => tokenFeatures(text, textTokens(text)));
  const featureOf = numberFeatures(seen, options.minTokens);
  const numberOf = new Map(tags.map((tag, index) => [tag, index]));
  const sequences = seen.map((features, row) => ({
    features: features.map((names) => numbersOf(names, featureOf)),
    tags: Uint16Array.from(texts[row]?.tags ?? [], (tag) => numberOf.get(tag) as number),
  }));
  const size = (featureOf.size + tags.length + 1) * tags.length;
  const allowed = allowedSteps(tags);
  const values = minimize(
    new Float64Array(size),
    (point, gradient) => {
      options.onPass?.();
      return lossOf({ point, gradient, sequences, allowed, tagCount: tags.length }, options.c);
    },
    { maxIterations: options.maxIterations, tolerance: 1e-3 },
  );
  // as they are saved: what was measured is what is loaded
  return createTagger({ tags, featureOf, values: Float64Array.from(Float32Array.from(values)) });
}

function numberFeatures(texts: readonly (readonly string[][])[], minTokens: number): Map<string, number> {
  const counts = new Map<string, number>();
  for (const name of texts.flat(2)) counts.set(name, (counts.get(name) ?? 0) + 1);
  const kept = [...counts].filter(([, count]) => count >= minTokens).map(([name]) => name);
  return new Map(kept.map((name, index) => [name, index]));
}

const numbersOf = (names: readonly string[], featureOf: ReadonlyMap<string, number>): Int32Array =>
  Int32Array.from(names.flatMap((name) => featureOf.get(name) ?? []));

interface Evaluation {
  readonly point: Float64Array;
  /** Written. */
  readonly gradient: Float64Array;
  readonly sequences: readonly Sequence[];
  readonly allowed: Uint8Array;
  readonly tagCount: number;
}

/** −Σ log p(tags ∣ text) + |w|² / (2c), and its gradient: expected less seen counts. */
function lossOf({ point, gradient, sequences, allowed, tagCount }: Evaluation, c: number): number {
  let loss = 0;
  for (let index = 0; index < point.length; index++) {
    const weight = point[index] as number;
    gradient[index] = weight / c;
    loss += (weight * weight) / (2 * c);
  }
  const steps = gradient.subarray(gradient.length - allowed.length);
  for (const { features, tags } of sequences) {
    const scores = scoresOf(features, { point, allowed, tagCount });
    const { logPartition, places } = expectations(scores, steps);
    loss += logPartition;
    for (const [t, numbers] of features.entries()) {
      const tag = tags[t] as number;
      const index = (tags[t - 1] ?? tagCount) * tagCount + tag;
      loss -= (scores.places[t * tagCount + tag] as number) + (scores.transitions[index] as number);
      steps[index] = (steps[index] as number) - 1;
      places[t * tagCount + tag] = (places[t * tagCount + tag] as number) - 1;
      for (const feature of numbers) {
        for (let k = 0; k < tagCount; k++) {
          const at = feature * tagCount + k;
          gradient[at] = (gradient[at] as number) + (places[t * tagCount + k] as number);
        }
      }
    }
  }
  return loss;
}

function scoresOf(
  features: readonly Int32Array[],
  { point, allowed, tagCount }: Pick<Evaluation, 'point' | 'allowed' | 'tagCount'>,
): ChainScores {
  const places = new Float64Array(features.length * tagCount);
  for (const [t, numbers] of features.entries()) {
    for (const feature of numbers) {
      for (let k = 0; k < tagCount; k++) {
        places[t * tagCount + k] = (places[t * tagCount + k] as number) + (point[feature * tagCount + k] as number);
      }
    }
  }
  const first = point.length - allowed.length;
  const transitions = Float64Array.from(allowed, (may, index) =>
    may === 1 ? (point[first + index] as number) : -Infinity,
  );
  return { tagCount, places, transitions };
}

function createTagger(weights: Weights): Tagger {
  const { tags, featureOf, values } = weights;
  const allowed = allowedSteps(tags);
  return {
    tags,
    parameterCount: values.length,
    tag(text) {
      const tokens = textTokens(text);
      const features = tokenFeatures(text, tokens).map((names) => numbersOf(names, featureOf));
      const scores = scoresOf(features, { point: values, allowed, tagCount: tags.length });
      const numbers = likeliestTags(scores);
      const { places } = expectations(scores, new Float64Array(allowed.length));
      return {
        tokens,
        tags: numbers.map((tag) => tags[tag] as string),
        probabilities: numbers.map((tag, t) => places[t * tags.length + tag] as number),
      };
    },
    save: (folder) => saveTagger(folder, weights),
  };
}

const NAMES_FILE = 'tagger.json';
const WEIGHTS_FILE = 'tagger.safetensors';
const fileSchema = z.object({ tags: z.array(z.string()), features: z.array(z.string()) });

/** Weights of 32 bits: a tag changes only where two were equal to seven digits. */
async function saveTagger(folder: string, { tags, featureOf, values }: Weights): Promise<void> {
  const json = JSON.stringify({ tags, features: [...featureOf.keys()] });
  await writeFile(path.join(folder, NAMES_FILE), json, { flag: 'wx' });
  const data = Float32Array.from(values);
  await writeSafetensors(path.join(folder, WEIGHTS_FILE), [{ name: 'weights', shape: [data.length], data }]);
}

/** @throws MoatError `bad-task-model` */
export async function loadTagger(folder: string): Promise<Tagger> {
  const file = path.join(folder, NAMES_FILE);
  try {
    const { tags, features } = fileSchema.parse(JSON.parse(await readFile(file, 'utf8')));
    const size = (features.length + tags.length + 1) * tags.length;
    const stored = await openSafetensors(path.join(folder, WEIGHTS_FILE));
    try {
      const values = Float64Array.from(await stored.readFloat32('weights', new Float32Array(size)));
      return createTagger({ tags, featureOf: new Map(features.map((name, index) => [name, index])), values });
    } finally {
      await stored.close();
    }
  } catch (error) {
    throw new MoatError('bad-task-model', `${file}: not of a model as Moat writes it`, {
      fix: 'Fit it again.',
      cause: error,
    });
  }
}
