/**
 * For compare_vectors.py: the token ids and vectors of each line of a text file.
 *     npx tsx tests/golden/encoders/dump-vectors.ts FOLDER LINES.txt OUT.json
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { loadSentenceEncoder } from '../../../src/lab/generate/embed.js';
import { loadWordPiece } from '../../../src/lab/tokenizer/wordpiece.js';

const [folder = '', lines = '', out = ''] = process.argv.slice(2);
const texts = readFileSync(lines, 'utf8').split('\n').filter(Boolean);
const encoder = await loadSentenceEncoder(folder);
const { encode } = await loadWordPiece(folder);
const { maxTokens } = encoder;
const started = performance.now();
const vectors = await encoder.embed(texts);
const seconds = (performance.now() - started) / 1000;
await encoder.close();
const ids = texts.map((text) => encode(text, { maxTokens }).ids);
writeFileSync(
  out,
  JSON.stringify({ texts, ids, vectors: vectors.map((vector) => Array.from(vector)), maxTokens, seconds }),
);
