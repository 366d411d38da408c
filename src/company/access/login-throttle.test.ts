import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type ScratchProject, openScratchProject } from '../../../tests/scratch-database.js';
import { manualClock } from '../../base/clock.js';
import { admitLogin } from './login-throttle.js';

let scratch: ScratchProject;
beforeAll(async () => {
  scratch = await openScratchProject();
});
afterAll(() => scratch.close());

let clock = manualClock();
beforeEach(async () => {
  await scratch.database.sql`truncate moat.login_attempts`;
  clock = manualClock(1_900_000_000_000);
});

/** @returns the seconds to wait, 0 when the attempt was let through */
async function attempt(email: string, address: string, isRight = false): Promise<number> {
  const admission = await admitLogin(scratch.database, clock, { email, address });
  if (admission.kind === 'wait') return admission.seconds;
  if (isRight) await admission.succeeded();
  return 0;
}

async function attempts(
  count: number,
  email: (index: number) => string,
  address: (index: number) => string,
): Promise<number[]> {
  const waits: number[] = [];
  for (let index = 0; index < count; index++) waits.push(await attempt(email(index), address(index)));
  return waits;
}

test('five wrong ones are free; then each doubles the wait up to a quarter of an hour', async () => {
  expect(
    await attempts(
      6,
      () => 'ann@x.de',
      () => '1.1.1.1',
    ),
  ).toEqual([0, 0, 0, 0, 0, 0]);
  for (const wait of [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]) {
    expect(await attempt('Ann@X.de ', '1.1.1.1')).toBe(wait);
    clock.advance(wait * 1000 - 1);
    expect(await attempt('ann@x.de', '1.1.1.1')).toBe(1);
    clock.advance(1);
    expect(await attempt('ann@x.de', '1.1.1.1')).toBe(0);
  }
  // a day later nothing is remembered
  clock.advance(25 * 3_600_000);
  expect(
    await attempts(
      6,
      () => 'ann@x.de',
      () => '1.1.1.1',
    ),
  ).toEqual([0, 0, 0, 0, 0, 0]);
});

test('one address that tries many accounts waits, and is remembered in no more rows while it does', async () => {
  const waits = await attempts(
    40,
    (index) => `user${index}@x.de`,
    () => '2.2.2.2',
  );
  expect(waits.slice(0, 21)).toEqual(Array.from({ length: 21 }, () => 0));
  expect(waits.slice(21).every((wait) => wait === 1)).toBe(true);
  const [row] = await scratch.database.sql<{ count: number }[]>`select count(*)::int from moat.login_attempts`;
  expect(row?.count).toBe(2 * 21 + 1);
});

test('many addresses that try one account wait, and its user does not, where he has signed in before', async () => {
  expect(await attempt('ann@x.de', '9.9.9.9', true)).toBe(0);
  const waits = await attempts(
    30,
    () => 'ann@x.de',
    (index) => `3.3.3.${index}`,
  );
  expect(waits.filter((wait) => wait === 0)).toHaveLength(11);
  expect(await attempt('ann@x.de', '9.9.9.9')).toBe(0);
  expect(await attempt('ann@x.de', '9.9.9.9', true)).toBe(0);
  // his success is not theirs
  expect(await attempt('ann@x.de', '3.3.3.99')).toBe(1);
});

test('who has an account cannot use it to guess others’ without end', async () => {
  for (let index = 0; index < 20; index++) {
    expect(await attempt(`victim${index}@x.de`, '4.4.4.4')).toBe(0);
    expect(await attempt('mallory@x.de', '4.4.4.4', true)).toBe(0);
  }
  expect(await attempt('victim@x.de', '4.4.4.4')).toBe(0);
  expect(await attempt('mallory@x.de', '4.4.4.4', true)).toBe(1);
});

test('a hundred at once are counted before any password is looked at', async () => {
  const waits = await Promise.all(Array.from({ length: 100 }, () => attempt('ann@x.de', '5.5.5.5')));
  expect(waits.filter((wait) => wait === 0)).toHaveLength(6);
});
