import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { preferredLanguage } from './dictionary.js';
import { createFormatter } from './format.js';

const en = createFormatter('en-US');
const zh = createFormatter('zh-CN');

describe('money', () => {
  it.each([
    ['0', '$0.00'],
    ['1500000', '$1.50'],
    ['131416', '$0.1314'],
    ['84', '$0.000084'],
    ['-84', '−$0.000084'],
    ['1234567890000', '$1,234,567.89'],
    // More than a double holds: 2^53 micros and one cent would lose the cent.
    ['9007199254740993010000', '$9,007,199,254,740,993.01'],
  ])('%s micros are %s', (micros, shown) => {
    expect(en.money(micros, 'USD')).toBe(shown);
  });

  it('columns show every micro-unit, exactly', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(10n ** 24n), max: 10n ** 24n }), (micros) => {
        const digits = en.moneyExact(micros, 'USD').replace(/[^\d]/g, '');
        expect(BigInt(digits)).toBe(micros < 0n ? -micros : micros);
      }),
    );
    expect(zh.moneyExact('1396', 'CNY')).toBe('¥0.001396');
  });
});

it('a share of nothing is not 0 %', () => {
  expect(en.percent(5n, 0n)).toBeNull();
  expect(en.percent(5n, -1n)).toBeNull();
  expect(en.percent(-1n, 8n)).toBe('−12.5%');
});

it.each([
  [0.42, '0.42 sec', '0.42秒'],
  [59.6, '1 min', '1分钟'],
  [83, '1 min 23 sec', '1分钟23秒'],
  [7500, '2 hr 5 min', '2小时5分钟'],
  [3599.9, '1 hr', '1小时'],
  [180_000, '2 days 2 hr', '2天2小时'],
])('%s s', (seconds, english, chinese) => {
  expect([en.duration(seconds), zh.duration(seconds)]).toEqual([english, chinese]);
});

it('speaks the first of the reader’s languages it knows', () => {
  expect(preferredLanguage(['de-DE', 'zh-TW', 'en'])).toBe('zh');
  expect(preferredLanguage(['en-GB', 'zh-CN'])).toBe('en');
  expect(preferredLanguage(['fr'])).toBe('en');
});

describe('figures of the business', () => {
  it.each([
    [1234.56, '$1,235'],
    [-0.5, '−$0.50'],
    [0.0012, '$0.0012'],
    [12.345, '$12.35'],
  ])('an estimate of %s', (units, shown) => expect(en.estimate(units, 'USD')).toBe(shown));

  it('shares, quantities, months and short times', () => {
    expect([en.share(0.137), zh.share(1.25)]).toEqual(['13.7%', '125.0%']);
    expect([en.quantity(46.296), en.quantity(0.858), en.quantity(120_000_000)]).toEqual([
      '46.3',
      '0.858',
      '120,000,000',
    ]);
    expect([en.month('2026-11'), zh.month('2026-11')]).toEqual(['Nov 2026', '2026年11月']);
    expect([en.milliseconds(5), zh.milliseconds(80), en.milliseconds(1500)]).toEqual(['5 ms', '80毫秒', '1.5 sec']);
  });
});
