import { expect, test } from 'vitest';
import { createHalving } from './asynchronous-halving.js';

test('rungs lie at a ninth and a third of the steps', () => {
  expect(createHalving(90).rungs).toEqual([10, 30]);
  expect(createHalving(2).rungs).toEqual([1]);
});

test('a trial goes on while it is in the best third of those that came before it', () => {
  const halving = createHalving(90);
  const verdicts = [3, 2, 2.5, 1, 1.5, 2.2, Number.NaN].map((loss) => halving.isLoser(10, loss));
  // the first two have nobody to be compared with; of three, one passes; of four to six, two
  expect(verdicts).toEqual([false, false, true, false, false, true, true]);
});

test('rungs are apart, and between them nobody is stopped', () => {
  const halving = createHalving(90);
  for (const loss of [1, 1, 1]) halving.isLoser(10, loss);
  expect(halving.isLoser(30, 99)).toBe(false);
  expect(halving.isLoser(50, 99)).toBe(false);
});
