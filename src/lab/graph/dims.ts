/**
 * Sizes of tensor axes. A size is a number, or a name for a size known only when the program runs (`"batch"`), or a
 * product or sum of those (`"4*time"`, `"past+time"`). Two sizes are equal when their canonical text is.
 */
export type Dim = number | string;
export type Shape = readonly Dim[];

/** `[8, "time", 64]` → `[8, time, 64]`. */
export function formatShape(shape: Shape): string {
  return `[${shape.join(', ')}]`;
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((dim, axis) => dim === b[axis]);
}

export function isStatic(shape: Shape): shape is readonly number[] {
  return shape.every((dim) => typeof dim === 'number');
}

/** The product of sizes in canonical form: numbers multiplied out, names sorted. The empty product is 1. */
export function productOf(dims: Shape): Dim {
  let number = 1;
  const names: string[] = [];
  for (const dim of dims) {
    if (typeof dim === 'number') {
      number *= dim;
      continue;
    }
    for (const factor of dim.split('*')) {
      if (/^\d+$/.test(factor)) number *= Number(factor);
      else names.push(factor);
    }
  }
  if (names.length === 0 || number === 0) return number;
  const product = names.sort().join('*');
  return number === 1 ? product : `${number}*${product}`;
}

/** The sum of two sizes in canonical form; a sum of names stays one opaque name in brackets. */
export function sumOf(a: Dim, b: Dim): Dim {
  if (typeof a === 'number' && typeof b === 'number') return a + b;
  if (a === 0) return b;
  if (b === 0) return a;
  return `(${[String(a), String(b)].sort().join('+')})`;
}

/**
 * The shape two operands broadcast to under NumPy's rule, or undefined when they do not. A named size broadcasts
 * against 1 and against itself.
 */
export function broadcast(a: Shape, b: Shape): Shape | undefined {
  const rank = Math.max(a.length, b.length);
  const result: Dim[] = [];
  for (let i = 0; i < rank; i++) {
    const left = a[a.length - rank + i] ?? 1;
    const right = b[b.length - rank + i] ?? 1;
    if (left === right || right === 1) result.push(left);
    else if (left === 1) result.push(right);
    else return undefined;
  }
  return result;
}

/** Turns a negative axis into the axis it counts from the end; undefined when out of range. */
export function resolveAxis(axis: number, rank: number): number | undefined {
  const resolved = axis < 0 ? axis + rank : axis;
  return Number.isInteger(resolved) && resolved >= 0 && resolved < rank ? resolved : undefined;
}

/** The number of elements of a static shape. */
export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, dim) => product * dim, 1);
}
