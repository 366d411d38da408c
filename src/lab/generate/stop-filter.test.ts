import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createStopFilter } from './stop-filter.js';

const word = fc.string({ unit: fc.constantFrom('a', 'b', '。'), maxLength: 12 });
const stops = fc.array(fc.string({ unit: fc.constantFrom('a', 'b', '。'), minLength: 1, maxLength: 3 }), {
  maxLength: 3,
});

test('the text before the first stop string, however it arrives in pieces', () => {
  fc.assert(
    fc.property(fc.array(word, { maxLength: 8 }), stops, (pieces, wanted) => {
      const filter = createStopFilter(wanted);
      let shown = '';
      let stopped = false;
      for (const piece of pieces) {
        const result = filter.push(piece);
        shown += result.text;
        stopped = result.stopped;
        if (stopped) break;
      }
      if (!stopped) shown += filter.flush();
      const whole = pieces.join('');
      const found = wanted.map((stop) => whole.indexOf(stop)).filter((index) => index >= 0);
      if (found.length === 0) expect({ shown, stopped }).toEqual({ shown: whole, stopped: false });
      else {
        expect(stopped).toBe(true);
        expect(whole.startsWith(shown)).toBe(true);
        expect(wanted.some((stop) => whole.startsWith(stop, shown.length))).toBe(true);
        expect(wanted.some((stop) => shown.includes(stop))).toBe(false);
      }
    }),
    { numRuns: 500 },
  );
});
