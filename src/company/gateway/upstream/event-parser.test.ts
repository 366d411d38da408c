import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createEventParser } from './event-parser.js';

const all = (text: string | Buffer, cuts: readonly number[] = []): string[] => {
  const bytes = Buffer.from(text);
  const parser = createEventParser(1000);
  const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  return places.slice(1).flatMap((end, at) => parser.push(bytes.subarray(places[at], end)));
};

test('the specification’s examples', () => {
  expect(all('data: YHOO\ndata: +2\ndata: 10\n\n')).toEqual(['YHOO\n+2\n10']);
  expect(all(': test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n')).toEqual([
    'first event',
    'second event',
    ' third event',
  ]);
  expect(all('data\n\ndata\ndata\n\ndata:')).toEqual(['', '\n']);
  expect(all('data:test\n\ndata: test\n\n')).toEqual(['test', 'test']);
  expect(all('\uFEFFdata: a\r\rdata: b\r\n\r\nevent: x\ndata: c\n\ndatax: d\n\n')).toEqual(['a', 'b', 'c']);
});

test('a line that never ends, and an event of too many lines, are refused', () => {
  const parser = createEventParser(1000);
  expect(() => {
    for (let at = 0; at < 11; at++) parser.push(Buffer.alloc(100, 'a'));
  }).toThrow(/over 1000 characters/);
  const lines = createEventParser(1000);
  expect(() => lines.push(Buffer.from('data: 0123456789\n'.repeat(100)))).toThrow(/over 1000 characters/);
});

test('wherever the bytes are cut, and whichever line ends they have, the events are the same', () => {
  const line = fc.string({ unit: 'grapheme', maxLength: 12 }).map((text) => text.replace(/[\r\n\uFEFF]/g, ''));
  const event = fc.array(line, { minLength: 1, maxLength: 3 });
  const end = fc.constantFrom('\n', '\r\n', '\r');
  fc.assert(
    fc.property(fc.array(event, { maxLength: 6 }), end, fc.array(fc.nat(), { maxLength: 40 }), (events, end, cuts) => {
      const text = events
        .map((lines) => lines.map((one) => `data: ${one}${end}`).join('') + `: c${end}${end}`)
        .join('');
      expect(all(text, cuts)).toEqual(events.map((lines) => lines.join('\n')));
    }),
    { numRuns: 500 },
  );
});

test('any bytes in any pieces: the same as in one piece, or refused alike', () => {
  const outcome = (run: () => string[]): unknown => {
    try {
      return run();
    } catch (error) {
      return String(error);
    }
  };
  const bytes = fc.array(fc.oneof(fc.constantFrom(...Buffer.from('data: \r\n\n')), fc.nat(255)), { maxLength: 200 });
  fc.assert(
    fc.property(bytes, fc.array(fc.nat(), { maxLength: 20 }), (bytes, cuts) => {
      const text = Buffer.from(bytes);
      expect(outcome(() => all(text, cuts))).toEqual(outcome(() => all(text)));
    }),
    { numRuns: 500 },
  );
});
