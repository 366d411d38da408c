/**
 * Compares the merges that Moat learns with those that bpe-merges.py wrote, and the ids of every text.
 *
 *     npx tsx tests/campaigns/bpe-merges.mts TEXTS OUT.json [VOCABULARY]
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { trainTokenizer } from '../../src/lab/tokenizer/train-tokenizer.js';

const [file, expected, vocabulary = '8192'] = process.argv.slice(2);
if (file === undefined || expected === undefined) throw new Error('name the texts and what bpe-merges.py wrote');
const texts = (await readFile(file, 'utf8')).split('\n');
const theirs = JSON.parse(await readFile(expected, 'utf8')) as { merges: [string, string][]; ids: number[][] };
const folder = await mkdtemp(path.join(tmpdir(), 'moat-merges-'));
const tokenizer = await trainTokenizer(folder, texts, { vocabularySize: Number(vocabulary) });
const { model } = JSON.parse(await readFile(path.join(folder, 'tokenizer.json'), 'utf8')) as {
  model: { merges: [string, string][] };
};
await rm(folder, { recursive: true });
const firstOther = theirs.merges.findIndex((merge, rank) => merge.join(' ') !== model.merges[rank]?.join(' '));
const otherIds = texts.filter((text, index) => tokenizer.encode(text).join() !== theirs.ids[index]?.join()).length;
const isSame = firstOther === -1 && model.merges.length === theirs.merges.length;
console.log(
  isSame
    ? `all ${model.merges.length} merges are the same`
    : `merge ${firstOther} is ${model.merges[firstOther]?.join(' ')} instead of ${theirs.merges[firstOther]?.join(' ')}`,
);
console.log(`${otherIds} of ${texts.length} texts have other ids`);
process.exitCode = isSame && otherIds === 0 ? 0 : 1;
