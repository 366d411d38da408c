import { readFile } from 'node:fs/promises';
import { systemCode } from '../../base/errors.js';

/** Undefined where there is no such file. */
export async function readTextFile(file: string): Promise<string | undefined> {
  return readFile(file, 'utf8').catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  });
}
