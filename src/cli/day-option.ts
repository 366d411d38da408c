import { MoatError } from '../base/errors.js';

const DAY = /^\d{4}-\d{2}-\d{2}$/;

/**
 * The beginning (UTC) of a day given on the command line.
 * @throws MoatError `bad-option`
 */
export function dayOf(text: string | undefined, option: string): Date | undefined {
  if (text === undefined) return undefined;
  const day = new Date(`${text}T00:00:00Z`);
  if (DAY.test(text) && !Number.isNaN(day.getTime())) return day;
  throw new MoatError('bad-option', `${option}: "${text}" is not a day`, { fix: 'Write it as 2026-01-31.' });
}
