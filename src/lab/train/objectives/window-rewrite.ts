/** What a window of the token stream becomes before a model sees it, when more is learned than the next token. */
import type { Rng } from '../../../base/rng.js';

export interface RewrittenWindow {
  /** As many as the window had. */
  readonly tokens: readonly number[];
  /** For each token but the first, 1 where its prediction counts: `[tokens.length − 1]`. */
  readonly counted: Float32Array;
}

/** @param window token ids: those of a training sequence and the one after */
export type WindowRewrite = (window: readonly number[], rng: Rng) => RewrittenWindow;

/** Nothing is changed, and every prediction counts: the next token. */
export const asItIs: WindowRewrite = (window) => ({
  tokens: window,
  counted: new Float32Array(window.length - 1).fill(1),
});

export interface RewriteShare {
  readonly rewrite: WindowRewrite;
  /** Relative to the other shares. */
  readonly share: number;
}

/** One of several, drawn for each window by its share. */
export function drawRewrite(shares: readonly RewriteShare[]): WindowRewrite {
  const total = shares.reduce((sum, { share }) => sum + share, 0);
  return (window, rng) => {
    let left = rng.uniform() * total;
    const drawn = shares.find(({ share }) => (left -= share) < 0) ?? shares.at(-1);
    return (drawn?.rewrite ?? asItIs)(window, rng);
  };
}

/** Documents, and parts of documents, of a window: each with the end-of-text that closes it, where the window holds it. */
export function cutDocuments(window: readonly number[], endOfText: number): (readonly number[])[] {
  const pieces: (readonly number[])[] = [];
  let start = 0;
  for (let at = 0; at < window.length; at++) {
    if (window[at] !== endOfText) continue;
    pieces.push(window.slice(start, at + 1));
    start = at + 1;
  }
  if (start < window.length) pieces.push(window.slice(start));
  return pieces;
}
