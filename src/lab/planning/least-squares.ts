/** Least squares in a few unknowns by Levenberg–Marquardt, with Huber's loss by reweighting. Knows nothing of laws. */

/** One residual, to be brought near 0, and its derivatives by each unknown. */
export interface Residual {
  readonly value: number;
  readonly gradient: readonly number[];
  /** Beyond this it counts linearly (Huber 1964); quadratic everywhere when absent. */
  readonly huber?: number;
}

export interface Solution {
  readonly unknowns: readonly number[];
  /** Σ of the losses. */
  readonly loss: number;
}

const MOST_ROUNDS = 200;

/** From one start to the next minimum. */
export function leastSquares(
  start: readonly number[],
  residuals: (unknowns: readonly number[]) => readonly Residual[],
): Solution {
  let unknowns = start;
  let current = residuals(unknowns);
  let loss = lossOf(current);
  let damping = 1e-3;
  for (let round = 0; round < MOST_ROUNDS && damping < 1e12; round++) {
    const { matrix, slope } = normalEquations(current);
    const damped = matrix.map((row, i) => row.map((value, j) => (i === j ? value * (1 + damping) + 1e-12 : value)));
    const step = solve(damped, slope);
    const moved = unknowns.map((value, index) => value - (step[index] ?? 0));
    const next = residuals(moved);
    const nextLoss = lossOf(next);
    if (!(nextLoss < loss)) {
      damping *= 8;
      continue;
    }
    const gained = loss - nextLoss;
    [unknowns, current, loss, damping] = [moved, next, nextLoss, Math.max(damping / 5, 1e-12)];
    if (gained < 1e-10 * (1 + loss)) break;
  }
  return { unknowns, loss };
}

const weightOf = ({ value, huber }: Residual): number =>
  huber === undefined || Math.abs(value) <= huber ? 1 : huber / Math.abs(value);

function lossOf(residuals: readonly Residual[]): number {
  return residuals.reduce((sum, { value, huber }) => {
    const size = Math.abs(value);
    return sum + (huber === undefined || size <= huber ? (size * size) / 2 : huber * (size - huber / 2));
  }, 0);
}

const zeros = (count: number): number[] => Array.from({ length: count }, () => 0);

/** JᵀWJ and JᵀWr. */
export function normalEquations(residuals: readonly Residual[]): { matrix: number[][]; slope: number[] } {
  const count = residuals[0]?.gradient.length ?? 0;
  const matrix = Array.from({ length: count }, () => zeros(count));
  const slope = zeros(count);
  for (const residual of residuals) {
    const weight = weightOf(residual);
    for (const [i, a] of residual.gradient.entries()) {
      slope[i] = (slope[i] ?? 0) + weight * a * residual.value;
      const row = matrix[i] ?? [];
      for (const [j, b] of residual.gradient.entries()) row[j] = (row[j] ?? 0) + weight * a * b;
    }
  }
  return { matrix, slope };
}

/** Gauss–Jordan with pivots; for a handful of unknowns. Singular directions get 0. */
export function solve(matrix: readonly (readonly number[])[], right: readonly number[]): number[] {
  const rows = matrix.map((row, index) => [...row, right[index] ?? 0]);
  const size = rows.length;
  for (let column = 0; column < size; column++) {
    let pivot = column;
    for (let row = column; row < size; row++)
      if (Math.abs(rows[row]?.[column] ?? 0) > Math.abs(rows[pivot]?.[column] ?? 0)) pivot = row;
    const [lifted = [], sunk = []] = [rows[pivot], rows[column]];
    [rows[column], rows[pivot]] = [lifted, sunk];
    const lead = lifted[column] ?? 0;
    if (lead === 0) continue;
    for (const [index, row] of rows.entries()) {
      if (index === column) continue;
      const factor = (row[column] ?? 0) / lead;
      for (let at = column; at <= size; at++) row[at] = (row[at] ?? 0) - factor * (lifted[at] ?? 0);
    }
  }
  return rows.map((row, index) => {
    const lead = row[index] ?? 0;
    return lead === 0 ? 0 : (row[size] ?? 0) / lead;
  });
}
