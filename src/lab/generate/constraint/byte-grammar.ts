/**
 * A context-free grammar over bytes, kept as one automaton a rule whose edges read a byte, or call another rule and go on
 * where that returns. Built by joining pieces; `finish` leaves only states from which an end can be reached.
 */
import { invariant } from '../../../base/errors.js';

/** A byte from `low` to `high` leads to `target`. */
export interface ByteEdge {
  readonly low: number;
  readonly high: number;
  readonly target: number;
}

/** Run the rule that begins at `start`, then go on at `target`. */
export interface CallEdge {
  readonly start: number;
  readonly target: number;
}

export interface State {
  readonly bytes: readonly ByteEdge[];
  readonly calls: readonly CallEdge[];
  /** Reached without reading. */
  readonly jumps: readonly number[];
  /** A rule can return here. */
  readonly isEnd: boolean;
  /** Calls that must be open at once, at least, on the way to where the rule can return. */
  readonly depthToEnd: number;
}

export interface Grammar {
  readonly states: readonly State[];
  readonly start: number;
}

/** A part of an automaton, with one way in and one way out. */
export interface Piece {
  readonly from: number;
  readonly to: number;
}

export interface Rule {
  readonly start: number;
}

interface OpenState {
  bytes: ByteEdge[];
  calls: { readonly rule: Rule; readonly target: number }[];
  jumps: number[];
  isEnd: boolean;
}

/** Thrown when a grammar has more states than it may. */
export class GrammarTooLarge extends Error {}

export interface GrammarBuilder {
  /** One byte out of these ranges. */
  byte(ranges: readonly (readonly [low: number, high: number])[]): Piece;
  /** Exactly these bytes. */
  literal(bytes: Uint8Array): Piece;
  empty(): Piece;
  sequence(pieces: readonly Piece[]): Piece;
  /** At least one. */
  either(pieces: readonly Piece[]): Piece;
  optional(piece: Piece): Piece;
  /** @param make a new piece each time @param most undefined for no limit */
  repeat(make: () => Piece, least: number, most: number | undefined): Piece;
  /** A rule whose body is given later, so that it may call itself. */
  declare(): Rule;
  define(rule: Rule, body: Piece): void;
  call(rule: Rule): Piece;
  /** @returns the grammar, or undefined when nothing finite fits it */
  finish(rule: Rule): Grammar | undefined;
}

/** @throws GrammarTooLarge while building */
export function createGrammarBuilder(maxStates: number): GrammarBuilder {
  const states: OpenState[] = [];
  const add = (): number => {
    if (states.length >= maxStates) throw new GrammarTooLarge(`over ${maxStates} states`);
    return states.push({ bytes: [], calls: [], jumps: [], isEnd: false }) - 1;
  };
  const at = (index: number): OpenState => states[index] as OpenState;
  const jump = (from: number, to: number): void => void at(from).jumps.push(to);
  const builder: GrammarBuilder = {
    byte(ranges) {
      const piece = { from: add(), to: add() };
      for (const [low, high] of ranges) at(piece.from).bytes.push({ low, high, target: piece.to });
      return piece;
    },
    literal: (bytes) => builder.sequence(Array.from(bytes, (byte) => builder.byte([[byte, byte]]))),
    empty() {
      const only = add();
      return { from: only, to: only };
    },
    sequence(pieces) {
      const [first = builder.empty(), ...rest] = pieces;
      let { to } = first;
      for (const piece of rest) {
        jump(to, piece.from);
        to = piece.to;
      }
      return { from: first.from, to };
    },
    either(pieces) {
      invariant(pieces.length > 0, 'there is something to choose');
      const whole = { from: add(), to: add() };
      for (const { from, to } of pieces) {
        jump(whole.from, from);
        jump(to, whole.to);
      }
      return whole;
    },
    optional: (piece) => builder.either([piece, builder.empty()]),
    repeat: (make, least, most) => repeated({ add, jump }, make, { least, most }),
    declare: () => ({ start: add() }),
    define(rule, body) {
      jump(rule.start, body.from);
      at(body.to).isEnd = true;
    },
    call(rule) {
      const piece = { from: add(), to: add() };
      at(piece.from).calls.push({ rule, target: piece.to });
      return piece;
    },
    finish: (rule) => pruned(states, rule),
  };
  return builder;
}

interface Joints {
  add(): number;
  jump(from: number, to: number): void;
}

/** So many pieces in a row that may end after the least of them; then, without a limit, a loop. */
function repeated(
  { add, jump }: Joints,
  make: () => Piece,
  { least, most }: { readonly least: number; readonly most: number | undefined },
): Piece {
  const whole = { from: add(), to: add() };
  let here = whole.from;
  for (let count = 0; count < (most ?? least); count++) {
    if (count >= least) jump(here, whole.to);
    const { from, to } = make();
    jump(here, from);
    here = to;
  }
  if (most === undefined) {
    const loop = add();
    jump(here, loop);
    const { from, to } = make();
    jump(loop, from);
    jump(to, loop);
    here = loop;
  }
  jump(here, whole.to);
  return whole;
}

/** Keeps the edges that lead on to an end. */
function pruned(states: readonly OpenState[], root: Rule): Grammar | undefined {
  const depths = depthsToEnd(states);
  const canEnd = (index: number): boolean => depths[index] !== Infinity;
  if (!canEnd(root.start)) return undefined;
  return {
    start: root.start,
    states: states.map(({ bytes, calls, jumps, isEnd }, index) => ({
      bytes: bytes.filter(({ target }) => canEnd(target)),
      calls: calls
        .filter(({ rule, target }) => canEnd(target) && canEnd(rule.start))
        .map(({ rule, target }) => ({ start: rule.start, target })),
      jumps: jumps.filter(canEnd),
      isEnd,
      depthToEnd: depths[index] as number,
    })),
  };
}

/**
 * How many calls must be open at once, at least, on the way from a state to the end of its rule: Infinity where there is
 * none. Found backwards from the ends, nearest first (Knuth, "A Generalization of Dijkstra's Algorithm", 1977).
 */
function depthsToEnd(states: readonly OpenState[]): number[] {
  const before: number[][] = states.map(() => []);
  const calls: Call[][] = states.map(() => []);
  for (const [from, state] of states.entries()) {
    for (const { target } of state.bytes) before[target]?.push(from);
    for (const target of state.jumps) before[target]?.push(from);
    for (const { rule, target } of state.calls) {
      const call = { from, start: rule.start, target };
      calls[target]?.push(call);
      calls[rule.start]?.push(call);
    }
  }
  const depths = states.map(() => Infinity);
  const found: number[][] = [];
  const offer = (index: number, depth: number): void => {
    if (depth >= (depths[index] as number)) return;
    depths[index] = depth;
    (found[depth] ??= []).push(index);
  };
  for (const [index, { isEnd }] of states.entries()) if (isEnd) offer(index, 0);
  for (let depth = 0; depth < found.length; depth++) {
    const nearest = found[depth] ?? [];
    for (let index = nearest.pop(); index !== undefined; index = nearest.pop()) {
      if (depths[index] !== depth) continue;
      for (const from of before[index] ?? []) offer(from, depth);
      for (const { from, start, target } of calls[index] ?? [])
        offer(from, Math.max((depths[start] as number) + 1, depths[target] as number));
    }
  }
  return depths;
}

interface Call {
  readonly from: number;
  readonly start: number;
  readonly target: number;
}
