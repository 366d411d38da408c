/**
 * Muon's orthogonalisation (Jordan et al. 2024, kellerjordan.github.io/posts/muon): five steps of a quintic
 * Newton–Schulz iteration push the singular values of an update towards 1. It runs as batched products on the engine,
 * all matrices of one shape together.
 */

import { add, div, mul, scale, sqrt } from '../graph/ops/arithmetic.js';
import { matmul } from '../graph/ops/matmul.js';
import { sum } from '../graph/ops/reshape.js';
import { type Tensor, input, scalar } from '../graph/tensor.js';
import { type CompileOptions, type Program, compile } from '../runtime/program.js';

/** The tuned coefficients of p(x) = a·x + b·x³ + c·x⁵: steepest at 0 among those that keep [0, 1] bounded. */
const [A, B, C] = [3.4445, -4.775, 2.0315];

export interface MatrixGroup {
  readonly name: string;
  /** `[matrices, rows, columns]` */
  readonly shape: readonly [number, number, number];
}

/** One iteration on `[matrices, rows, columns]`; the square products are taken on the shorter side. */
function iterate(x: Tensor): Tensor {
  const [, rows, columns] = x.shape as readonly [number, number, number];
  const tall = rows > columns;
  const gram = matmul(x, x, tall ? { transposeA: true } : { transposeB: true });
  const polynomial = add(scale(gram, B), matmul(gram, gram, { alpha: C }));
  return add(scale(x, A), tall ? matmul(x, polynomial) : matmul(polynomial, x));
}

/** Every matrix divided by its Frobenius norm, then `iterations` steps. */
export function orthogonalize(updates: Tensor, iterations: number): Tensor {
  const norm = sqrt(sum(mul(updates, updates), [1, 2], true));
  let x = div(updates, add(norm, scalar(1e-7)));
  for (let i = 0; i < iterations; i++) x = iterate(x);
  return x;
}

/** One program for all groups: feeds and outputs by the groups' names. */
export async function compileOrthogonalization(
  groups: readonly MatrixGroup[],
  iterations: number,
  options: CompileOptions = {},
): Promise<Program> {
  const inputs = groups.map(({ name, shape }) => input(name, shape));
  const outputs = Object.fromEntries(
    groups.map(({ name }, i) => [`${name}:orthogonal`, orthogonalize(inputs[i] as Tensor, iterations)]),
  );
  return compile(outputs, inputs, options);
}
