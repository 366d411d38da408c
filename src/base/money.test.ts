import fc from 'fast-check';
import { expect, it } from 'vitest';
import { formatMicros, parseMicros } from './money.js';

it('what is shown is exact, and has a true minus sign', () => {
  expect([formatMicros(-3_000_000n), formatMicros(1n), formatMicros(0n)]).toEqual(['−3.00', '0.000001', '0.00']);
  fc.assert(
    fc.property(fc.bigInt({ min: -(10n ** 18n), max: 10n ** 18n }), (micros) => {
      expect(parseMicros(formatMicros(micros).replace('−', '-'))).toBe(micros);
    }),
  );
});
