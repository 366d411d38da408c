/**
 * What earlier requests left in the cache, kept for those that begin with the same tokens: a system prompt, the turns of a
 * conversation. Bounded in bytes; what was used longest ago goes first. Knows tokens and saved rows, no model.
 */
import type { SavedRows } from './key-value-cache.js';

export interface PrefixMatch {
  readonly rows: SavedRows;
  /** Tokens that are the same from the beginning. */
  readonly length: number;
}

export interface PrefixCache {
  /** The longest beginning of `tokens` known in this scope, or undefined. @param limit at most this many tokens */
  find(scope: string, tokens: readonly number[], limit: number): PrefixMatch | undefined;
  /** Keeps rows, in place of those that they continue. @param tokens those whose rows they are */
  keep(scope: string, tokens: readonly number[], save: () => SavedRows): void;
  readonly sizeBytes: number;
}

interface Entry {
  readonly scope: string;
  readonly tokens: readonly number[];
  readonly rows: SavedRows;
}

/** Each is compared with every new prompt. */
const MAX_ENTRIES = 256;
/** Fewer tokens are run again sooner than looked for. */
export const MIN_PREFIX = 16;

/** @param whole entries are good for all their tokens or for none, as recurrent states are */
export function createPrefixCache(limitBytes: number, whole: boolean): PrefixCache {
  /** In order of use, the latest last. */
  let entries: Entry[] = [];
  let sizeBytes = 0;
  const remove = (gone: (entry: Entry) => boolean): void => {
    entries = entries.filter((entry) => !gone(entry));
    sizeBytes = entries.reduce((sum, { rows }) => sum + rows.sizeBytes, 0);
  };
  return {
    get sizeBytes() {
      return sizeBytes;
    },
    find(scope, tokens, limit) {
      let best: { readonly entry: Entry; readonly length: number } | undefined;
      for (const entry of entries) {
        const length = entry.scope === scope ? reusable(entry.tokens, tokens, limit, whole) : 0;
        if (length > (best?.length ?? 0)) best = { entry, length };
      }
      if (best === undefined) return undefined;
      const { entry, length } = best;
      entries = [...entries.filter((other) => other !== entry), entry];
      return { rows: entry.rows, length };
    },
    keep(scope, tokens, save) {
      if (tokens.length < MIN_PREFIX || limitBytes === 0) return;
      const same = entries.filter((entry) => entry.scope === scope);
      if (
        same.some(
          (entry) =>
            commonLength(entry.tokens, tokens) === tokens.length && (!whole || entry.tokens.length === tokens.length),
        )
      )
        return;
      const rows = save();
      if (rows.sizeBytes > limitBytes) return;
      remove((entry) => entry.scope === scope && !whole && commonLength(entry.tokens, tokens) === entry.tokens.length);
      entries.push({ scope, tokens: [...tokens], rows });
      sizeBytes += rows.sizeBytes;
      while (sizeBytes > limitBytes || entries.length > MAX_ENTRIES) {
        const [oldest] = entries;
        remove((entry) => entry === oldest);
      }
    },
  };
}

/**
 * How many tokens of a prompt the rows of `cached` tokens spare, 0 when it is not worth it.
 * @param limit at most this many
 * @param whole good for all of them or for none
 */
export function reusable(cached: readonly number[], prompt: readonly number[], limit: number, whole: boolean): number {
  const common = Math.min(commonLength(cached, prompt), limit);
  if (common < MIN_PREFIX || (whole && common < cached.length)) return 0;
  return common;
}

function commonLength(a: readonly number[], b: readonly number[]): number {
  const limit = Math.min(a.length, b.length);
  let length = 0;
  while (length < limit && a[length] === b[length]) length++;
  return length;
}
