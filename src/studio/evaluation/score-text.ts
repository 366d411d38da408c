import type { TaskScore } from '../../company/gateway/api-types.js';
import type { Formatter } from '../i18n/format.js';

type Figures = Pick<TaskScore, 'value' | 'low' | 'high'>;

const digitsOf = (value: number): number => (Math.abs(value) >= 10 ? 1 : 3);

/** `0.912`; null where it is undefined. */
export const scoreText = (format: Formatter, value: number | null): string | null =>
  value === null ? null : format.decimal(value, digitsOf(value));

/** `0.897 – 0.925`; null where there is none. */
export function rangeText(format: Formatter, { low, high }: Figures): string | null {
  if (low === null || high === null) return null;
  return `${format.decimal(low, digitsOf(high))} – ${format.decimal(high, digitsOf(high))}`;
}

/** `0.912 (0.897 – 0.925)`. */
export function scoreWithRange(format: Formatter, score: Figures): string | null {
  const [value, range] = [scoreText(format, score.value), rangeText(format, score)];
  return value === null || range === null ? value : `${value} (${range})`;
}

/** `+0.031`, with a true minus sign. */
export const signed = (format: Formatter, value: number): string =>
  `${value < 0 ? '−' : '+'}${format.decimal(Math.abs(value), digitsOf(value))}`;
