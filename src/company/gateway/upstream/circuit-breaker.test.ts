import { expect, test } from 'vitest';
import { manualClock } from '../../../base/clock.js';
import { createCircuitBreaker } from './circuit-breaker.js';

test('half of the latest twenty requests is too many failures, though never five in a row', () => {
  const breaker = createCircuitBreaker(manualClock());
  for (let at = 0; at < 19; at++) breaker.enter()?.(at % 2 === 0 ? 'failure' : 'success');
  expect(breaker.state).toBe('closed');
  breaker.enter()?.('success');
  expect(breaker.state).toBe('open');
  expect(breaker.enter()).toBeUndefined();
});

test('rests double up to a minute; a success makes the next one short again', () => {
  const clock = manualClock();
  const breaker = createCircuitBreaker(clock);
  for (let at = 0; at < 5; at++) breaker.enter()?.('failure');
  const rests: number[] = [];
  for (let at = 0; at < 6; at++) {
    rests.push(breaker.waitMs);
    clock.advance(breaker.waitMs);
    expect(breaker.state).toBe('half-open');
    breaker.enter()?.('failure');
  }
  expect(rests).toEqual([5000, 10_000, 20_000, 40_000, 60_000, 60_000]);
  clock.advance(60_000);
  breaker.enter()?.('success');
  expect(breaker.state).toBe('closed');
  for (let at = 0; at < 5; at++) breaker.enter()?.('failure');
  expect(breaker.waitMs).toBe(5000);
});

test('one trial at a time; what began before it opened decides nothing; a trial that says nothing leaves the next one', () => {
  const clock = manualClock();
  const breaker = createCircuitBreaker(clock);
  const early = breaker.enter();
  for (let at = 0; at < 5; at++) breaker.enter()?.('failure');
  early?.('success');
  expect(breaker.state).toBe('open');
  clock.advance(5000);
  const trial = breaker.enter();
  expect(breaker.enter()).toBeUndefined();
  trial?.('neither');
  const next = breaker.enter();
  expect(next).toBeDefined();
  next?.('success');
  expect(breaker.state).toBe('closed');
});

test('a probe that is answered brings the trial forward', () => {
  const breaker = createCircuitBreaker(manualClock());
  for (let at = 0; at < 5; at++) breaker.enter()?.('failure');
  breaker.sawLife();
  expect(breaker.state).toBe('half-open');
});
