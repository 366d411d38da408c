import { expect, test } from 'vitest';
import type { Passport } from '../data/passport.js';
import { renderModelCard } from './model-card.js';

const tally = (documents: number) => ({ documents, bytes: documents * 100 });
const passport: Passport = {
  schemaVersion: 2,
  licence: 'CC-BY-4.0',
  files: [{ origin: 'a.txt', sizeBytes: 9, sha256: 'a'.repeat(64) }],
  settings: { seed: 1 },
  read: tally(12),
  kept: tally(9),
  languages: { 'zh-Hans': tally(6), en: tally(2), und: tally(1) },
  dropped: { 'near-duplicate': tally(3) },
  outputs: {
    train: { sizeBytes: 800, sha256: 'b'.repeat(64) },
    validation: { sizeBytes: 50, sha256: 'b'.repeat(64) },
    test: { sizeBytes: 100, sha256: 'c'.repeat(64) },
  },
};
const architecture = { title: 'Qwen3', source: 'https://arxiv.org/abs/2505.09388' };

test('names licence, languages and every cut', () => {
  const card = renderModelCard({ name: 'shop', architecture, passport });
  const [, front = '', body = ''] = card.split('---\n');
  expect(front).toContain('license: cc-by-4.0\nlanguage:\n- zh\n- en\n');
  expect(body).toContain('| left out, near-duplicate | 3 | 300 B |');
  expect(body).toContain('| kept, zh-Hans | 6 |');
  expect(body).toContain('bbbbbbbbbbbbbbbb…');
});

test('an unknown licence is said, not guessed', () => {
  const { licence: _, ...unlicensed } = passport;
  const card = renderModelCard({ name: 'shop', architecture, passport: unlicensed });
  expect(card).toContain('licence not stated');
  expect(card).not.toContain('license:');
});
