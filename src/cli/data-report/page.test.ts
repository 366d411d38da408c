/** The page stands alone, in both languages, and shows what comes from outside as text and nothing else. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readPassport } from '../../lab/data/corpus.js';
import { prepareCorpus } from '../../lab/data/prepare-corpus.js';
import { measureLengths } from '../../lab/tokenizer/token-lengths.js';
import { type DataPageFacts, renderDataPage } from './page.js';
import { reportLanguages, reportTexts } from './texts.js';

const EVIL = '<script>alert(1)</script> & "quotes" in a text that is long enough to be kept by the filters.';

let root: string;
let facts: DataPageFacts;
beforeAll(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'moat-data-page-'));
  const [source, folder] = [path.join(root, 'source'), path.join(root, 'corpus')];
  await mkdir(source);
  const texts = [EVIL, EVIL, 'short <b>', 'Quite another text: it says how the tea is picked, dried and packed.'];
  await writeFile(path.join(source, '<img>.jsonl'), texts.map((text) => JSON.stringify({ text })).join('\n'));
  const report = await prepareCorpus(folder, { source, licence: 'MIT' });
  const lengths = await measureLengths([{ text: EVIL, language: 'en' }], undefined);
  const originals = new Map([['<img>.jsonl#1', EVIL]]);
  facts = { project: 'shop & sons', report, passport: await readPassport(folder), lengths, originals };
});
afterAll(() => rm(root, { recursive: true, force: true }));

describe.each(reportLanguages)('in %s', (language) => {
  test('holds no script and asks nobody for anything', () => {
    const page = renderDataPage(facts, language);
    expect(page).not.toMatch(/<script|<img|<b>short|https?:|url\(|@import|src=/);
    expect(page).toContain('&lt;script&gt;alert(1)&lt;/script&gt; &amp; &quot;quotes&quot;');
    expect(page).toContain(`<html lang="${language}">`);
  });

  test('tells what was left out, why, and beside what', () => {
    const page = renderDataPage(facts, language);
    const { title, reasons, copiesTitle, lengthsTitle } = reportTexts[language];
    for (const words of [title, reasons['too-short'], reasons['exact-duplicate'], copiesTitle, lengthsTitle, 'MIT']) {
      expect(page).toContain(words);
    }
    expect(page).toContain('is the same text as &lt;img&gt;.jsonl#1');
    expect(page).toContain(facts.passport.outputs.train.sha256);
  });
});

test('every reason is explained in both languages', () => {
  expect(Object.keys(reportTexts['zh-CN'].reasons)).toEqual(Object.keys(reportTexts.en.reasons));
});
