import { expect, test } from 'vitest';
import { Rng } from '../../base/rng.js';
import { floats } from '../runtime/program.js';
import { compileOrthogonalization } from './newton-schulz.js';

type Matrix = number[][];

const transposed = (x: Matrix): Matrix => (x[0] ?? []).map((_, j) => x.map((row) => row[j] as number));
const product = (x: Matrix, y: Matrix): Matrix =>
  x.map((row) =>
    transposed(y).map((column) => row.reduce((total, value, k) => total + value * (column[k] as number), 0)),
  );
const inner = (x: Matrix, y: Matrix): number =>
  x.reduce((total, row, i) => total + row.reduce((sum, value, j) => sum + value * (y[i]?.[j] as number), 0), 0);

/** The nearest orthogonal matrix, by eighty steps of the plain cubic iteration X ← 1.5·X − 0.5·X·Xᵀ·X in float64. */
function polarFactor(matrix: Matrix): Matrix {
  const norm = Math.sqrt(inner(matrix, matrix));
  let x = matrix.map((row) => row.map((value) => value / norm));
  for (let step = 0; step < 80; step++) {
    const cubic = product(product(x, transposed(x)), x);
    x = x.map((row, i) => row.map((value, j) => 1.5 * value - 0.5 * (cubic[i]?.[j] as number)));
  }
  return x;
}

test('badly conditioned updates come near the nearest orthogonal matrix: wide, tall and square ones in one run', async () => {
  const groups = [
    { name: 'wide', shape: [2, 6, 20] },
    { name: 'tall', shape: [1, 20, 6] },
    { name: 'square', shape: [3, 8, 8] },
  ] as const;
  const rng = Rng.fromSeed(9);
  // singular values spread over two to three orders of magnitude, as those of real momentum are
  const draw = (i: number, c: number, columns: number): number =>
    rng.normal() * 0.5 ** ((i % columns) / 1.5) * 0.8 ** (c % 7);
  const feeds = Object.fromEntries(
    groups.map(({ name, shape: [n, r, c] }) => {
      const data = Float32Array.from({ length: n * r * c }, (_, i) =>
        draw(r > c ? i : Math.floor(i / c), i, r > c ? c : r),
      );
      return [name, floats(data, [n, r, c])];
    }),
  );
  const program = await compileOrthogonalization(groups, { threads: 1 });
  const results = await program.run(feeds);
  for (const { name, shape } of groups) {
    const [, rows, columns] = shape;
    const first = (data: ArrayLike<unknown>): Matrix =>
      Array.from({ length: rows }, (_, i) =>
        Array.from({ length: columns }, (_unused, j) => Number(data[i * columns + j])),
      );
    const exact = polarFactor(first(feeds[name]?.data ?? []));
    const actual = first(results[`${name}:orthogonal`]?.data ?? []);
    const cosine = (x: Matrix): number => inner(x, exact) / Math.sqrt(inner(x, x) * inner(exact, exact));
    const before = cosine(first(feeds[name]?.data ?? []));
    expect(before, `${name} before`).toBeLessThan(0.85);
    expect(cosine(actual), `${name} after`).toBeGreaterThan(Math.max(0.86, before + 0.05));
  }
  await program.close();
});
