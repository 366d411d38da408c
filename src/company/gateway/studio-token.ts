import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { chmod, mkdir, open, readFile } from 'node:fs/promises';
import path from 'node:path';
import { systemCode } from '../../base/errors.js';

/** The studio's token: made once a project, readable by its owner alone (`.moat/studio-token`, mode 600). */
export async function readOrCreateStudioToken(projectDirectory: string): Promise<string> {
  const file = path.join(projectDirectory, '.moat', 'studio-token');
  await mkdir(path.dirname(file), { recursive: true });
  try {
    const handle = await open(file, 'wx', 0o600);
    try {
      const token = `moat_studio_${randomBytes(32).toString('base64url')}`;
      await handle.writeFile(`${token}\n`);
      return token;
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw error;
    await chmod(file, 0o600);
    return (await readFile(file, 'utf8')).trim();
  }
}

/** Compares in a time that does not depend on where the two differ, or on their lengths. */
export function sameSecret(given: string, expected: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(expected));
}
