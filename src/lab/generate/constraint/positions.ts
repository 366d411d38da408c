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
  /** After one more byte: undefined where it cannot come; not yet known where missing. */
  readonly next: (Position | undefined)[];
}

export interface Positions {
  /** Everything that these threads reach without reading. @returns undefined where that is nothing */
  close(threads: readonly Thread[]): Position | undefined;
  /** @returns undefined where the byte cannot come. @throws MoatError `constraint-too-ambiguous` */
  advance(position: Position, byte: number): Position | undefined;
}

/** Values within values, and alternatives at once: more is an attack or a mistake. */
const MAX_DEPTH = 512;
const MAX_THREADS = 1024;
const MAX_REACHED = 20_000;
/** Positions kept before all are forgotten. */
const MAX_POSITIONS = 20_000;

export function createPositions({ states }: Grammar): Positions {
  const returns = returningStates(states);
  let stacks = new Map<string, Stack>();
  let positions = new Map<string, Position>();
  let lastStack = 0;

  /** A call whose rule only returns afterwards leaves nothing to return to: long lists stay flat. */
  const push = (target: number, below: Stack | undefined): Stack | undefined => {
    if (returns[target] === true) return below;
    const key = `${target} ${below?.id ?? 0}`;
    const known = stacks.get(key);
    if (known !== undefined) return known;
    const stack = { id: ++lastStack, target, below, depth: (below?.depth ?? 0) + 1 };
    stacks.set(key, stack);
    return stack;
  };

  const intern = (reading: ReadonlyMap<string, Thread>, isComplete: boolean): Position => {
    const key = `${isComplete} ${[...reading.keys()].toSorted().join()}`;
    let position = positions.get(key);
    if (position === undefined) {
      if (positions.size >= MAX_POSITIONS) [stacks, positions] = [new Map(), new Map()];
      position = { threads: [...reading.values()], isComplete, next: [] };
      positions.set(key, position);
    }
    return position;
  };

  const close = (threads: readonly Thread[]): Position | undefined => {
    const reading = new Map<string, Thread>();
    const seen = new Set<string>();
    const work = [...threads];
    let isComplete = false;
    for (let thread = work.pop(); thread !== undefined; thread = work.pop()) {
      const { state: index, stack } = thread;
      const key = `${index} ${stack?.id ?? 0}`;
      if (seen.has(key)) continue;
      if (seen.add(key).size > MAX_REACHED) throw tooAmbiguous();
      const { bytes, calls, jumps, isEnd } = states[index] as State;
      if (bytes.length > 0) reading.set(key, thread);
      for (const state of jumps) work.push({ state, stack });
      for (const { start, target } of calls) {
        if ((stack?.depth ?? 0) < MAX_DEPTH) work.push({ state: start, stack: push(target, stack) });
      }
      if (isEnd && stack === undefined) isComplete = true;
      if (isEnd && stack !== undefined) work.push({ state: stack.target, stack: stack.below });
    }
    if (reading.size > MAX_THREADS) throw tooAmbiguous();
    return reading.size === 0 && !isComplete ? undefined : intern(reading, isComplete);
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
