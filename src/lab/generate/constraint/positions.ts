/**
 * Where a grammar stands after some bytes: a set of threads, each a state with the states to return to. Equal sets are
 * one object, so that a step is a table look-up once it was taken, and loops such as the inside of a string cost nothing.
 */
import { MoatError } from '../../../base/errors.js';
import type { Grammar, State } from './byte-grammar.js';

/** States to return to, the nearest first. Equal stacks are one object. */
interface Stack {
  readonly id: number;
  readonly target: number;
  readonly below: Stack | undefined;
  readonly depth: number;
}

export interface Thread {
  readonly state: number;
  readonly stack: Stack | undefined;
}

export interface Position {
  /** They read a byte next. */
  readonly threads: readonly Thread[];
  /** What was read is whole. */
  readonly isComplete: boolean;
  /** Calls open at once, at most, in its threads and on their shortest ways to an end. */
  reach: number;
  /** After one more byte: undefined where it cannot come; not yet known where missing. */
  readonly next: (Position | undefined)[];
}

export interface Positions {
  /** Everything that these threads reach without reading. @returns undefined where that is nothing */
  close(threads: readonly Thread[]): Position | undefined;
  /** @returns undefined where the byte cannot come. @throws MoatError `constraint-too-ambiguous` */
  advance(position: Position, byte: number): Position | undefined;
}

/** Calls open at once: values within values. What could only end beyond is not begun, so that there is always a way out. */
export const MAX_DEPTH = 512;
/** Alternatives at once: more is an attack or a mistake. */
const MAX_THREADS = 1024;
const MAX_REACHED = 20_000;
/** Positions and their threads kept before all are forgotten: room for one mask of the most ambiguous schemas that are taken. */
const MAX_POSITIONS = 20_000;
const MAX_KEPT_THREADS = 4_000_000;

/** What is kept, so that equal stacks and equal positions are one object. */
interface Table {
  stack(target: number, below: Stack | undefined): Stack;
  position(reading: ReadonlyMap<string, Thread>, isComplete: boolean, reach: number): Position;
}

function createTable(): Table {
  let stacks = new Map<string, Stack>();
  let positions = new Map<string, Position>();
  let lastStack = 0;
  let keptThreads = 0;
  /** Cut apart, too: one that is still in use would hold all the others. */
  const forget = (): void => {
    for (const position of positions.values()) position.next.length = 0;
    [stacks, positions, keptThreads] = [new Map(), new Map(), 0];
  };
  return {
    stack(target, below) {
      const key = `${target} ${below?.id ?? 0}`;
      const known = stacks.get(key);
      if (known !== undefined) return known;
      const stack = { id: ++lastStack, target, below, depth: (below?.depth ?? 0) + 1 };
      stacks.set(key, stack);
      return stack;
    },
    position(reading, isComplete, reach) {
      const key = `${isComplete} ${[...reading.keys()].toSorted().join()}`;
      let position = positions.get(key);
      if (position === undefined) {
        if (positions.size >= MAX_POSITIONS || keptThreads + reading.size > MAX_KEPT_THREADS) forget();
        position = { threads: [...reading.values()], isComplete, reach, next: [] };
        positions.set(key, position);
        keptThreads += reading.size;
      }
      position.reach = Math.max(position.reach, reach);
      return position;
    },
  };
}

export function createPositions({ states }: Grammar): Positions {
  const returns = returningStates(states);
  const table = createTable();
  /** A call whose rule only returns afterwards leaves nothing to return to: long lists stay flat. */
  const push = (target: number, below: Stack | undefined): Stack | undefined =>
    returns[target] === true ? below : table.stack(target, below);

  const close = (threads: readonly Thread[]): Position | undefined => {
    const reading = new Map<string, Thread>();
    const seen = new Set<string>();
    const work = [...threads];
    let isComplete = false;
    let reach = 0;
    for (let thread = work.pop(); thread !== undefined; thread = work.pop()) {
      const { state: index, stack } = thread;
      const { bytes, calls, jumps, isEnd, depthToEnd } = states[index] as State;
      const depth = stack?.depth ?? 0;
      const key = `${index} ${stack?.id ?? 0}`;
      if (seen.has(key) || depth + depthToEnd > MAX_DEPTH) continue;
      if (seen.add(key).size > MAX_REACHED) throw tooAmbiguous();
      reach = Math.max(reach, depth + depthToEnd);
      if (bytes.length > 0) reading.set(key, thread);
      for (const state of jumps) work.push({ state, stack });
      for (const { start, target } of calls) {
        const afterwards = depth + (states[target] as State).depthToEnd;
        if (afterwards > MAX_DEPTH) continue;
        reach = Math.max(reach, afterwards);
        work.push({ state: start, stack: push(target, stack) });
      }
      if (isEnd && stack === undefined) isComplete = true;
      if (isEnd && stack !== undefined) work.push({ state: stack.target, stack: stack.below });
    }
    if (reading.size > MAX_THREADS) throw tooAmbiguous();
    return reading.size === 0 && !isComplete ? undefined : table.position(reading, isComplete, reach);
  };
  return {
    close,
    advance(position, byte) {
      if (byte in position.next) return position.next[byte];
      const after = position.threads.flatMap(({ state, stack }) =>
        (states[state] as State).bytes
          .filter(({ low, high }) => low <= byte && byte <= high)
          .map(({ target }) => ({ state: target, stack })),
      );
      return (position.next[byte] = after.length === 0 ? undefined : close(after));
    },
  };
}

/** States after which a rule does nothing but return. */
function returningStates(states: readonly State[]): boolean[] {
  const known: (boolean | undefined)[] = [];
  const returns = (index: number): boolean => {
    const before = known[index];
    if (before !== undefined) return before;
    // while it is being asked, no: a loop of jumps is left alone
    known[index] = false;
    const { bytes, calls, jumps, isEnd } = states[index] as State;
    const [next] = jumps;
    const isPlain = bytes.length === 0 && calls.length === 0 && jumps.length === (isEnd ? 0 : 1);
    return (known[index] = isPlain && (next === undefined || returns(next)));
  };
  return states.map((_, index) => returns(index));
}

function tooAmbiguous(): MoatError {
  return new MoatError('constraint-too-ambiguous', 'the schema has too many alternatives that begin alike', {
    fix: 'Give each alternative of anyOf a first property with a constant of its own.',
  });
}
