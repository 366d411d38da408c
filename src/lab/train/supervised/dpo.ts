/**
 * Direct preference optimisation (Rafailov et al. 2023): of two answers the better becomes likelier than the worse, measured
 * against the model as it was. loss = −log σ(β·((log π(c) − log ref(c)) − (log π(r) − log ref(r)))), a mean over pairs.
 */
import { invariant } from '../../../base/errors.js';
import { mul, neg, scale, sub } from '../../graph/ops/arithmetic.js';
import { concat, slice } from '../../graph/ops/layout.js';
import { crossEntropy } from '../../graph/ops/normalize.js';
import { reshape, sum } from '../../graph/ops/reshape.js';
import { type Tensor, constant, input } from '../../graph/tensor.js';
import { type CausalModel, INFERENCE, type Parameters, type Pass } from '../../models/model.js';
import { type CompileOptions, type Value, compile, floats } from '../../runtime/program.js';
import { carriedStateName } from '../language-objective.js';
import { type BuildObjective, parameterInputs } from '../objective.js';
import {
  type MaskedTokens,
  type Row,
  createRowOrder,
  createRowSource,
  epochRows,
  rowFeeds,
} from './conversation-source.js';
import { type MeasuredBatch, type TuningTask, freshStates, learnedTokens } from './tuning-task.js';

/** Both answers with what was asked, of which the answer alone is learned. */
export interface PreferencePair {
  readonly id: string;
  readonly origin: string;
  readonly chosen: MaskedTokens;
  readonly rejected: MaskedTokens;
}

export interface PreferenceShape {
  /** Pairs of a batch. */
  readonly pairCount: number;
  readonly sequenceLength: number;
}

/** Log probabilities of answers by the model as it was, in the order of the pairs. */
export interface ReferenceLogProbabilities {
  readonly chosen: Float64Array;
  readonly rejected: Float64Array;
}

interface PreferenceInputs {
  readonly logProbabilities: Tensor;
  readonly inputs: readonly Tensor[];
}

/** Feeds `tokens` `[2·pairs, time]`, the chosen first; `targets` and `learned` `[2·pairs·time]`. @returns `[2·pairs]` */
function answerLogProbabilities(
  model: CausalModel,
  { pairCount, sequenceLength }: PreferenceShape,
  parameters: Parameters,
  pass: Pass,
): PreferenceInputs {
  const rows = 2 * pairCount;
  const tokens = input('tokens', [rows, sequenceLength], 'int64');
  const targets = input('targets', [rows * sequenceLength], 'int64');
  const learned = input('learned', [rows * sequenceLength]);
  const states = model.cacheShape.states.map((shape, i) => input(carriedStateName(i), [rows, ...shape]));
  const { logits } = model.forward(parameters, { tokens, states }, pass);
  const nats = mul(crossEntropy(logits, targets), learned);
  return {
    logProbabilities: neg(sum(reshape(nats, [rows, sequenceLength]), [1])),
    inputs: [tokens, targets, learned, ...states],
  };
}

/**
 * Feeds those of `answerLogProbabilities`, `reference` `[2·pairs]` and `weights` `[pairs]`. Output `margins` `[pairs]`: by how
 * many nats, times β, the chosen answer gained on the rejected one.
 * @param beta how firmly the model is held to what it was; 0.1 in the paper
 */
export function preferenceObjective(model: CausalModel, shape: PreferenceShape, beta: number): BuildObjective {
  const { pairCount } = shape;
  return (parameters, pass) => {
    const { logProbabilities, inputs } = answerLogProbabilities(model, shape, parameters, pass);
    const reference = input('reference', [2 * pairCount]);
    const weights = input('weights', [pairCount]);
    const gains = sub(logProbabilities, reference);
    const margins = scale(sub(slice(gains, 0, 0, pairCount), slice(gains, 0, pairCount, 2 * pairCount)), beta);
    return {
      inputs: [...inputs, reference, weights],
      loss: sum(mul(negativeLogSigmoid(margins), weights)),
      outputs: { margins },
    };
  };
}

/** −log σ(x) = log(e^x + e^0) − x: the nats of the first of two classes with logits x and 0, without overflow. */
function negativeLogSigmoid(x: Tensor): Tensor {
  const [count] = x.shape as readonly [number];
  const zeros = constant(new Float32Array(count), [count, 1]);
  return crossEntropy(concat([reshape(x, [count, 1]), zeros], 1), constant(new BigInt64Array(count), [count], 'int64'));
}

interface PreferenceBatchOptions extends PreferenceShape {
  readonly fillToken: number;
}

/** The pairs' feeds, chosen rows first. @param pairs no more than `pairCount`; missing ones are empty */
function pairFeeds(pairs: readonly PreferencePair[], options: PreferenceBatchOptions): Record<string, Value> {
  const { pairCount } = options;
  const examples = [...pairs.map(({ chosen }) => chosen), ...pairs.map(({ rejected }) => rejected)];
  const rows = Array.from({ length: 2 * pairCount }, (_, row): Row => {
    const index = row % pairCount;
    return index < pairs.length ? [row < pairCount ? index : pairs.length + index] : [];
  });
  const shape = { ...options, batchSize: 2 * pairCount, packed: false };
  const { feeds, counted } = rowFeeds(rows, examples, shape);
  return { ...feeds, learned: floats(counted, [counted.length]) };
}

