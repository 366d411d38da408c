/**
 * Group `tokenizers`: byte-level BPE trained and run on real text, against Hugging Face's `tokenizers` (Rust). Two text files
 * of a document a line, named by MOAT_BENCH_ENGLISH and MOAT_BENCH_CHINESE; 50 MB of each are used.
 */
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { trainTokenizer } from '../src/lab/tokenizer/train-tokenizer.js';
import { startPeer } from './peer.js';
import { type BenchResult, compare } from './result.js';

const VOCABULARY = 8192;
const MAX_BYTES = 50_000_000;
const LANGUAGES = ['english', 'chinese'] as const;

export async function tokenizersGroup(): Promise<BenchResult[]> {
  const results: BenchResult[] = [];
  for (const language of LANGUAGES) {
    const file = process.env[`MOAT_BENCH_${language.toUpperCase()}`];
    if (file === undefined) console.error(`tokenizers: MOAT_BENCH_${language.toUpperCase()} names no text; skipped`);
    else results.push(...(await measure(language, file)));
  }
  return results;
}

async function measure(language: string, file: string): Promise<BenchResult[]> {
  const texts = readFileSync(file).subarray(0, MAX_BYTES).toString().split('\n');
  const megabytes = texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0) / 1e6;
  const folder = await mkdtemp(path.join(tmpdir(), 'moat-bench-tokenizers-'));
  const peer = await startPeer('tokenizers.py', { file, maxBytes: MAX_BYTES, vocabularySize: VOCABULARY });
  const about = `${megabytes.toFixed(0)} MB of ${language}`;
  const train = async (): Promise<number> => {
    const started = performance.now();
    await trainTokenizer(folder, texts, { vocabularySize: VOCABULARY });
    return (performance.now() - started) / 1000;
  };
  const tokenizer = await trainTokenizer(folder, texts, { vocabularySize: VOCABULARY });
  const encode = (): number => {
    const started = performance.now();
    for (const text of texts) tokenizer.encode(text);
    return megabytes / ((performance.now() - started) / 1000);
  };
  const asked = (key: string, which: number, what: string) =>
    peer && { name: `tokenizers ${peer.version}, ${what}`, measure: () => peer.measure(key, which) };
  const common = { group: 'tokenizers', runs: 3 } as const;
  const results = [
    await compare({
      ...common,
      name: `BPE of ${VOCABULARY} tokens trained on ${about}`,
      unit: 's',
      better: 'lower',
      target: 0.5,
      ours: train,
      peer: asked('trainSeconds', 1, 'all threads'),
    }),
    await compare({
      ...common,
      name: `encoding ${about}, one thread`,
      unit: 'MB/s',
      better: 'higher',
      target: 1,
      ours: () => Promise.resolve(encode()),
      peer: asked('megabytesPerSecond', 2, 'encode, one thread'),
    }),
    await compare({
      ...common,
      name: `encoding ${about}, one thread against all`,
      unit: 'MB/s',
      better: 'higher',
      target: 1,
      ours: () => Promise.resolve(encode()),
      peer: asked('megabytesPerSecond', 3, 'encode_batch, all threads'),
    }),
  ];
  peer?.close();
  await rm(folder, { recursive: true });
  return results;
}
