/**
 * Passages that stood in an earlier text, or earlier in the same one, are cut out of the later one: notices, menus,
 * quotations (Lee et al. 2022, arXiv:2107.06499, who do it offline by a suffix array; here texts pass one by one).
 *
 * Of every kept text the windows of `span` characters at each multiple of `stride` are remembered by a 64-bit hash, and
 * every window of a new text is looked up. A passage of `span + stride - 1` characters holds such a window wherever it
 * stands, and no shorter one than `span` is ever met.
 */
import { MoatError } from '../../base/errors.js';
import { createHashSet, createRollingHash } from './passage-hashes.js';

export interface PassageCutter {
  /**
   * The text without what stood before, and where that was; undefined when fewer than `mustRemain` characters remain:
   * such a text is not remembered.
   * @throws MoatError `too-many-passages`
   */
  cut(text: string, mustRemain: number): { readonly text: string; readonly cuts: readonly Cut[] } | undefined;
}

/** From `from` to before `to`. */
export interface Cut {
  readonly from: number;
  readonly to: number;
}

/** Shorter passages are phrases. */
const MIN_PASSAGE_CHARACTERS = 50;
/** How far a cut may draw back to leave words whole. */
const MAX_WORD_CHARACTERS = 24;

/**
 * @param characters UTF-16 units: every passage this long that is repeated is cut, but for less than a third at its
 *   edges, and none of less than two thirds. Memory: 12 to 24 bytes for each third of kept text.
 * @throws MoatError `bad-passage-length` below `MIN_PASSAGE_CHARACTERS`
 */
export function createPassageCutter(characters: number): PassageCutter {
  if (!(characters >= MIN_PASSAGE_CHARACTERS)) {
    throw new MoatError('bad-passage-length', `data.repeatedPassages: ${characters} characters`, {
      fix: `Give at least ${MIN_PASSAGE_CHARACTERS}, or 0 to cut none.`,
    });
  }
  const stride = Math.floor((characters + 1) / 3);
  const span = characters + 1 - stride;
  const hash = createRollingHash(span);
  const seen = createHashSet();
  return {
    cut(text, mustRemain) {
      const windows = hash.start(text);
      seen.reserve(Math.ceil(windows / stride) + 1);
      const remembered: number[] = [];
      const remember = ({ low, high }: Window): void => {
        const slot = seen.add(low, high);
        if (slot >= 0) remembered.push(slot);
      };
      const reach = Math.min(MAX_WORD_CHARACTERS, stride - 1);
      const runs: { readonly from: number; to: number }[] = [];
      let waiting: Window[] = [];
      for (let at = 0; at < windows; at++) {
        hash.next();
        const low = hash.low();
        const high = hash.high();
        // a window is known from where it ends: it must not meet itself a few characters on
        while (waiting[0] !== undefined && waiting[0].at + span <= at) remember(waiting.shift() as Window);
        const last = runs.at(-1);
        if (seen.has(low, high)) {
          if (last !== undefined && at <= last.to) last.to = at + span;
          else {
            const from = wordStart(text, at, reach);
            for (const window of waiting) if (window.at + span <= from) remember(window);
            waiting = [];
            runs.push({ from, to: at + span });
          }
        } else if (at >= (last?.to ?? 0) && (at - (last?.to ?? 0)) % stride === 0) waiting.push({ at, low, high });
      }
      for (const window of waiting) remember(window);
      const cuts = runs.map(({ from, to }) => ({ from, to: wordEnd(text, to, reach) }));
      const remains = cuts.length === 0 ? text : without(text, cuts);
      if (remains.length >= mustRemain) return { text: remains, cuts };
      seen.forget(remembered);
      return undefined;
    },
  };
}

interface Window {
  readonly at: number;
  readonly low: number;
  readonly high: number;
}

function without(text: string, cuts: readonly Cut[]): string {
  const pieces = [0, ...cuts.map(({ to }) => to)].map((from, index) => text.slice(from, cuts[index]?.from).trim());
  return pieces.filter((piece) => piece !== '').join('\n');
}

const SPACE = /\s/;
const isInWord = (text: string, at: number): boolean =>
  at > 0 && at < text.length && !SPACE.test(text.charAt(at - 1)) && !SPACE.test(text.charAt(at));
const isInPair = (text: string, at: number): boolean => /[\udc00-\udfff]/.test(text.charAt(at));

/** Where the next word begins, if that is near; else the place itself, but never within a surrogate pair. */
function wordStart(text: string, at: number, reach: number): number {
  for (let start = at; start <= at + reach; start++) if (!isInWord(text, start)) return start;
  return isInPair(text, at) ? at + 1 : at;
}

/** Where the word before ends, likewise. */
function wordEnd(text: string, at: number, reach: number): number {
  for (let end = at; end >= at - reach; end--) if (!isInWord(text, end)) return end;
  return isInPair(text, at) ? at - 1 : at;
}
