import { expect, test } from 'vitest';
import { newestWithin } from './semver-range.js';

const VERSIONS = [
  '0.0.1',
  '0.0.2',
  '0.1.0',
  '0.1.3',
  '1.0.0',
  '1.2.0',
  '1.2.9',
  '1.9.2',
  '1.10.0',
  '2.0.0-rc.1',
  '2.0.1',
];

// what maxSatisfying of npm's semver 7 says
test.each([
  ['1.2.3', undefined],
  ['1.2.9', '1.2.9'],
  ['v1.2.9', '1.2.9'],
  ['1', '1.10.0'],
  ['1.x', '1.10.0'],
  ['1.2.*', '1.2.9'],
  ['*', '2.0.1'],
  ['', '2.0.1'],
  ['^1.2.1', '1.10.0'],
  ['^0.1', '0.1.3'],
  ['^0.0', '0.0.2'],
  ['^0.0.1', '0.0.1'],
  ['^0', '0.1.3'],
  ['~1', '1.10.0'],
  ['~1.2', '1.2.9'],
  ['>=1 <1.9', '1.2.9'],
  ['> 1.2 <= 1.9', '1.9.2'],
  ['1.0 - 1.2', '1.2.9'],
  ['<1 || ~1.2.1', '1.2.9'],
  ['<0', undefined],
  ['>2', undefined],
  ['>*', undefined],
  ['newest', undefined],
  ['^1.2.', undefined],
  ['1.2.3.4', undefined],
  ['1 ||'.repeat(200), undefined],
])('%j', (range, expected) => {
  expect(newestWithin(VERSIONS, range)).toBe(expected);
});
