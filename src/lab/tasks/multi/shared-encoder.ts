/** One encoder with a head for each of several tasks: its parameters, its loss, its answers. */
import { add, exp, mul, neg, scale, sqrt } from '../../graph/ops/arithmetic.js';
import { slice } from '../../graph/ops/layout.js';
import { softmax } from '../../graph/ops/normalize.js';
import { reshape, sum } from '../../graph/ops/reshape.js';
import { grad } from '../../graph/grad.js';
import { type Tensor, input } from '../../graph/tensor.js';
import { type EncoderModel, INFERENCE, type ParameterSpec } from '../../models/model.js';
import { type CompileOptions, compile } from '../../runtime/program.js';
import { type BuildObjective, parameterInputs } from '../../train/objective.js';
import { type Head, type HeadShape, headLogits, headLoss, headParameters } from './heads.js';
import type { Weighting } from './task-weights.js';

export interface SharedEncoder {
  readonly encoder: EncoderModel;
  readonly width: number;
  readonly heads: readonly Head[];
}

/** Fed with the weights of the tasks `[heads]`; not with `uncertainty`, which learns them. */
export const TASK_WEIGHTS = 'taskWeights';
/** Outputs: each task's loss, and the norm of its gradient at the last layer that all share. */
export const lossName = (head: Head): string => `loss:${head.name}`;
export const normName = (head: Head): string => `norm:${head.name}`;
/** The parameter of `uncertainty`: log σ² of each task. */
export const UNCERTAINTY = 'heads.logVariances';

export function sharedParameters({ encoder, width, heads }: SharedEncoder, weighting: Weighting): ParameterSpec[] {
  return [
    ...encoder.parameters,
    ...heads.flatMap((head) => headParameters(head, width)),
    ...(weighting === 'uncertainty'
      ? [{ name: UNCERTAINTY, shape: [heads.length], initializer: { kind: 'zeros' as const }, role: 'vector' as const }]
      : []),
  ];
}

/**
 * A batch of every task at once: feeds `NAME.tokens`, `NAME.mask` `[batch, time]`, `NAME.targets`, `NAME.weights`. Fixed weights and
 * GradNorm: Σ w · L. Uncertainty (Kendall, Gal & Cipolla 2018, arXiv:1705.07115, eq. 10): Σ e^(−s) · L + s / 2, s = log σ² learned.
 */
export function sharedObjective(
  { encoder, width, heads }: SharedEncoder,
  shape: Omit<HeadShape, 'width'>,
  weighting: Weighting,
): BuildObjective {
  return (parameters, pass) => {
    const weights = input(TASK_WEIGHTS, [heads.length]);
    const parts = heads.map((head) => {
      const { tokens, mask } = textInputs(head, shape);
      const hidden = encoder.encode(parameters, { tokens, mask }, pass);
      const sizes = { ...shape, width };
      const { inputs, loss } = headLoss(head, headLogits(parameters, head, { hidden, mask }, sizes), sizes);
      return { inputs: [tokens, mask, ...inputs], loss };
    });
    const weighed = parts.map(({ loss }, index) => {
      if (weighting !== 'uncertainty') return mul(loss, at(weights, index));
      const logVariance = at(parameters(UNCERTAINTY), index);
      return add(mul(loss, exp(neg(logVariance))), scale(logVariance, 0.5));
    });
    const last = lastShared(encoder);
    const norms = weighting === 'gradnorm' ? parts.map(({ loss }) => normOf(loss, parameters(last))) : [];
    return {
      inputs: [...parts.flatMap(({ inputs }) => inputs), ...(weighting === 'uncertainty' ? [] : [weights])],
      loss: weighed.reduce((a, b) => add(a, b)),
      outputs: Object.fromEntries([
        ...parts.map(({ loss }, index): [string, Tensor] => [lossName(heads[index] as Head), loss]),
        ...norms.map((norm, index): [string, Tensor] => [normName(heads[index] as Head), norm]),
      ]),
    };
  };
}

function textInputs(
  { name }: Head,
  { batchSize, sequenceLength }: Omit<HeadShape, 'width'>,
): { readonly tokens: Tensor; readonly mask: Tensor } {
  return {
    tokens: input(`${name}.tokens`, [batchSize, sequenceLength], 'int64'),
    mask: input(`${name}.mask`, [batchSize, sequenceLength]),
  };
}

/** A scalar of a vector. */
const at = (vector: Tensor, index: number): Tensor => reshape(slice(vector, 0, index, index + 1), []);

function normOf(loss: Tensor, parameter: Tensor): Tensor {
  const [gradient] = grad(loss, [parameter]) as [Tensor];
  return sqrt(sum(mul(gradient, gradient)));
}

/** The last matrix of the encoder. @throws RangeError for an encoder without one */
function lastShared({ parameters }: EncoderModel): string {
  const last = parameters.findLast(({ name, role }) => role === 'matrix' && name.includes('layer.'));
  if (last === undefined) throw new RangeError('the encoder has no layers');
  return last.name;
}

/** Probabilities of one task's classes: `[batch, classes]`, or `[batch · time, classes]`. Feeds `NAME.tokens` and `NAME.mask`. */
export async function compileAnswers(
  { encoder, width, heads }: SharedEncoder,
  head: Head,
  shape: Omit<HeadShape, 'width'>,
  options: CompileOptions,
) {
  const { lookUp, tensors } = parameterInputs(sharedParameters({ encoder, width, heads }, 'fixed'));
  const { tokens, mask } = textInputs(head, shape);
  const hidden = encoder.encode(lookUp, { tokens, mask }, INFERENCE);
  const probabilities = softmax(headLogits(lookUp, head, { hidden, mask }, { ...shape, width }));
  return compile({ probabilities }, [tokens, mask, ...tensors], options);
}
