/** The prompt of a gap: what stands before it, what comes after, and the sign to write what is between. */
import { MoatError } from '../../base/errors.js';
import { FIM_NAMES } from '../tokenizer/special-tokens.js';
import type { Tokenizer } from '../tokenizer/tokenizer.js';

/**
 * Prefix, suffix, middle (Bavarian et al. 2022, arXiv:2207.14255), under the names each family gives the three signs.
 * @throws MoatError `no-infill-tokens` where the tokenizer has none
 */
export function infillPrompt({ special, encode }: Tokenizer, before: string, after: string): number[] {
  const known = FIM_NAMES.map((names) => names.map((name) => special.get(name))).find((ids) =>
    ids.every((id) => id !== undefined),
  );
  if (known === undefined) {
    throw new MoatError('no-infill-tokens', 'this model has not learned to fill in what stands between', {
      fix: 'Train one with train.objective: "causal=0.5, infill=0.5" (its tokenizer too).',
    });
  }
  const [prefix, suffix, middle] = known as [number, number, number];
  return [prefix, ...encode(before), suffix, ...encode(after), middle];
}
