/** Months of the calendar as numbers, so that they can be counted: `2026-11` is 2026 × 12 + 10. */
import { MoatError } from '../../base/errors.js';

/** @throws MoatError `bad-month` */
export function monthNumber(text: string): number {
  const match = /^(\d{4})-(0[1-9]|1[0-2])$/.exec(text);
  if (match === null) throw new MoatError('bad-month', `"${text}" is not a month`, { fix: 'Write it as 2026-11.' });
  return Number(match[1]) * 12 + Number(match[2]) - 1;
}

export function monthText(month: number): string {
  return `${Math.floor(month / 12)}-${String((month % 12) + 1).padStart(2, '0')}`;
}

/** The month after (or, with a negative count, before). */
export function monthsOn(text: string, count: number): string {
  return monthText(monthNumber(text) + count);
}
