/**
 * Muon's orthogonalisation (Jordan et al. 2024, kellerjordan.github.io/posts/muon): a few steps of a quintic
 * Newton–Schulz iteration push the singular values of an update towards 1. The polynomial of each step is the one that
 * is best for what the step before leaves (Polar Express, Amsel et al. 2025, arXiv:2505.16932), so that three steps do
 * what five fixed ones did. It runs as batched products on the engine, all matrices of one shape together.
 */
import { add, div, mul, scale, sqrt } from '../graph/ops/arithmetic.js';
import { matmul } from '../graph/ops/matmul.js';
import { sum } from '../graph/ops/reshape.js';
import { type Tensor, input, scalar } from '../graph/tensor.js';
import { type CompileOptions, type Program, compile } from '../runtime/program.js';

/** p(x) = a·x + b·x³ + c·x⁵ of each step, from the paper, for singular values in [10⁻³, 1]. */
const POLYNOMIALS = [
  [8.28721201814563, -23.595886519098837, 17.300387312530933],
  [4.107059111542203, -2.9478499167379106, 0.5448431082926601],
  [3.9486908534822946, -2.908902115962949, 0.5518191394370137],
] as const;

/** Keeps the largest singular value below 1, where the polynomials hold, whatever rounding does. */
const SAFETY = 1.01;

export interface MatrixGroup {
  readonly name: string;
  /** `[matrices, rows, columns]` */
  readonly shape: readonly [number, number, number];
}

/** One iteration on `[matrices, rows, columns]`; the square products are taken on the shorter side. */
function iterate(x: Tensor, [a, b, c]: readonly [number, number, number]): Tensor {
  const [, rows, columns] = x.shape as readonly [number, number, number];
  const tall = rows > columns;
  const gram = matmul(x, x, tall ? { transposeA: true } : { transposeB: true });
  const polynomial = add(scale(gram, b), matmul(gram, gram, { alpha: c }));
  return add(scale(x, a), tall ? matmul(x, polynomial) : matmul(polynomial, x));
}

/** Every matrix divided by its Frobenius norm, then the steps. @param updates `[matrices, rows, columns]` */
export function orthogonalize(updates: Tensor): Tensor {
  const norm = sqrt(sum(mul(updates, updates), [1, 2], true));
  const scaled = div(updates, add(scale(norm, SAFETY), scalar(1e-7)));
  return POLYNOMIALS.reduce(iterate, scaled);
}

/** One program for all groups: feeds and outputs by the groups' names. */
export async function compileOrthogonalization(
  groups: readonly MatrixGroup[],
  options: CompileOptions = {},
): Promise<Program> {
  const inputs = groups.map(({ name, shape }) => input(name, shape));
  const outputs = Object.fromEntries(
    groups.map(({ name }, i) => [`${name}:orthogonal`, orthogonalize(inputs[i] as Tensor)]),
  );
  return compile(outputs, inputs, options);
}
