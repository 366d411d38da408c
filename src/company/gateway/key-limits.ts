import type { Clock } from '../../base/clock.js';
import { type KeyTerms, keyTermsOf } from '../billing/key-terms.js';
import type { Books } from '../billing/customers.js';
import type { AppliedLimit } from './rate-limits.js';

/** Of each key, where a project sets none for one. */
export interface DefaultLimits {
  readonly requestsPerMinute?: number | undefined;
  readonly tokensPerMinute?: number | undefined;
  readonly concurrentRequests?: number | undefined;
}

export interface KeyLimits {
  /** What a request with this key for this model falls under; undefined for a key that opens nothing. */
  of(keyHash: string, model: string): Promise<readonly AppliedLimit[] | undefined>;
  /** Whether the key opened anything in the last ten seconds: for what is done before admission asks the database. */
  knows(keyHash: string): Promise<boolean>;
}

const FRESH_MS = 10_000;
const MOST_KEYS = 100_000;

/**
 * Limits of keys, remembered for ten seconds: they steer how fast somebody may ask, and a change may take that long. Whether a key
 * opens at all is asked of the database at every request, by admission.
 */
export function createKeyLimits(books: Books, defaults: DefaultLimits, clock: Pick<Clock, 'monotonic'>): KeyLimits {
  const known = new Map<string, { terms: KeyTerms; untilMs: number }>();
  const termsOf = async (keyHash: string): Promise<KeyTerms | undefined> => {
    const held = known.get(keyHash);
    if (held !== undefined && held.untilMs > clock.monotonic()) return held.terms;
    const terms = await keyTermsOf(books, keyHash);
    known.delete(keyHash);
    if (terms === undefined) return undefined;
    known.set(keyHash, { terms, untilMs: clock.monotonic() + FRESH_MS });
    if (known.size > MOST_KEYS) known.delete(known.keys().next().value as string);
    return terms;
  };
  return {
    async of(keyHash, model) {
      const terms = await termsOf(keyHash);
      return terms === undefined ? undefined : limitsFor(terms, model, defaults);
    },
    knows: async (keyHash) => (await termsOf(keyHash)) !== undefined,
  };
}

/** A limit set for the key alone stands in the place of the default. */
function limitsFor({ keyId, limits }: KeyTerms, model: string, defaults: DefaultLimits): AppliedLimit[] {
  const applied = limits
    .filter((limit) => limit.model === null || limit.model === model)
    .map((limit) => ({ ...limit, who: limit.keyId !== null ? 'This key' : 'This customer' }));
  const own = limits.some((limit) => limit.keyId === keyId && limit.model === null);
  return own ? applied : [{ id: keyId, who: 'This key', ...defaults }, ...applied];
}
