/** Token shards back as typed arrays, checked before a token of them is used. */
import { open, readFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { restoreFolder } from '../../base/atomic-folder.js';
import { MoatError, systemCode } from '../../base/errors.js';
import { createShardChecksum, decodeShard, type Shard, type TokenArray } from './shard-format.js';
import { MANIFEST_FILE, type ShardManifest } from './shard-writer.js';
import type { Tokenizer } from './tokenizer.js';

export interface TokenSplit {
  /** All tokens of the split, every document followed by end-of-text. */
  readonly tokens: TokenArray;
  /** Index of each document's first token. */
  readonly documentStarts: Float64Array;
  /** UTF-8 bytes of each document's text. */
  readonly documentBytes: Uint32Array;
  readonly documentIds: readonly string[];
  /** Sum of `documentBytes`. */
  readonly textBytes: number;
  /** Which document the token belongs to, as an index into the arrays above. */
  documentAt(tokenIndex: number): number;
}

const summarySchema = z.object({
  shards: z.array(z.string().regex(/^[\w-]+\.bin$/)),
  tokens: z.int().min(0),
  documents: z.int().min(0),
  textBytes: z.int().min(0),
});
const manifestSchema = z.object({
  format: z.literal('moat-token-shards'),
  version: z.literal(1),
  tokenizerHash: z.string().regex(/^[0-9a-f]{64}$/),
  vocabSize: z.int().min(1),
  splits: z.record(z.string(), summarySchema),
});

/** A disk's queue is kept busy, and a block still lies in the processor's cache when it is checked. */
const BLOCK_BYTES = 1 << 20;

/** @throws MoatError `shards-missing`, `shard-damaged` */
export async function readShardManifest(folder: string): Promise<ShardManifest> {
  await restoreFolder(folder);
  const file = path.join(folder, MANIFEST_FILE);
  try {
    return manifestSchema.parse(JSON.parse(await readFile(file, 'utf8')));
  } catch (error) {
    if (systemCode(error) === 'ENOENT' || systemCode(error) === 'ENOTDIR') {
      throw new MoatError('shards-missing', `${folder}: there are no token shards here`, {
        fix: 'Make them with moat tokenizer.',
      });
    }
    throw new MoatError('shard-damaged', `${file}: not a list of token shards`, {
      fix: 'Make the token shards again.',
      cause: error,
    });
  }
}

/**
 * One split as one array; a single shard is used where it was read to, several are joined.
 * @throws MoatError `shards-missing`, `split-missing`, `shard-damaged`, `shard-version`, `shard-other-tokenizer`
 */
export async function readTokenSplit(
  folder: string,
  split: string,
  tokenizer: Pick<Tokenizer, 'hash'>,
): Promise<TokenSplit> {
  const manifest = await readShardManifest(folder);
  const summary = manifest.splits[split];
  if (summary === undefined) {
    throw new MoatError('split-missing', `${folder}: no split "${split}"`, {
      fix: `It has: ${Object.keys(manifest.splits).join(', ')}.`,
    });
  }
  const shards: Shard[] = [];
  for (const name of summary.shards) shards.push(await readShard(path.join(folder, name), tokenizer.hash));
  const joined = join(shards);
  if (joined.tokens.length !== summary.tokens || joined.documentIds.length !== summary.documents) {
    throw new MoatError('shard-damaged', `${folder}: the shards of "${split}" do not add up to what is listed`, {
      fix: 'Make the token shards again.',
    });
  }
  return joined;
}

async function readShard(file: string, tokenizerHash: string): Promise<Shard> {
  let handle;
  try {
    handle = await open(file, 'r');
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error;
    throw new MoatError('shard-damaged', `${file}: the file is missing`, { fix: 'Make the token shards again.' });
  }
  try {
    const { size } = await handle.stat();
    // An array of its own: a pooled buffer would not start at a multiple of 4.
    const bytes = new Uint8Array(size);
    const checksum = createShardChecksum();
    const read = (at: number) => handle.read(bytes, at, Math.min(BLOCK_BYTES, size - at), at);
    let filled = 0;
    let reading = read(0);
    while (filled < size) {
      const { bytesRead } = await reading;
      if (bytesRead === 0) break;
      const block = bytes.subarray(filled, filled + bytesRead);
      filled += bytesRead;
      // the system reads on while this thread looks through what came
      reading = read(filled);
      checksum.add(block);
    }
    await reading;
    return decodeShard(bytes.subarray(0, filled), file, tokenizerHash, checksum);
  } finally {
    await handle.close();
  }
}

function join(shards: readonly Shard[]): TokenSplit {
  const documentCount = shards.reduce((sum, { documentStarts }) => sum + documentStarts.length, 0);
  const documentStarts = new Float64Array(documentCount);
  const documentBytes = new Uint32Array(documentCount);
  let tokenBase = 0;
  let documentBase = 0;
  for (const shard of shards) {
    for (const [i, start] of shard.documentStarts.entries()) documentStarts[documentBase + i] = tokenBase + start;
    documentBytes.set(shard.documentBytes, documentBase);
    tokenBase += shard.tokens.length;
    documentBase += shard.documentStarts.length;
  }
  return {
    tokens: joinTokens(shards, tokenBase),
    documentStarts,
    documentBytes,
    documentIds: shards.flatMap(({ documentIds }) => documentIds),
    textBytes: documentBytes.reduce((sum, bytes) => sum + bytes, 0),
    documentAt: (tokenIndex) => lastAtOrBefore(documentStarts, tokenIndex),
  };
}

function joinTokens(shards: readonly Shard[], tokenCount: number): TokenArray {
  const [first] = shards;
  if (first === undefined) return new Uint16Array(0);
  if (shards.length === 1) return first.tokens;
  const joined = first.tokens instanceof Uint16Array ? new Uint16Array(tokenCount) : new Uint32Array(tokenCount);
  let base = 0;
  for (const { tokens } of shards) {
    joined.set(tokens, base);
    base += tokens.length;
  }
  return joined;
}

function lastAtOrBefore(starts: Float64Array, tokenIndex: number): number {
  let low = 0;
  let high = starts.length;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if ((starts[middle] as number) <= tokenIndex) low = middle;
    else high = middle;
  }
  return low;
}
