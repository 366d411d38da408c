/** How a plan's figures are written, in either language. */
import type { Currency, Micros } from '../../base/money.js';
import { formatSeconds } from '../../base/units.js';
import { approximateUnits } from '../../company/business/estimates.js';
import type { BusinessLanguage } from '../../company/business/figures.js';
import type { Estimate } from '../../lab/planning/fit-law.js';

/** 2.61 (2.48–2.80) */
export const estimateText = ({ value, low, high }: Estimate): string =>
  `${value.toFixed(2)} (${low.toFixed(2)}–${high.toFixed(2)})`;

export const scaled = ({ value, low, high }: Estimate, by: number): Estimate => ({
  value: value * by,
  low: low * by,
  high: high * by,
});

/** 1234567890 → "1.2B", 12亿 in Chinese. */
export function amountText(amount: number, language: BusinessLanguage): string {
  const figures = { notation: 'compact', maximumSignificantDigits: 3 } as const;
  return new Intl.NumberFormat(language, figures).format(amount);
}

const HUNDREDTH = 10_000n;

/** An estimate: three digits are enough, and nobody counts less than a hundredth. */
export function costText(micros: Micros | null, currency: Currency, language: BusinessLanguage): string {
  if (micros === null) return language === 'en' ? '?' : '未知';
  const isTiny = micros > 0n && micros < HUNDREDTH;
  const figures = new Intl.NumberFormat(language, {
    style: 'currency',
    currency,
    minimumSignificantDigits: isTiny ? 1 : 2,
    maximumSignificantDigits: 3,
  });
  return isTiny ? `< ${figures.format(approximateUnits(HUNDREDTH))}` : figures.format(approximateUnits(micros));
}

/** Repeats of the own texts; under one pass to two digits. */
export const passesText = (passes: number): string => (passes < 10 ? passes.toFixed(1) : passes.toFixed(0));

export const durationText = (seconds: number, language: BusinessLanguage): string => {
  if (language === 'en') return formatSeconds(seconds);
  const hours = seconds / 3600;
  if (hours >= 1) return `${hours.toFixed(hours < 10 ? 1 : 0)} 小时`;
  return seconds >= 60 ? `${Math.round(seconds / 60)} 分钟` : `${Math.round(seconds)} 秒`;
};
