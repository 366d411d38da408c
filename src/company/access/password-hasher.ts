import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import { MoatError } from '../../base/errors.js';

/** scrypt's dials (RFC 7914): memory is 128 · 2^log2N · blockSize bytes. */
export interface ScryptCost {
  readonly log2N: number;
  readonly blockSize: number;
  readonly parallelism: number;
}

/** OWASP's Password Storage Cheat Sheet: N = 2^17, r = 8, p = 1; 128 MiB and about a third of a second. */
export const SCRYPT_COST: ScryptCost = { log2N: 17, blockSize: 8, parallelism: 1 };

export interface PasswordHasher {
  /** `$scrypt$ln=17,r=8,p=1$salt$hash`, a PHC string. */
  hash(password: string): Promise<string>;
  /**
   * Takes as long for no hash at all (an unknown user) as for one, and never says where two differ.
   * @returns `outdated`: right, and hashed at another cost than today's
   */
  verify(password: string, stored: string | null): Promise<'right' | 'outdated' | 'wrong'>;
}

/** Two at once hold 256 MiB and leave half of Node's four threads to files and names. */
const AT_ONCE = 2;
const MAX_WAITING = 64;
const SALT_BYTES = 16;
const HASH_BYTES = 32;
const PHC = /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})\$([A-Za-z0-9+/]{22})\$([A-Za-z0-9+/]{43})$/;

/** Hashes on Node's thread pool, so that no request waits. Errors: `too-many-logins` when 64 wait already. */
export function createPasswordHasher(cost: ScryptCost = SCRYPT_COST): PasswordHasher {
  const derive = limited(AT_ONCE, MAX_WAITING, deriveKey);
  const text = (bytes: Buffer): string => bytes.toString('base64').replaceAll('=', '');
  return {
    async hash(password) {
      const salt = randomBytes(SALT_BYTES);
      const { log2N, blockSize, parallelism } = cost;
      return `$scrypt$ln=${log2N},r=${blockSize},p=${parallelism}$${text(salt)}$${text(await derive(password, salt, cost))}`;
    },
    async verify(password, stored) {
      const known = stored === null ? undefined : parse(stored);
      const derived = await derive(password, known?.salt ?? randomBytes(SALT_BYTES), known?.cost ?? cost);
      if (!timingSafeEqual(derived, known?.hash ?? randomBytes(HASH_BYTES)) || known === undefined) return 'wrong';
      const isCurrent =
        known.cost.log2N === cost.log2N &&
        known.cost.blockSize === cost.blockSize &&
        known.cost.parallelism === cost.parallelism;
      return isCurrent ? 'right' : 'outdated';
    },
  };
}

function parse(stored: string): { cost: ScryptCost; salt: Buffer; hash: Buffer } {
  const [, log2N, blockSize, parallelism, salt = '', hash = ''] = PHC.exec(stored) ?? [];
  if (log2N === undefined || Number(log2N) > 20) throw new Error('a stored password hash is not one of scrypt');
  return {
    cost: { log2N: Number(log2N), blockSize: Number(blockSize), parallelism: Number(parallelism) },
    salt: Buffer.from(salt, 'base64'),
    hash: Buffer.from(hash, 'base64'),
  };
}

function deriveKey(password: string, salt: Buffer, { log2N, blockSize, parallelism }: ScryptCost): Promise<Buffer> {
  const options = { N: 2 ** log2N, r: blockSize, p: parallelism, maxmem: 256 * 2 ** log2N * blockSize };
  // The same characters typed on two keyboards may be other code points (NIST SP 800-63B, 3.1.1.2).
  const normal = password.normalize('NFKC');
  return new Promise((resolve, reject) => {
    scrypt(normal, salt, HASH_BYTES, options, (error, key) => (error === null ? resolve(key) : reject(error)));
  });
}

/** `work`, run so many times at once; the rest waits in order. */
function limited<Arguments extends readonly unknown[], Result>(
  atOnce: number,
  maxWaiting: number,
  work: (...given: Arguments) => Promise<Result>,
): (...given: Arguments) => Promise<Result> {
  const waiting: (() => void)[] = [];
  let running = 0;
  return async (...given) => {
    if (running < atOnce) running++;
    else {
      if (waiting.length >= maxWaiting)
        throw new MoatError('too-many-logins', 'too many passwords are being checked', { fix: 'Try again shortly.' });
      await new Promise<void>((resolve) => waiting.push(resolve));
    }
    try {
      return await work(...given);
    } finally {
      const next = waiting.shift();
      // The place is handed over, not given back: nobody can slip in between.
      if (next === undefined) running--;
      else next();
    }
  };
}
