import { MoatError } from '../../base/errors.js';

/** `NAME=VALUE` each, as an object. @throws MoatError `usage` */
export function pairsOf(written: readonly string[], option: string): Record<string, string> {
  return Object.fromEntries(
    written.map((each) => {
      const at = each.indexOf('=');
      if (at > 0) return [each.slice(0, at), each.slice(at + 1)];
      throw new MoatError('usage', `${option} "${each}" is not NAME=VALUE`, {
        fix: `Write it as ${option} text=review.`,
      });
    }),
  );
}
