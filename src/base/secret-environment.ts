/** Secrets as containers hand them over: `NAME` in the environment, or in the file that `NAME_FILE` names. */
import { readFileSync } from 'node:fs';
import { MoatError, systemCode } from './errors.js';

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * @returns without spaces and line ends around it; undefined where it is not set, or empty
 * @throws MoatError `secret-twice`, `secret-unreadable`
 */
export function secretFrom(environment: Environment, name: string): string | undefined {
  const [value, file] = [environment[name]?.trim() ?? '', environment[`${name}_FILE`]?.trim() ?? ''];
  if (file === '') return value === '' ? undefined : value;
  if (value !== '')
    throw new MoatError('secret-twice', `${name} and ${name}_FILE are both set`, { fix: 'Take one of them away.' });
  try {
    const text = readFileSync(file, 'utf8').trim();
    if (text !== '') return text;
  } catch (error) {
    throw new MoatError('secret-unreadable', `${name}_FILE: ${file} cannot be read (${systemCode(error) ?? 'error'})`, {
      fix: 'Name a file that this user may read.',
      cause: error,
    });
  }
  throw new MoatError('secret-unreadable', `${name}_FILE: ${file} is empty`, { fix: 'Write the secret into it.' });
}

/**
 * `DATABASE_URL`, with the password of `PGPASSWORD` in it where it has none itself.
 * @throws MoatError as `secretFrom`
 */
export function databaseUrlFrom(environment: Environment): string | undefined {
  const text = secretFrom(environment, 'DATABASE_URL');
  if (text === undefined || !URL.canParse(text)) return text;
  const url = new URL(text);
  const password = url.password === '' ? secretFrom(environment, 'PGPASSWORD') : undefined;
  if (password === undefined) return text;
  url.password = encodeURIComponent(password);
  return url.href;
}
