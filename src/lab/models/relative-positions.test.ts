/** Buckets of tests/golden/encoders/t5-buckets.json (made by make.py there with Hugging Face transformers). */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { type BucketRule, bucketOf } from './relative-positions.js';

const file = new URL('../../../tests/golden/encoders/t5-buckets.json', import.meta.url);
const golden = JSON.parse(readFileSync(file, 'utf8')) as {
  readonly from: number;
  readonly cases: (BucketRule & { readonly expected: number[] })[];
};

test.each(golden.cases)('$buckets buckets to $maxDistance, both ways: $bothWays', ({ expected, ...rule }) => {
  expect(expected.map((_, index) => bucketOf(golden.from + index, rule))).toEqual(expected);
});
