/** How a language writes the figures of the business. A figure that is missing is said to be, and is never 0. */
import type { Currency, Micros } from '../../base/money.js';
import { trueMinus } from '../../base/units.js';
import { approximateUnits } from './estimates.js';
import type { FactState, FactUnit, FactValue } from './fact.js';

export const businessLanguages = ['en', 'zh-CN'] as const;
export type BusinessLanguage = (typeof businessLanguages)[number];

export interface Figures {
  readonly missing: string;
  money(micros: Micros | null): string;
  /** An estimate in units of the currency. */
  estimate(units: number | null): string;
  share(value: number | null): string;
  number(value: number | null): string;
  /** A volume: 110,000,000 → "110M", "1.1亿". */
  compact(value: number): string;
  date(value: Date | null): string;
  fact(value: FactValue, unit: FactUnit): string;
}

const STATES: Readonly<Record<BusinessLanguage, Readonly<Record<FactState, string>>>> = {
  en: { reached: 'reached', never: 'never at this pace', growing: 'cash grows' },
  'zh-CN': { reached: '已达成', never: '按当前进度无法达成', growing: '现金净流入' },
};

export function figuresFor(language: BusinessLanguage, currency: Currency, timeZone = 'UTC'): Figures {
  const missing = language === 'en' ? 'missing' : '缺失';
  const moneyFormat = (digits: number) =>
    new Intl.NumberFormat(language, {
      style: 'currency',
      currency,
      minimumFractionDigits: 2,
      maximumFractionDigits: digits,
      signDisplay: 'negative',
    });
  const [coarse, fine] = [moneyFormat(2), moneyFormat(6)];
  const shares = new Intl.NumberFormat(language, {
    style: 'percent',
    maximumFractionDigits: 1,
    signDisplay: 'negative',
  });
  const numbers = new Intl.NumberFormat(language, { maximumSignificantDigits: 3 });
  const counts = new Intl.NumberFormat(language, { maximumFractionDigits: 0 });
  const volumes = new Intl.NumberFormat(language, { notation: 'compact', maximumFractionDigits: 1 });
  const dates = new Intl.DateTimeFormat(language, { dateStyle: 'medium', timeZone });
  const estimate = (units: number | null): string => {
    if (units === null) return missing;
    // Cents hide what a small model costs; micro-units clutter what a company earns.
    return trueMinus((units !== 0 && Math.abs(units) < 1 ? fine : coarse).format(units));
  };
  const number = (value: number | null): string =>
    value === null ? missing : trueMinus((Math.abs(value) >= 1000 ? counts : numbers).format(value));
  const share = (value: number | null): string => (value === null ? missing : trueMinus(shares.format(value)));
  const date = (value: Date | null): string => (value === null ? missing : dates.format(value));
  const money = (micros: Micros | null): string => (micros === null ? missing : estimate(approximateUnits(micros)));
  return {
    missing,
    money,
    estimate,
    share,
    number,
    compact: (value) => volumes.format(value),
    date,
    fact(value, unit) {
      if (value === null) return missing;
      if (typeof value === 'string') return STATES[language][value];
      if (value instanceof Date) return date(value);
      if (typeof value === 'bigint') return unit === 'money' ? money(value) : number(Number(value));
      if (unit === 'share') return share(value);
      if (unit === 'tokens/s') return language === 'en' ? `${number(value)} tokens/s` : `${number(value)} 词元/秒`;
      if (unit === 'months')
        return language === 'en' ? `${number(value)} ${value === 1 ? 'month' : 'months'}` : `${number(value)} 个月`;
      return number(value);
    },
  };
}
