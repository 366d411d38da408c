import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { writeModelFolder } from '../../../tests/model-folder.js';
import { writeCorpus } from '../../lab/data/corpus.js';
import { createReport } from '../../lab/data/report.js';
import { type TokenPreviews, createTokenPreviews } from './token-preview.js';

let project: string;
let previews: TokenPreviews;
beforeAll(async () => {
  project = await mkdtemp(path.join(tmpdir(), 'moat-tokens-'));
  await writeModelFolder(path.join(project, 'runs', 'tiny'), { model_type: 'llama' });
  const corpus = path.join(project, 'corpus');
  await writeCorpus(corpus, async (writer) => {
    for (const text of ['the quick fox', 'the lazy dog'])
      await writer.keep({ id: text.slice(4), text, origin: 'a' }, 'train');
    const report = createReport({ source: 'a', validationFraction: 0, testFraction: 0, seed: 1 }).finish();
    return { report, inputs: { files: [], settings: {} } };
  });
  previews = createTokenPreviews({ tokenizer: path.join(project, 'own'), corpus, runs: path.join(project, 'runs') });
});
afterAll(() => rm(project, { recursive: true }));

test('a document is cut into tokens that spell it, and its end is learned with it', async () => {
  expect(await previews.tokenizers()).toEqual(['tiny']);
  const preview = await previews.ofDocument('tiny', 1);
  expect(preview).toMatchObject({ kind: 'text', id: 'lazy dog', characters: 12, bytes: 12, isCut: false });
  expect(preview.learnedCount).toBe(preview.tokenCount);
  const [last, ...rest] = [...preview.tokens].reverse();
  expect(last).toMatchObject({ kind: 'special', learned: true });
  expect(
    rest
      .reverse()
      .map(({ text }) => text)
      .join(''),
  ).toBe('the lazy dog');
  await expect(previews.ofDocument('tiny', 2)).rejects.toMatchObject({ code: 'unknown-document' });
});

test('parts of a character are shown as bytes', async () => {
  const { tokens } = await previews.ofText('tiny', '鿿');
  const bytes = tokens.filter(({ kind }) => kind === 'bytes').map(({ text }) => text);
  expect(bytes.join(' ')).toBe('E9 BF BF');
});

test('of a conversation, what the assistant says is learned and the rest is given', async () => {
  const preview = await previews.ofText('tiny', '{"prompt":"the dog?","completion":"the fox"}');
  expect(preview.kind).toBe('chat');
  const learned = preview.tokens.filter((token) => token.learned);
  expect(learned).toHaveLength(preview.learnedCount);
  expect(
    learned
      .filter(({ kind }) => kind === 'text')
      .map(({ text }) => text)
      .join(''),
  ).toContain('the fox');
  expect(
    preview.tokens
      .filter((token) => !token.learned)
      .map(({ text }) => text)
      .join(''),
  ).toContain('the dog?');
  // JSON that is no conversation is a text
  expect((await previews.ofText('tiny', '{"a":1}')).kind).toBe('text');
});

test('a long text is cut; where there is no tokenizer it is said', async () => {
  const { tokens, isCut, tokenCount } = await previews.ofText('tiny', 'the fox '.repeat(5000));
  expect([tokens.length, isCut, tokenCount > 3000]).toEqual([3000, true, true]);
  for (const name of ['', 'none', '../runs/tiny'])
    await expect(previews.ofText(name, 'a')).rejects.toMatchObject({ code: 'tokenizer-missing' });
});
