import { readFile } from 'node:fs/promises';
import { MoatError, messageOf, systemCode } from '../../base/errors.js';

/**
 * What a JSON file says, unchecked.
 * @throws MoatError with `code`, when it cannot be read or is not JSON
 */
export async function readJsonFile(file: string, code: string, fix: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, 'utf8'));
  } catch (error) {
    const what = systemCode(error) === 'ENOENT' ? 'no such file' : messageOf(error);
    throw new MoatError(code, `${file}: ${what}`, { fix, cause: error });
  }
}
