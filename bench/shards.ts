/** Group `shards`: reading token shards back, whole, from files that the system has in memory. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { readTokenSplit } from '../src/lab/tokenizer/shard-reader.js';
import { writeTokenShards } from '../src/lab/tokenizer/shard-writer.js';
import { trainTokenizer } from '../src/lab/tokenizer/train-tokenizer.js';
import { type BenchResult, compare } from './result.js';

const DOCUMENTS = 100_000;
const DOCUMENT_TOKENS = 1000;
const VOCABULARY = 32_000;
const RUNS = 7;
/** MB/s, of the tokens' bytes. */
const TARGET = 1000;

export async function shardsGroup(): Promise<BenchResult[]> {
  const folder = await mkdtemp(path.join(tmpdir(), 'moat-bench-'));
  try {
    const trained = await trainTokenizer(path.join(folder, 'tokenizer'), ['any text'], { vocabularySize: 260 });
    const ids = Array.from({ length: DOCUMENT_TOKENS }, (_, at) => (at * 7919) % VOCABULARY);
    const tokenizer = { ...trained, vocabSize: VOCABULARY, encode: () => [...ids] };
    const documents = Array.from({ length: DOCUMENTS }, (_, at) => ({ id: `texts.jsonl#${at + 1}`, text: 'text' }));
    const results: BenchResult[] = [];
    for (const shardTokens of [1 << 26, 1 << 24]) {
      const tokens = path.join(folder, `tokens-${shardTokens}`);
      const { splits } = await writeTokenShards(tokens, { train: documents }, tokenizer, { shardTokens });
      const ours = async (): Promise<number> => {
        const startedMs = performance.now();
        const split = await readTokenSplit(tokens, 'train', tokenizer);
        return split.tokens.byteLength / 1e3 / (performance.now() - startedMs);
      };
      const name = `${DOCUMENTS / 1000} thousand documents in ${splits['train']?.shards.length} shards`;
      const facts = { group: 'shards', name, unit: 'MB/s', better: 'higher', target: TARGET, runs: RUNS } as const;
      results.push(await compare({ ...facts, ours, peer: undefined }));
    }
    return results;
  } finally {
    await rm(folder, { recursive: true });
  }
}
