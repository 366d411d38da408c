/** What stands on a shared encoder: a class of the whole text, or a tag of each word (Devlin et al. 2018, §4). */
import { add, div, mul } from '../../graph/ops/arithmetic.js';
import { linear, matmul } from '../../graph/ops/matmul.js';
import { crossEntropy } from '../../graph/ops/normalize.js';
import { reshape, sum } from '../../graph/ops/reshape.js';
import { type Tensor, input } from '../../graph/tensor.js';
import type { ParameterSpec, Parameters } from '../../models/model.js';

export interface Head {
  /** Of the task: in front of the names of its parameters and feeds. */
  readonly name: string;
  readonly kind: 'classification' | 'tagging';
  /** Labels, or tags. */
  readonly classes: readonly string[];
}

export interface HeadShape {
  readonly batchSize: number;
  readonly sequenceLength: number;
  readonly width: number;
}

export function headParameters({ name, classes }: Head, width: number): ParameterSpec[] {
  return [
    {
      name: `heads.${name}.weight`,
      shape: [classes.length, width],
      initializer: { kind: 'normal', standardDeviation: 0.02 },
      role: 'head',
    },
    { name: `heads.${name}.bias`, shape: [classes.length], initializer: { kind: 'zeros' }, role: 'vector' },
  ];
}

/**
 * @param hidden `[batch, time, width]`; the mean over the tokens of a text is classified, every token is tagged
 * @returns `[batch, classes]`, or `[batch · time, classes]`
 */
export function headLogits(
  parameters: Parameters,
  { name, kind }: Head,
  { hidden, mask }: { readonly hidden: Tensor; readonly mask: Tensor },
  { batchSize, sequenceLength, width }: HeadShape,
): Tensor {
  const rows =
    kind === 'tagging'
      ? reshape(hidden, [batchSize * sequenceLength, width])
      : div(
          reshape(matmul(reshape(mask, [batchSize, 1, sequenceLength]), hidden), [batchSize, width]),
          sum(mask, [1], true),
        );
  return add(linear(rows, parameters(`heads.${name}.weight`)), parameters(`heads.${name}.bias`));
}

/** Predictions of a batch: one a text, or one a token. */
export const predictionsOf = ({ kind }: Head, { batchSize, sequenceLength }: HeadShape): number =>
  kind === 'tagging' ? batchSize * sequenceLength : batchSize;

/** Feeds `NAME.targets` and `NAME.weights`; loss = Σ weight · nats, weights of what does not count are 0. */
export function headLoss(
  head: Head,
  logits: Tensor,
  shape: HeadShape,
): { readonly inputs: readonly Tensor[]; readonly loss: Tensor } {
  const count = predictionsOf(head, shape);
  const targets = input(`${head.name}.targets`, [count], 'int64');
  const weights = input(`${head.name}.weights`, [count]);
  return { inputs: [targets, weights], loss: sum(mul(crossEntropy(logits, targets), weights)) };
}
