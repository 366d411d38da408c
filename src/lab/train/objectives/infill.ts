/**
 * Filling in the middle (Bavarian et al. 2022, arXiv:2207.14255): a document is cut at two random places, and its parts are
 * written in an order in which a model that only reads forwards sees what comes after before it writes what comes between.
 */
import type { Rng } from '../../../base/rng.js';
import { type WindowRewrite, cutDocuments } from './window-rewrite.js';

export interface InfillTokens {
  readonly prefix: number;
  readonly suffix: number;
  readonly middle: number;
  /** Also ends the middle: how a model says that what it wrote has met the suffix. */
  readonly endOfText: number;
}

/** Three signs and the end. */
const SIGNS = 4;
/** Shorter ones are left as they are: there is nothing to fill in. */
const SHORTEST = 4;

/**
 * Each document of the window as prefix, suffix, middle (PSM) or, as often, as suffix, prefix, middle (SPM, the paper's joint
 * form `PRE SUF suffix MID prefix middle`). Every token counts, as in the paper. What the signs take the window loses at its end.
 */
export function createInfill(tokens: InfillTokens): WindowRewrite {
  return (window, rng) => {
    const written: number[] = [];
    for (const piece of cutDocuments(window, tokens.endOfText)) {
      const room = window.length - written.length;
      const text = piece.at(-1) === tokens.endOfText ? piece.slice(0, -1) : piece;
      const body = text.slice(0, Math.max(0, room - SIGNS));
      written.push(...(body.length < SHORTEST ? piece.slice(0, room) : rearrange(body, tokens, rng)));
    }
    return { tokens: written.slice(0, window.length), counted: new Float32Array(window.length - 1).fill(1) };
  };
}

function rearrange(text: readonly number[], { prefix, suffix, middle, endOfText }: InfillTokens, rng: Rng): number[] {
  const cuts = [rng.below(text.length + 1), rng.below(text.length + 1)].sort((a, b) => a - b) as [number, number];
  const [before, between, after] = [text.slice(0, cuts[0]), text.slice(...cuts), text.slice(cuts[1])];
  return rng.uniform() < 0.5
    ? [prefix, ...before, suffix, ...after, middle, ...between, endOfText]
    : [prefix, suffix, ...after, middle, ...before, ...between, endOfText];
}
