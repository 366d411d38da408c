import { createHash, randomBytes } from 'node:crypto';

const PREFIX = 'moat_sk_';
const SHAPE = /^moat_sk_[A-Za-z0-9_-]{43}$/;

/** A new secret key: 32 random bytes. Only its hash is stored, so this is the one time it can be shown. */
export function newSecretKey(): string {
  return PREFIX + randomBytes(32).toString('base64url');
}

/** SHA-256 as hex. The key itself is random, so a slow hash would protect nothing and cost every request. */
export function hashOfKey(secretKey: string): string {
  return createHash('sha256').update(secretKey).digest('hex');
}

/** Enough to tell one's keys apart, far too little to guess the rest: `moat_sk_Ab3x…`. */
export function displayPrefix(secretKey: string): string {
  return `${secretKey.slice(0, PREFIX.length + 4)}…`;
}

/** Whether the text could be a key at all; what could not never reaches the database. */
export function looksLikeKey(text: string): boolean {
  return SHAPE.test(text);
}

/** The text with every key in it, or piece of one, made unreadable. */
export function hideKeys(text: string): string {
  return text.replaceAll(/moat_sk_[A-Za-z0-9_-]+/g, `${PREFIX}…`);
}
