/**
 * SASRec (Kang & McAuley 2018, arXiv:1808.09781): which item comes next, by causal self-attention over the items before.
 * Learned positions; one item table for what goes in and what comes out (§3.3); every sublayer g as
 * x + dropout(g(LayerNorm(x))) (§3.2), its feed-forward layer as wide as the rest. Sequences stand at the end of their
 * row, so that the last position is always the latest item; row 0 of the table is the padding before them.
 */
import type { Dim } from '../graph/dims.js';
import { add, mul, relu, scale } from '../graph/ops/arithmetic.js';
import { gather } from '../graph/ops/indexing.js';
import { slice } from '../graph/ops/layout.js';
import { linear } from '../graph/ops/matmul.js';
import { layerNorm } from '../graph/ops/normalize.js';
import { reshape } from '../graph/ops/reshape.js';
import type { Tensor } from '../graph/tensor.js';
import { causalBias, fullAttention, joinHeads, paddingBias, splitHeads } from './full-attention.js';
import { dense, linearSpecs, normSpecs } from './layers.js';
import type { ParameterSpec, Parameters, Pass } from './model.js';

export interface SasRecConfig {
  /** Rows of the item table, padding included. */
  readonly itemCount: number;
  /** Items of a sequence at most: the latest. */
  readonly maxLength: number;
  readonly width: number;
  readonly blocks: number;
  readonly heads: number;
  readonly dropout: number;
}

const EPSILON = 1e-8;
const ITEMS = 'items.weight';
const POSITIONS = 'positions.weight';

/** @throws RangeError when the heads do not divide the width */
export function sasRecParameters({ itemCount, maxLength, width, blocks, heads }: SasRecConfig): ParameterSpec[] {
  if (width % heads !== 0) throw new RangeError(`${heads} heads do not divide a width of ${width}`);
  const initializer = { kind: 'normal', standardDeviation: 0.02 } as const;
  const block = (index: number): ParameterSpec[] => [
    ...normSpecs(`blocks.${index}.attention_norm`, width),
    ...['query', 'key', 'value', 'output'].flatMap((part) => linearSpecs(`blocks.${index}.${part}`, width, width)),
    ...normSpecs(`blocks.${index}.feed_forward_norm`, width),
    ...['inner', 'outer'].flatMap((part) => linearSpecs(`blocks.${index}.${part}`, width, width)),
  ];
  return [
    { name: ITEMS, shape: [itemCount, width], initializer, role: 'embedding' },
    { name: POSITIONS, shape: [maxLength, width], initializer, role: 'embedding' },
    ...Array.from({ length: blocks }, (_, index) => block(index)).flat(),
    ...normSpecs('norm', width),
  ];
}

/**
 * What is to come after each item.
 * @param items `[batch, maxLength]` int64, padded at the beginning with 0
 * @param mask `[batch, maxLength]`: 1 for an item, 0 for padding
 * @returns `[batch, maxLength, width]`
 */
export function sasRecStates(p: Parameters, items: Tensor, mask: Tensor, config: SasRecConfig, pass: Pass): Tensor {
  const { width, heads, blocks, maxLength, dropout } = config;
  const [batch] = items.shape as readonly [Dim, number];
  const norm = (name: string, x: Tensor): Tensor => layerNorm(x, p(`${name}.weight`), p(`${name}.bias`), EPSILON);
  const embedded = add(scale(gather(p(ITEMS), items), Math.sqrt(width)), p(POSITIONS)); // [batch, time, width]
  // padding is nothing, whatever row 0 has become
  let hidden = mul(pass.dropout(embedded, dropout), reshape(mask, [batch, maxLength, 1]));
  const biases = [causalBias(maxLength), paddingBias(mask)];
  for (let index = 0; index < blocks; index++) {
    const at = `blocks.${index}`;
    pass.boundary(hidden);
    const normed = norm(`${at}.attention_norm`, hidden);
    const part = (name: string): Tensor => splitHeads(dense(p, `${at}.${name}`, normed), heads);
    const attended = fullAttention({
      queries: part('query'),
      keys: part('key'),
      values: part('value'),
      biases,
      scoreFactor: (width / heads) ** -0.5,
      drop: (weights) => pass.dropout(weights, dropout),
    });
    hidden = add(hidden, pass.dropout(dense(p, `${at}.output`, joinHeads(attended)), dropout));
    const inner = relu(dense(p, `${at}.inner`, norm(`${at}.feed_forward_norm`, hidden)));
    hidden = add(hidden, pass.dropout(dense(p, `${at}.outer`, pass.dropout(inner, dropout)), dropout));
  }
  return norm('norm', hidden);
}

/** @param states `[rows, width]` @returns a score for every row of the item table `[rows, itemCount]` */
export const itemScores = (p: Parameters, states: Tensor): Tensor => linear(states, p(ITEMS));

/** What is to come after the last item. @returns `[batch, width]` */
export function lastStates(states: Tensor, { maxLength, width }: SasRecConfig): Tensor {
  const [batch] = states.shape as readonly [Dim, number, number];
  return reshape(slice(states, 1, maxLength - 1, maxLength), [batch, width]);
}
