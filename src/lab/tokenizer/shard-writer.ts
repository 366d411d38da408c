/** Documents to token shards: every document's ids, then end-of-text. */
import { open, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { writeFolderAtomic } from '../../base/atomic-folder.js';
import { encodeShard, type TokenArray } from './shard-format.js';
import type { Tokenizer } from './tokenizer.js';

/** A shard is closed after the document that brings it here: 128 MB at two bytes a token. */
const SHARD_TOKENS = 1 << 26;
export const MANIFEST_FILE = 'manifest.json';

export interface ShardInput {
  readonly id: string;
  readonly text: string;
}

export interface SplitSummary {
  /** File names, in order. */
  shards: string[];
  /** End-of-text tokens included. */
  tokens: number;
  documents: number;
  /** UTF-8 bytes of the text behind the tokens; what bits per byte divides by. */
  textBytes: number;
  /** Documents by the number of binary digits of their length in tokens, end-of-text apart; shards of before have none. */
  lengths?: number[] | undefined;
}

export interface ShardManifest {
  format: 'moat-token-shards';
  version: 1;
  tokenizerHash: string;
  vocabSize: number;
  splits: Record<string, SplitSummary>;
}

export interface WriteShardsOptions {
  /** Called after every document with its split and the tokens of that split so far. */
  readonly onProgress?: (split: string, tokens: number) => void;
  readonly shardTokens?: number;
}

/**
 * Makes the folder of shards, whole or not at all; one there before is replaced only when all is written.
 * @param splits documents by split name (`train`, `validation`, `test`), in the order of their tokens
 * @throws MoatError `disk-full`, `not-writable`; whatever the documents throw
 */
export async function writeTokenShards(
  folder: string,
  splits: Readonly<Record<string, AsyncIterable<ShardInput> | Iterable<ShardInput>>>,
  tokenizer: Tokenizer,
  options: WriteShardsOptions = {},
): Promise<ShardManifest> {
  return writeFolderAtomic(folder, async (temporary) => {
    const manifest: ShardManifest = {
      format: 'moat-token-shards',
      version: 1,
      tokenizerHash: tokenizer.hash,
      vocabSize: tokenizer.vocabSize,
      splits: {},
    };
    for (const [split, documents] of Object.entries(splits)) {
      manifest.splits[split] = await writeSplit(temporary, split, documents, tokenizer, options);
    }
    await writeFile(path.join(temporary, MANIFEST_FILE), `${JSON.stringify(manifest, null, 2)}\n`, { flag: 'wx' });
    return manifest;
  });
}

async function writeSplit(
  folder: string,
  split: string,
  documents: AsyncIterable<ShardInput> | Iterable<ShardInput>,
  tokenizer: Tokenizer,
  { onProgress, shardTokens = SHARD_TOKENS }: WriteShardsOptions,
): Promise<SplitSummary> {
  const lengths: number[] = [];
  const summary: SplitSummary = { shards: [], tokens: 0, documents: 0, textBytes: 0, lengths };
  let builder = createShardBuilder(tokenizer.vocabSize);
  const close = async (): Promise<void> => {
    const name = `${split}-${String(summary.shards.length).padStart(5, '0')}.bin`;
    const handle = await open(path.join(folder, name), 'wx');
    try {
      for (const part of encodeShard(builder.finish(), tokenizer.hash)) await handle.writeFile(part);
    } finally {
      await handle.close();
    }
    summary.shards.push(name);
    builder = createShardBuilder(tokenizer.vocabSize);
  };
  for await (const { id, text } of documents) {
    const ids = tokenizer.encode(text);
    const digits = 32 - Math.clz32(ids.length);
    while (lengths.length <= digits) lengths.push(0);
    lengths[digits] = (lengths[digits] ?? 0) + 1;
    ids.push(tokenizer.endOfText);
    const bytes = Buffer.byteLength(text);
    builder.add(id, ids, bytes);
    summary.tokens += ids.length;
    summary.documents++;
    summary.textBytes += bytes;
    onProgress?.(split, summary.tokens);
    if (builder.tokenCount() >= shardTokens) await close();
  }
  if (builder.tokenCount() > 0 || summary.shards.length === 0) await close();
  return summary;
}

/** Grows by doubling; two bytes a token while every id fits. */
function createShardBuilder(vocabSize: number) {
  const View = vocabSize <= 65_536 ? Uint16Array : Uint32Array;
  let tokens: TokenArray = new View(1 << 16);
  let tokenCount = 0;
  const starts: number[] = [];
  const bytes: number[] = [];
  const documentIds: string[] = [];
  return {
    tokenCount: () => tokenCount,
    add(id: string, ids: readonly number[], textBytes: number): void {
      if (tokenCount + ids.length > tokens.length) {
        const grown = new View(Math.max(2 * tokens.length, tokenCount + ids.length));
        grown.set(tokens);
        tokens = grown;
      }
      starts.push(tokenCount);
      bytes.push(textBytes);
      documentIds.push(id);
      tokens.set(ids, tokenCount);
      tokenCount += ids.length;
    },
    finish: () => ({
      tokens: tokens.subarray(0, tokenCount),
      documentStarts: Uint32Array.from(starts),
      documentBytes: Uint32Array.from(bytes),
      documentIds,
    }),
  };
}
