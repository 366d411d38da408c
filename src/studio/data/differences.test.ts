import { expect, test } from 'vitest';
import { differences } from './differences.js';

const marked = (left: string, right: string): string[] =>
  differences(left, right).map((side) => side.map(({ text, isOwn }) => (isOwn ? `[${text}]` : text)).join(''));

test('what each text has alone is marked, in words and in Chinese characters', () => {
  expect(marked('the parcel is late', 'the parcel was late')).toEqual([
    'the parcel [is] late',
    'the parcel [was] late',
  ]);
  expect(marked('三天内退款到账', '七天内退款')).toEqual(['[三]天内退款[到账]', '[七]天内退款']);
  expect(marked('same\ntext', 'same text')).toEqual(['same\ntext', 'same text']);
  expect(marked('', 'all')).toEqual(['', '[all]']);
});

test('texts come back whole, however long', () => {
  const long = Array.from({ length: 3000 }, (_, i) => `word${i}`).join(' ');
  const [left, right] = differences(long, `new ${long}`);
  expect(left.map(({ text }) => text).join('')).toBe(long);
  expect(right.map(({ text }) => text).join('')).toBe(`new ${long}`);
  expect(right[0]).toEqual({ text: 'new ', isOwn: true });
});
