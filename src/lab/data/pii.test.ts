import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { applyPii, findPii } from './pii.js';

/** Written by tests/golden/pii/make.py; all values are invented. */
const cases = readFileSync(new URL('../../../tests/golden/pii/cases.jsonl', import.meta.url), 'utf8')
  .replaceAll('∥', '')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as { text: string; expect: [string, string][] });

interface Figures {
  right: number;
  found: number;
  wanted: number;
}

function measure(): { figures: Map<string, Figures>; wrong: string[] } {
  const figures = new Map<string, Figures>();
  const wrong: string[] = [];
  const of = (kind: string): Figures => {
    const known = figures.get(kind) ?? { right: 0, found: 0, wanted: 0 };
    figures.set(kind, known);
    return known;
  };
  for (const { text, expect: wanted } of cases) {
    const found = findPii(text).map(({ kind, start, end }) => `${kind}|${text.slice(start, end)}`);
    const keys = wanted.map(([kind, value]) => `${kind}|${value}`);
    for (const key of found) of(key.split('|')[0] ?? '').found++;
    for (const key of keys) {
      const entry = of(key.split('|')[0] ?? '');
      entry.wanted++;
      if (found.includes(key)) entry.right++;
    }
    if (found.join() !== keys.join()) wrong.push(`${text} -> ${found.join()}`);
  }
  return { figures, wrong };
}

describe('personal data', () => {
  const { figures, wrong } = measure();

  it('is measured on three hundred cases or more', () => {
    expect(cases.length).toBeGreaterThanOrEqual(300);
    expect(cases.filter((example) => example.expect.length === 0).length).toBeGreaterThanOrEqual(100);
  });

  it.each(['email', 'phone', 'resident-id', 'bank-card', 'ip-address', 'secret', 'iban'])(
    '%s: precision and recall do not fall',
    (kind) => {
      const { right, found, wanted } = figures.get(kind) ?? { right: 0, found: 1, wanted: 1 };
      expect({ precision: right / found, recall: right / wanted, wrong }).toEqual({
        precision: 1,
        recall: 1,
        wrong: [],
      });
    },
  );

  it('is masked by kind, dropped, or kept', () => {
    const text = '手机13912345678，邮箱li@example.cn。';
    expect(applyPii(text, 'mask')).toEqual({
      kind: 'kept',
      text: '手机[phone]，邮箱[email]。',
      counts: { phone: 1, email: 1 },
    });
    expect(applyPii(text, 'drop')).toEqual({ kind: 'dropped', detail: 'holds 1 phone, 1 email' });
    expect(applyPii(text, 'keep')).toEqual({ kind: 'kept', text, counts: {} });
    expect(applyPii('nothing here', 'drop')).toMatchObject({ kind: 'kept' });
    expect(findPii('[email] [phone] [bank-card]')).toEqual([]);
  });

  it.each([
    '1',
    '1.',
    'a@',
    'a.',
    '1-',
    '+1 ',
    'A1',
    '-----BEGIN ',
    '-----BEGIN PRIVATE KEY-----',
    'eyJ',
    'eyJaaaaaaaa.',
    'sk-',
    'f:',
    '::',
    '(415) ',
    '4155550132 ',
    '电话',
    'a@b.',
    '1 2',
    'GB12 ',
  ])('takes linear time on a megabyte of %j', (part) => {
    const text = part.repeat(Math.ceil(1e6 / part.length));
    const start = performance.now();
    findPii(text);
    expect(performance.now() - start).toBeLessThan(4000);
  });
});
