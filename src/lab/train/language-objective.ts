/** Next-token prediction as an objective, and the same loss for measuring. */
import { mul } from '../graph/ops/arithmetic.js';
import { crossEntropy } from '../graph/ops/normalize.js';
import { sum } from '../graph/ops/reshape.js';
import { type Tensor, input } from '../graph/tensor.js';
import { type CausalModel, INFERENCE, type SequenceInputs } from '../models/model.js';
import { type CompileOptions, type Program, compile } from '../runtime/program.js';
import { type BuildObjective, parameterInputs } from './objective.js';

export interface BatchShape {
  readonly batchSize: number;
  readonly sequenceLength: number;
}

export interface LanguageObjectiveOptions extends BatchShape {
  /** The share of each target's probability spread over the vocabulary (Szegedy et al. 2016). Default 0. */
  readonly labelSmoothing?: number;
  /** Tokens see their own document only: `segments` and `positions` are fed. Default false. */
  readonly packed?: boolean;
}

/** The input and the output that carry recurrent state `index` from one batch to the next. */
export const carriedStateName = (index: number): string => `carried:${index}`;
export const nextStateName = (index: number): string => `next:${index}`;

interface TokenInputs extends SequenceInputs {
  readonly all: readonly Tensor[];
}

function tokenInputs(model: CausalModel, { batchSize, sequenceLength, packed }: LanguageObjectiveOptions): TokenInputs {
  const size = [batchSize, sequenceLength];
  const tokens = input('tokens', size, 'int64');
  const states = model.cacheShape.states.map((shape, i) => input(carriedStateName(i), [batchSize, ...shape]));
  if (packed !== true) return { tokens, states, all: [tokens, ...states] };
  const packing = { segments: input('segments', size, 'int64'), positions: input('positions', size, 'int64') };
  return { tokens, states, packing, all: [tokens, packing.segments, packing.positions, ...states] };
}

/**
 * Feeds: `tokens` `[batchSize, sequenceLength]`, `targets` and `weights` `[batchSize · sequenceLength]`; the recurrent
 * states of models that have some; `segments` and `positions` when packed. `loss` = Σ weight · nats. A weight is 1 ÷ (all
 * counted tokens of the step), 0 for padding, so that micro-batches simply add up.
 */
export function languageObjective(model: CausalModel, options: LanguageObjectiveOptions): BuildObjective {
  return (parameters, pass) => {
    const { all, ...inputs } = tokenInputs(model, options);
    const rows = options.batchSize * options.sequenceLength;
    const targets = input('targets', [rows], 'int64');
    const weights = input('weights', [rows]);
    const { logits, states } = model.forward(parameters, inputs, pass);
    const nats = crossEntropy(logits, targets, options.labelSmoothing ?? 0);
    return {
      inputs: [...all, targets, weights],
      loss: sum(mul(nats, weights)),
      outputs: Object.fromEntries(states.map((state, index) => [nextStateName(index), state])),
    };
  };
}

/** Feeds `tokens`, `targets` and every parameter; the only output is `nats` `[batchSize · sequenceLength]`. */
export async function compileEvaluation(
  model: CausalModel,
  { batchSize, sequenceLength }: BatchShape,
  options: CompileOptions = {},
): Promise<Program> {
  const { lookUp, tensors } = parameterInputs(model.parameters);
  const tokens = input('tokens', [batchSize, sequenceLength], 'int64');
  const targets = input('targets', [batchSize * sequenceLength], 'int64');
  const nats = crossEntropy(model.forward(lookUp, { tokens }, INFERENCE).logits, targets);
  return compile({ nats }, [tokens, targets, ...tensors], options);
}
