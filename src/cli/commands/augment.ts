import { stat } from 'node:fs/promises';
import path from 'node:path';
import { writeFileAtomic } from '../../base/atomic-file.js';
import { MoatError } from '../../base/errors.js';
import { formatCount } from '../../base/units.js';
import { augmentRecords, createAugmentCounts } from '../../lab/data/augment/augment-records.js';
import { createBackTranslator } from '../../lab/data/augment/back-translate.js';
import { EDA_RATE } from '../../lab/data/augment/edit-words.js';
import { readSynonyms } from '../../lab/data/augment/synonyms.js';
import { createJsonLinesWriter } from '../../lab/data/json-lines-writer.js';
import { defineCommand } from '../command.js';

const rate = (description: string) =>
  ({ kind: 'number', placeholder: 'X', minimum: 0, maximum: 1, description }) as const;

export const command = defineCommand({
  name: 'augment',
  summary: 'make more training records from few',
  description:
    'Writes every record of a JSONL file and changed copies of it: words left out, words that change places, synonyms from a file of yours, or another wording by way of another language. Labels stay; a copy says how it was made and from which record. For training records only: what a model is measured on is refused.',
  arguments: { file: { description: 'records, one JSON object a line', count: 'one' } },
  options: {
    out: { kind: 'text', placeholder: 'FILE', description: 'where the records go (default: FILE.augmented.jsonl)' },
    times: {
      kind: 'integer',
      placeholder: 'N',
      minimum: 1,
      maximum: 100,
      default: 2,
      description: 'changed copies of a record, at most',
    },
    deletion: rate('leave out each word with this probability; 0.1 is usual'),
    swap: rate('share of words that change places'),
    synonyms: { kind: 'text', placeholder: 'FILE', description: 'a word, a tab and its synonyms on each line' },
    synonymRate: { ...rate('share of words replaced by synonyms'), default: EDA_RATE },
    backTranslate: {
      kind: 'text',
      placeholder: 'MODEL@URL',
      description: 'a model that translates, behind any OpenAI-compatible API; its key in MOAT_TRANSLATOR_KEY',
    },
    pivot: { kind: 'text', placeholder: 'LANGUAGE', description: 'the language in between, such as French' },
    textField: { kind: 'text', placeholder: 'NAME', default: 'text', description: 'the field that is changed' },
    unit: {
      kind: 'choice',
      choices: ['word', 'character'],
      default: 'word',
      description: 'what is left out and swapped in Chinese, Japanese and Thai',
    },
    seed: {
      kind: 'integer',
      placeholder: 'N',
      minimum: 0,
      maximum: 0xffff_ffff,
      default: 1,
      description: 'what is drawn',
    },
  },
  examples: [
    { command: 'moat augment reviews.jsonl --deletion 0.1 --swap 0.1', does: 'three records for each' },
    {
      command: 'moat augment faq.jsonl --back-translate my-model@http://127.0.0.1:6628/v1',
      does: 'other wordings by a model that translates',
    },
  ],
  async run({ arguments: { file }, options, cwd, env, terminal }) {
    const source = path.resolve(cwd, file);
    await assertFile(source, file);
    const written = options.out ?? `${file.replace(/\.jsonl$/i, '')}.augmented.jsonl`;
    const out = path.resolve(cwd, written);
    if (out === source) {
      throw new MoatError('usage', `augment: --out is the file that is read`, { fix: 'Name another file.' });
    }
    const counts = createAugmentCounts();
    const records = augmentRecords(source, path.basename(file), await settingsOf(options, cwd, env), counts);
    await writeFileAtomic(out, async (handle) => {
      const writer = createJsonLinesWriter(handle);
      for await (const record of records) await writer.write(record);
      await writer.flush();
    });
    const copies = Object.entries(counts.copies).filter(([, count]) => count > 0);
    const made = copies.map(([operation, count]) => `${formatCount(count)} by ${operation}`).join(', ');
    terminal.print(
      `augment   ${formatCount(counts.records)} records and ${made === '' ? 'no copies' : made}, in ${written}`,
    );
    if (counts.unchanged > 0)
      terminal.print(`left out  ${formatCount(counts.unchanged)} copies that came out as before`);
    return { json: { out, ...counts } };
  },
});

async function settingsOf(
  options: {
    readonly times: number;
    readonly deletion: number | undefined;
    readonly swap: number | undefined;
    readonly synonyms: string | undefined;
    readonly synonymRate: number;
    readonly backTranslate: string | undefined;
    readonly pivot: string | undefined;
    readonly textField: string;
    readonly unit: 'word' | 'character';
    readonly seed: number;
  },
  cwd: string,
  env: NodeJS.ProcessEnv,
) {
  const { synonyms, synonymRate, backTranslate, pivot, ...same } = options;
  return {
    ...same,
    synonyms:
      synonyms === undefined ? undefined : { rate: synonymRate, of: await readSynonyms(path.resolve(cwd, synonyms)) },
    backTranslate:
      backTranslate === undefined
        ? undefined
        : createBackTranslator({ ...modelAt(backTranslate), pivot, apiKey: env['MOAT_TRANSLATOR_KEY'] || undefined }),
  };
}

/** Names of models have no @ before an address, but addresses may. */
function modelAt(written: string): { model: string; baseUrl: string } {
  const match = /^(.+?)@(https?:\/\/.+)$/.exec(written);
  if (match !== null) return { model: match[1] as string, baseUrl: match[2] as string };
  throw new MoatError('usage', `--back-translate "${written}" is not MODEL@URL`, {
    fix: 'Write it as my-model@http://127.0.0.1:6628/v1.',
  });
}

async function assertFile(source: string, file: string): Promise<void> {
  const found = await stat(source).catch(() => undefined);
  if (found?.isFile() === true) return;
  throw new MoatError('data-missing', `${file}: no such file`, {
    fix: 'Give a file of records, one JSON object a line.',
  });
}
