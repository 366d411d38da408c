import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { dictionaries } from '../../src/studio/i18n/dictionary.js';

it('every action that is written down has words', () => {
  const source = fileURLToPath(new URL('../../src/', import.meta.url));
  const files = ['company', 'cli'].flatMap((wing) =>
    readdirSync(path.join(source, wing), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
      .map((name) => readFileSync(path.join(source, wing, name), 'utf8')),
  );
  const actions = files.flatMap((text) =>
    [...text.matchAll(/\baction: '([a-z-]+\.[a-z-]+)'/g)].map(([, name]) => name),
  );
  expect(actions.length).toBeGreaterThan(30);
  for (const text of Object.values(dictionaries)) {
    const known = Object.keys(text.audit.actions);
    expect(actions.filter((action) => action === undefined || !known.includes(action))).toEqual([]);
  }
});