/**
 * What the model gives to the answers before it learns; computed once.
 * @param weights of the model as it was, by name
 */
export async function referenceLogProbabilities(
  model: CausalModel,
  weights: ReadonlyMap<string, Value>,
  pairs: readonly PreferencePair[],
  options: PreferenceBatchOptions & CompileOptions & { readonly signal?: AbortSignal },
): Promise<ReferenceLogProbabilities> {
  const { pairCount, threads } = options;
  const { lookUp, tensors } = parameterInputs(model.parameters);
  const { logProbabilities, inputs } = answerLogProbabilities(model, options, lookUp, INFERENCE);
  const program = await compile(
    { logProbabilities },
    [...inputs, ...tensors],
    threads === undefined ? {} : { threads },
  );
  const result = { chosen: new Float64Array(pairs.length), rejected: new Float64Array(pairs.length) };
  const always = { ...Object.fromEntries(weights), ...freshStates(model, 2 * pairCount) };
  try {
    for (let first = 0; first < pairs.length; first += pairCount) {
      options.signal?.throwIfAborted();
      const batch = pairs.slice(first, first + pairCount);
      const run = await program.run({ ...always, ...pairFeeds(batch, options) });
      const data = run['logProbabilities']?.data as Float32Array;
      result.chosen.set(data.subarray(0, batch.length), first);
      result.rejected.set(data.subarray(pairCount, pairCount + batch.length), first);
    }
  } finally {
    await program.close();
  }
  return result;
}

/** Pairs with what the model gave to their answers. */
export interface ReferencedPairs {
  readonly pairs: readonly PreferencePair[];
  /** Undefined where workers learn from them, who find it themselves. */
  readonly reference: ReferenceLogProbabilities | undefined;
}

/** A batch of pairs before its weights are known; each pair counts once. */
export function preferenceBatch(
  { pairs, reference }: ReferencedPairs,
  indices: readonly number[],
  options: PreferenceBatchOptions,
): MeasuredBatch {
  const { pairCount } = options;
  invariant(reference !== undefined, 'a batch of pairs needs what the model gave to their answers');
  const chosen = indices.map((index) => pairs[index] as PreferencePair);
  const given = new Float32Array(2 * pairCount);
  const counted = new Float32Array(pairCount);
  for (const [place, index] of indices.entries()) {
    given[place] = reference.chosen[index] as number;
    given[pairCount + place] = reference.rejected[index] as number;
    counted[place] = 1;
  }
  return { feeds: { ...pairFeeds(chosen, options), reference: floats(given, [2 * pairCount]) }, counted };
}

export interface PreferenceTaskOptions extends PreferenceBatchOptions {
  readonly beta: number;
  readonly seed: number;
}

/** @param train never none */
export function preferenceTask(
  model: CausalModel,
  { train, heldOut }: { readonly train: ReferencedPairs; readonly heldOut: ReferencedPairs },
  options: PreferenceTaskOptions,
): TuningTask {
  const { pairCount, sequenceLength, fillToken, beta, seed } = options;
  const states = freshStates(model, 2 * pairCount);
  const examples = train.pairs.map(({ chosen }) => chosen);
  const unpacked = { sequenceLength, packed: false };
  const batchOf = (from: ReferencedPairs, indices: readonly number[]): MeasuredBatch => {
    const { feeds, counted } = preferenceBatch(from, indices, options);
    return { feeds: { ...states, ...feeds }, counted };
  };
  return {
    name: 'dpo',
    objective: preferenceObjective(model, options, beta),
    source: (always) =>
      createRowSource(
        createRowOrder((epoch) => epochRows(examples, unpacked, seed, epoch)),
        pairCount,
        (rows) => batchOf(train, rows.flat()),
        always,
      ),
    batchSize: pairCount,
    batchesPerEpoch: Math.max(1, Math.ceil(train.pairs.length / pairCount)),
    tokensPerBatch: 2 * pairCount * sequenceLength,
    learnedTokens: learnedTokens(examples) + learnedTokens(train.pairs.map(({ rejected }) => rejected)),
    *heldOut() {
      for (let first = 0; first < heldOut.pairs.length; first += pairCount) {
        const count = Math.min(pairCount, heldOut.pairs.length - first);
        yield batchOf(
          heldOut,
          Array.from({ length: count }, (_, i) => first + i),
        );
      }
    },
    heldOutIds: heldOut.pairs.map(({ id }) => id),
    examples: {
      ...unpacked,
      fillToken,
      sides: {
        'train.chosen': train.pairs.map(({ chosen, origin }) => ({ ...chosen, origin })),
        'train.rejected': train.pairs.map(({ rejected, origin }) => ({ ...rejected, origin })),
        'heldOut.chosen': heldOut.pairs.map(({ chosen }) => chosen),
        'heldOut.rejected': heldOut.pairs.map(({ rejected }) => rejected),
      },
    },
    heldOutBytesPerUnit: undefined,
    describe: (starts) => starts.map((index) => train.pairs[index]?.origin).join(', '),
  };
}
