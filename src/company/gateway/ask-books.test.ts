import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { askBooks } from './ask-books.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test('an answer is an answer, and a refusal of the question stays what it is', async () => {
  expect(await askBooks(Promise.resolve(7))).toBe(7);
  const defect = new Error('of the program');
  await expect(askBooks(Promise.reject(defect))).rejects.toBe(defect);
});

test('a way that is lost is said to be lost, with a time to come again', async () => {
  for (const code of ['CONNECTION_CLOSED', 'ECONNREFUSED', '57P01', '08006']) {
    const lost = Object.assign(new Error('lost'), { code });
    await expect(askBooks(Promise.reject(lost))).rejects.toMatchObject({
      status: 503,
      code: 'books_unavailable',
      retryAfterSeconds: 2,
    });
  }
  const refused = Object.assign(new Error('a constraint'), { code: '23514' });
  await expect(askBooks(Promise.reject(refused))).rejects.toBe(refused);
});

test('books that say nothing are not waited for; what they say later is given back', async () => {
  const late: string[] = [];
  let answer: (value: string) => void = () => undefined;
  const question = new Promise<string>((resolve) => (answer = resolve));
  const asked = askBooks(question, async (value) => void late.push(value));
  const refused = expect(asked).rejects.toMatchObject({ code: 'books_unavailable' });
  await vi.advanceTimersByTimeAsync(10_000);
  await refused;
  answer('admitted');
  await vi.advanceTimersByTimeAsync(0);
  expect(late).toEqual(['admitted']);
});
