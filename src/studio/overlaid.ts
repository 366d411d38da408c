/** Several curves as columns over one axis. */

type Point = readonly [x: number, y: number];

/** Every x of any curve in order, then a column a curve; null where it has no value. @param curves each in order of x */
export function overlaid(curves: readonly (readonly Point[])[]): [number[], ...(number | null)[][]] {
  const axis = [...new Set(curves.flatMap((curve) => curve.map(([x]) => x)))].sort((a, b) => a - b);
  const columns = curves.map((curve) => {
    const values = new Map(curve);
    return axis.map((x) => values.get(x) ?? null);
  });
  return [axis, ...columns];
}
