/** Writing one text from another as an objective (teacher forcing), and the same loss for measuring. */
import { mul } from '../graph/ops/arithmetic.js';
import { crossEntropy } from '../graph/ops/normalize.js';
import { sum } from '../graph/ops/reshape.js';
import { type Tensor, input } from '../graph/tensor.js';
import { type EncoderDecoderModel, INFERENCE, type Parameters, type Pass } from '../models/model.js';
import { type CompileOptions, type Program, compile } from '../runtime/program.js';
import { type BuildObjective, type Objective, parameterInputs } from './objective.js';

export interface PairShape {
  readonly batchSize: number;
  /** Tokens of a source, and of a target, padding included. */
  readonly length: number;
}

export interface TranslationObjectiveOptions extends PairShape {
  /** The share of each target's probability spread over the vocabulary (Szegedy et al. 2016). Default 0. */
  readonly labelSmoothing?: number;
}

/**
 * Feeds, as `pairFeeds` makes them: `source`, `sourceMask` and `shifted` `[batchSize, length]`, `targets` and `weights`
 * `[batchSize · length]`. `loss` = Σ weight · nats; a weight is 1 ÷ (all counted tokens of the step), 0 for padding.
 */
export function translationObjective(model: EncoderDecoderModel, options: TranslationObjectiveOptions): BuildObjective {
  return (parameters, pass) => lossOf(model, options, parameters, pass);
}

/** Feeds as above and every parameter; the only output is `loss`, without smoothing or dropout. */
export async function compileTranslationLoss(
  model: EncoderDecoderModel,
  { batchSize, length }: PairShape,
  options: CompileOptions = {},
): Promise<Program> {
  const { lookUp, tensors } = parameterInputs(model.parameters);
  const { inputs, loss } = lossOf(model, { batchSize, length }, lookUp, INFERENCE);
  return compile({ loss }, [...inputs, ...tensors], options);
}

function lossOf(
  model: EncoderDecoderModel,
  { batchSize, length, labelSmoothing = 0 }: TranslationObjectiveOptions,
  parameters: Parameters,
  pass: Pass,
): Objective {
  const size = [batchSize, length];
  const source = input('source', size, 'int64');
  const mask = input('sourceMask', size);
  const shifted = input('shifted', size, 'int64');
  const targets = input('targets', [batchSize * length], 'int64');
  const weights = input('weights', [batchSize * length]);
  const hidden = model.encode(parameters, { tokens: source, mask }, pass); // [batch, time, width]
  const logits: Tensor = model.decode(parameters, shifted, { hidden, mask }, pass); // [batch · time, vocabulary]
  const loss = sum(mul(crossEntropy(logits, targets, labelSmoothing), weights));
  return { inputs: [source, mask, shifted, targets, weights], loss };
}
