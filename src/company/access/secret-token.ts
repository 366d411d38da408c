import { createHash, randomBytes } from 'node:crypto';

/** `moat_session_…` and `moat_setup_…`: named, so that a scan of logs finds one that strayed. */
export type TokenKind = 'session' | 'setup';

/** A new secret of 32 random bytes; only its hash is stored. */
export function newToken(kind: TokenKind): string {
  return `moat_${kind}_${randomBytes(32).toString('base64url')}`;
}

/** Whether the text could be such a token; what could not never reaches the database. */
export function looksLikeToken(kind: TokenKind, text: string): boolean {
  return new RegExp(`^moat_${kind}_[A-Za-z0-9_-]{43}$`).test(text);
}

/** SHA-256. The token is random, so a slow hash would protect nothing. */
export function hashOfToken(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}

/** Keys, tokens and password hashes of Moat itself. The shown beginning of a key (`moat_sk_Ab3x…`) is none. */
export const MOAT_SECRET = /moat_(?:sk|studio|session|setup)_[A-Za-z0-9_-]{8,}|\$scrypt\$\S+/g;
