/** The programs a training run executes: loss and gradients for a micro-batch, and the loss alone for evaluation. */
import { grad } from '../graph/grad.js';
import { mul } from '../graph/ops/arithmetic.js';
import { crossEntropy } from '../graph/ops/normalize.js';
import { sum } from '../graph/ops/reshape.js';
import { type Tensor, input } from '../graph/tensor.js';
import { type CausalModel, INFERENCE } from '../models/model.js';
import { type CompileOptions, type Program, compile } from '../runtime/program.js';

export interface BatchShape {
  readonly batchSize: number;
  readonly sequenceLength: number;
}

/** The output under which a parameter's gradient is returned. */
export const gradientName = (parameter: string): string => `gradient:${parameter}`;

interface LossGraph {
  readonly inputs: readonly Tensor[];
  readonly parameters: readonly Tensor[];
  /** Nats of each token, `[batchSize · sequenceLength]`. */
  readonly nats: Tensor;
}

function lossGraph(model: CausalModel, { batchSize, sequenceLength }: BatchShape): LossGraph {
  const byName = new Map(model.parameters.map((spec) => [spec.name, input(spec.name, spec.shape)]));
  const tokens = input('tokens', [batchSize, sequenceLength], 'int64');
  const targets = input('targets', [batchSize * sequenceLength], 'int64');
  const lookUp = (name: string): Tensor => {
    const parameter = byName.get(name);
    if (parameter === undefined) throw new Error(`${model.config.model_type} uses ${name}, which it does not declare`);
    return parameter;
  };
  const parameters = [...byName.values()];
  const nats = crossEntropy(model.forward(lookUp, { tokens }, INFERENCE).logits, targets);
  return { inputs: [tokens, targets, ...parameters], parameters, nats };
}

/**
 * Feeds: `tokens` `[batchSize, sequenceLength]`, `targets` and `weights` `[batchSize · sequenceLength]`, and every
 * parameter under its name. Outputs: `loss` = Σ weight · nats, and a gradient for each parameter. A weight is 1 ÷ (all
 * counted tokens of the step), 0 for padding, so that micro-batches simply add up.
 */
export async function compileTrainingStep(
  model: CausalModel,
  shape: BatchShape,
  options: CompileOptions = {},
): Promise<Program> {
  const { inputs, parameters, nats } = lossGraph(model, shape);
  const weights = input('weights', [shape.batchSize * shape.sequenceLength]);
  const loss = sum(mul(nats, weights));
  const gradients = grad(loss, parameters);
  const outputs: Record<string, Tensor> = { loss };
  for (const [index, spec] of model.parameters.entries()) outputs[gradientName(spec.name)] = gradients[index] as Tensor;
  return compile(outputs, [...inputs, weights], options);
}

/** Feeds as above without `weights`; the only output is `nats` `[batchSize · sequenceLength]`. */
export async function compileEvaluation(
  model: CausalModel,
  shape: BatchShape,
  options: CompileOptions = {},
): Promise<Program> {
  const { inputs, nats } = lossGraph(model, shape);
  return compile({ nats }, inputs, options);
}
