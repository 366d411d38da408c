/** Minimises a smooth function of many numbers with the last few changes of its gradient (Liu & Nocedal 1989). */

export interface MinimizeOptions {
  readonly maxIterations: number;
  /** Ends when no part of the gradient is larger. */
  readonly tolerance: number;
}

/** How many changes are remembered. */
const MEMORY = 10;
const SUFFICIENT_DECREASE = 1e-4;
const CURVATURE = 0.9;
const MAX_SEARCH = 30;

interface Change {
  readonly step: Float64Array;
  readonly gradient: Float64Array;
  readonly rho: number;
}

/**
 * @param evaluate the value at a point, its gradient written into the second argument
 * @returns the point of the lowest value found
 */
export function minimize(
  start: Float64Array,
  evaluate: (point: Float64Array, gradient: Float64Array) => number,
  { maxIterations, tolerance }: MinimizeOptions,
): Float64Array {
  let point: Float64Array = start.slice();
  let gradient: Float64Array = new Float64Array(start.length);
  let value = evaluate(point, gradient);
  const changes: Change[] = [];
  for (let iteration = 0; iteration < maxIterations; iteration++) {
    if (gradient.every((part) => Math.abs(part) <= tolerance)) break;
    const direction = towards(gradient, changes);
    const first = changes.length === 0 ? Math.min(1, 1 / Math.sqrt(dot(gradient, gradient))) : 1;
    const found = search({ point, gradient, value, direction }, evaluate, first);
    if (found === undefined) {
      // the memory misleads: begin again with the steepest descent, and end when that leads nowhere either
      if (changes.length === 0) break;
      changes.length = 0;
      continue;
    }
    const step = difference(found.point, point);
    const change = difference(found.gradient, gradient);
    const curvature = dot(step, change);
    if (curvature > 1e-12 * dot(change, change)) changes.push({ step, gradient: change, rho: 1 / curvature });
    if (changes.length > MEMORY) changes.shift();
    ({ point, gradient, value } = found);
  }
  return point;
}

/** The direction of descent that the changes suggest (two-loop recursion). */
function towards(gradient: Float64Array, changes: readonly Change[]): Float64Array {
  const direction = gradient.map((part) => -part);
  const shares: number[] = [];
  for (const { step, gradient: change, rho } of changes.toReversed()) {
    const share = rho * dot(step, direction);
    shares.push(share);
    addScaled(direction, change, -share);
  }
  const last = changes.at(-1);
  if (last !== undefined) {
    const scale = 1 / (last.rho * dot(last.gradient, last.gradient));
    for (let i = 0; i < direction.length; i++) direction[i] = (direction[i] as number) * scale;
  }
  for (const { step, gradient: change, rho } of changes) {
    addScaled(direction, step, (shares.pop() as number) - rho * dot(change, direction));
  }
  return direction;
}

interface Place {
  readonly point: Float64Array;
  readonly gradient: Float64Array;
  readonly value: number;
}

/** A step along the direction that satisfies the weak Wolfe conditions, by bisection. */
function search(
  { point, gradient, value, direction }: Place & { readonly direction: Float64Array },
  evaluate: (point: Float64Array, gradient: Float64Array) => number,
  first: number,
): Place | undefined {
  const slope = dot(gradient, direction);
  if (!(slope < 0)) return undefined;
  let [low, high, size] = [0, Infinity, first];
  for (let attempt = 0; attempt < MAX_SEARCH; attempt++) {
    const next = point.slice();
    addScaled(next, direction, size);
    const theirs = new Float64Array(point.length);
    const reached = evaluate(next, theirs);
    if (!(reached <= value + SUFFICIENT_DECREASE * size * slope)) high = size;
    else if (dot(theirs, direction) < CURVATURE * slope) low = size;
    else return { point: next, gradient: theirs, value: reached };
    size = high === Infinity ? 2 * size : (low + high) / 2;
  }
  return undefined;
}

function dot(a: Float64Array, b: Float64Array): number {
  let total = 0;
  for (let i = 0; i < a.length; i++) total += (a[i] as number) * (b[i] as number);
  return total;
}

function addScaled(target: Float64Array, other: Float64Array, scale: number): void {
  for (let i = 0; i < target.length; i++) target[i] = (target[i] as number) + scale * (other[i] as number);
}

const difference = (a: Float64Array, b: Float64Array): Float64Array => a.map((value, i) => value - (b[i] as number));
