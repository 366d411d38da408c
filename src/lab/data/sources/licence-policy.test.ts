import { expect, test } from 'vitest';
import { decideLicence, type LicencePolicy } from './licence-policy.js';

const isAllowed = (licence: string | undefined, policy: LicencePolicy): boolean =>
  decideLicence(licence, policy).isAllowed;

test('without lists anything goes; with one, what nobody licensed does not', () => {
  expect(isAllowed(undefined, {})).toBe(true);
  expect(isAllowed(undefined, { allow: ['MIT'] })).toBe(false);
  expect(isAllowed('', { deny: ['GPL-*'] })).toBe(false);
  expect(isAllowed(undefined, { allow: ['MIT', 'unknown'] })).toBe(true);
  expect(decideLicence('do what you like', { allow: ['MIT'] })).toMatchObject({
    why: '"do what you like" is no SPDX expression, and unknown ones are not allowed',
  });
});

test.each([
  ['MIT', true],
  ['mit', true],
  ['Apache 2.0', true],
  ['apache-2.0', true],
  ['CC-BY-4.0', true],
  ['CC-BY-NC-4.0', false],
  ['GPL-3.0-only', false],
  ['MIT OR GPL-3.0-only', true],
  ['MIT AND GPL-3.0-only', false],
  ['(MIT OR GPL-2.0+) AND Apache-2.0', true],
  ['Apache-2.0 WITH LLVM-exception', true],
  ['MIT OR', false],
  ['(MIT', false],
  ['MIT-0', false],
])('%s: %s', (licence, expected) => {
  expect(isAllowed(licence, { allow: ['MIT', 'Apache-2.0', 'CC-BY-4.0'] })).toBe(expected);
});

test('what is denied stays denied, families by a star', () => {
  const policy = { allow: ['*'], deny: ['GPL-*', 'CC-BY-NC-*'] };
  expect(isAllowed('GPL-2.0-or-later', policy)).toBe(false);
  expect(isAllowed('gpl-3.0', policy)).toBe(false);
  expect(isAllowed('LGPL-3.0-only', policy)).toBe(true);
  expect(decideLicence('CC-BY-NC-4.0', policy)).toMatchObject({ why: 'CC-BY-NC-4.0 is denied by CC-BY-NC-*' });
});

test.each(['UNLICENSED', 'other', 'unknown', 'NOASSERTION', 'NONE', 'MIT AND other', 'x'.repeat(3000)])(
  '%s grants nothing, whatever the lists',
  (licence) => {
    expect(isAllowed(licence, { deny: ['GPL-*'] })).toBe(false);
    expect(isAllowed(licence, { allow: ['*'] })).toBe(false);
  },
);

test('the short names of GNU licences mean the long ones', () => {
  expect(isAllowed('LGPL-2.1+', { allow: ['LGPL-2.1-or-later'] })).toBe(true);
  expect(isAllowed('agpl-3.0', { deny: ['AGPL-3.0'] })).toBe(false);
  expect(isAllowed('GFDL-1.3', { allow: ['GFDL-1.3-only'] })).toBe(true);
});
