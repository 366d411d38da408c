/** The programs a training run executes: loss and gradients for a micro-batch, and the loss alone for evaluation. */
import { grad } from '../graph/grad.js';
import { mul } from '../graph/ops/arithmetic.js';
import { crossEntropy } from '../graph/ops/normalize.js';
import { sum } from '../graph/ops/reshape.js';
import { type Tensor, input } from '../graph/tensor.js';
import type { Architecture, LanguageModelConfig, ParameterSpec } from '../models/model.js';
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

function lossGraph<Config extends LanguageModelConfig>(
  architecture: Architecture<Config>,
  config: Config,
  { batchSize, sequenceLength }: BatchShape,
  specs: readonly ParameterSpec[],
): LossGraph {
  const byName = new Map(specs.map((spec) => [spec.name, input(spec.name, spec.shape)]));
  const tokens = input('tokens', [batchSize, sequenceLength], 'int64');
  const targets = input('targets', [batchSize * sequenceLength], 'int64');
  const lookUp = (name: string): Tensor => {
    const parameter = byName.get(name);
    if (parameter === undefined) throw new Error(`${architecture.modelType} uses ${name}, which it does not declare`);
    return parameter;
  };
  const parameters = [...byName.values()];
  const nats = crossEntropy(architecture.forward(lookUp, tokens, config), targets);
  return { inputs: [tokens, targets, ...parameters], parameters, nats };
}

/**
 * Feeds: `tokens` `[batchSize, sequenceLength]`, `targets` and `weights` `[batchSize · sequenceLength]`, and every
 * parameter under its name. Outputs: `loss` = Σ weight · nats, and a gradient for each parameter. A weight is 1 ÷ (all
 * counted tokens of the step), 0 for padding, so that micro-batches simply add up.
 */
export async function compileTrainingStep<Config extends LanguageModelConfig>(
  architecture: Architecture<Config>,
  config: Config,
  shape: BatchShape,
  options: CompileOptions = {},
): Promise<Program> {
  const specs = architecture.parameters(config);
  const { inputs, parameters, nats } = lossGraph(architecture, config, shape, specs);
  const weights = input('weights', [shape.batchSize * shape.sequenceLength]);
  const loss = sum(mul(nats, weights));
  const gradients = grad(loss, parameters);
  const outputs: Record<string, Tensor> = { loss };
  for (const [index, spec] of specs.entries()) outputs[gradientName(spec.name)] = gradients[index] as Tensor;
  return compile(outputs, [...inputs, weights], options);
}

/** Feeds as above without `weights`; the only output is `nats` `[batchSize · sequenceLength]`. */
export async function compileEvaluation<Config extends LanguageModelConfig>(
  architecture: Architecture<Config>,
  config: Config,
  shape: BatchShape,
  options: CompileOptions = {},
): Promise<Program> {
  const { inputs, nats } = lossGraph(architecture, config, shape, architecture.parameters(config));
  return compile({ nats }, inputs, options);
}
