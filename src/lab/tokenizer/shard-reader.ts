/** Token shards back as typed arrays, checked before a token of them is used. */
import { type FileHandle, open, readFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { restoreFolder } from '../../base/atomic-folder.js';
import { MoatError, systemCode } from '../../base/errors.js';
import {
  type ShardLayout,
  type TokenArray,
  SHARD_HEADER_BYTES,
  createShardChecksum,
  decodeShardIndex,
  readShardLayout,
  shardDamaged,
} from './shard-format.js';
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
  lengths: z.array(z.int().min(0)).max(33).optional(),
});
const manifestSchema = z.object({
  format: z.literal('moat-token-shards'),
  version: z.literal(1),
  tokenizerHash: z.string().regex(/^[0-9a-f]{64}$/),
  vocabSize: z.int().min(1),
  splits: z.record(z.string(), summarySchema),
});

/** A block still lies in the processor's cache when it is checked. */
const BLOCK_BYTES = 1 << 20;
/** Blocks that are read while one is checked: new pages of memory are made by several threads at once. */
const READS_AHEAD = 4;

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
  const joined = await readShards(
    summary.shards.map((name) => path.join(folder, name)),
    tokenizer.hash,
  );
  if (joined.tokens.length !== summary.tokens || joined.documentIds.length !== summary.documents) {
    throw shardDamaged(folder, `the shards of "${split}" do not add up to what is listed`);
  }
  return joined;
}

/**
 * Shards one after the other as one array, each read into its place in it.
 * @throws MoatError `shard-damaged`, `shard-version`, `shard-other-tokenizer`, each naming the file
 */
export async function readShards(files: readonly string[], tokenizerHash: string): Promise<TokenSplit> {
  const shards: OpenShard[] = [];
  try {
    // every header first: memory is taken only for what the files are large enough to hold
    for (const file of files) shards.push(await openShard(file, tokenizerHash));
    const total = (of: (layout: ShardLayout) => number): number =>
      shards.reduce((sum, { layout }) => sum + of(layout), 0);
    const width = shards[0]?.layout.bytesPerToken ?? 2;
    const odd = shards.find(({ layout }) => layout.bytesPerToken !== width);
    if (odd !== undefined) throw shardDamaged(odd.file, `not ${width} bytes a token, as the shards before it have`);
    const tokenCount = total((layout) => layout.tokenCount);
    const documentCount = total((layout) => layout.documentCount);
    const split = {
      tokens: width === 2 ? new Uint16Array(tokenCount) : new Uint32Array(tokenCount),
      documentStarts: new Float64Array(documentCount),
      documentBytes: new Uint32Array(documentCount),
    };
    const documentIds: string[] = [];
    let tokenBase = 0;
    for (const shard of shards) {
      const index = await readBody(shard, bytesOf(split.tokens, tokenBase, shard.layout.tokenCount));
      for (const [i, start] of index.documentStarts.entries()) {
        split.documentStarts[documentIds.length + i] = tokenBase + start;
      }
      split.documentBytes.set(index.documentBytes, documentIds.length);
      for (const id of index.documentIds) documentIds.push(id);
      tokenBase += shard.layout.tokenCount;
    }
    return {
      ...split,
      documentIds,
      textBytes: split.documentBytes.reduce((sum, bytes) => sum + bytes, 0),
      documentAt: (tokenIndex) => lastAtOrBefore(split.documentStarts, tokenIndex),
    };
  } finally {
    for (const { handle } of shards) await handle.close();
  }
}

interface OpenShard {
  readonly file: string;
  readonly handle: FileHandle;
  readonly header: Uint8Array;
  readonly layout: ShardLayout;
}

async function openShard(file: string, tokenizerHash: string): Promise<OpenShard> {
  let handle;
  try {
    handle = await open(file, 'r');
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error;
    throw shardDamaged(file, 'the file is missing');
  }
  try {
    const { size } = await handle.stat();
    const header = new Uint8Array(Math.min(SHARD_HEADER_BYTES, size));
    const { bytesRead } = await handle.read(header, 0, header.length, 0);
    return { file, handle, header, layout: readShardLayout(header.subarray(0, bytesRead), size, file, tokenizerHash) };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** @param tokens where they belong @returns what follows them */
async function readBody({ file, handle, header, layout }: OpenShard, tokens: Uint8Array) {
  const checksum = createShardChecksum();
  checksum.add(header);
  const after = new Uint8Array(layout.sizeBytes - layout.indexAt);
  const padding = new Uint8Array(layout.indexAt - layout.tokensAt - tokens.length);
  let at = layout.tokensAt;
  for (const part of [tokens, padding, after]) {
    await readInto(part, at, handle, file, (block) => checksum.add(block));
    at += part.length;
  }
  if (checksum.value() !== layout.checksum) throw shardDamaged(file, 'its content does not match its checksum');
  return decodeShardIndex(after, layout);
}

/** Fills `target` from `position` on; `look` sees its blocks in order. */
async function readInto(
  target: Uint8Array,
  position: number,
  handle: FileHandle,
  file: string,
  look: (block: Uint8Array) => void,
): Promise<void> {
  const blockAt = (at: number) => target.subarray(at, at + BLOCK_BYTES);
  const read = async (at: number): Promise<boolean> => {
    const block = blockAt(at);
    for (let filled = 0; filled < block.length;) {
      const { bytesRead } = await handle.read(block, filled, block.length - filled, position + at + filled);
      if (bytesRead === 0) return false;
      filled += bytesRead;
    }
    return true;
  };
  const reading: Promise<boolean>[] = [];
  try {
    for (let at = 0, asked = 0; at < target.length; at += BLOCK_BYTES) {
      for (; asked < target.length && reading.length < READS_AHEAD; asked += BLOCK_BYTES) reading.push(read(asked));
      if ((await reading.shift()) !== true) throw shardDamaged(file, 'it was cut off while it was read');
      look(blockAt(at));
    }
  } finally {
    // the file is closed next: those that were begun end first
    await Promise.allSettled(reading);
  }
}

function bytesOf(tokens: TokenArray, start: number, count: number): Uint8Array {
  const width = tokens.BYTES_PER_ELEMENT;
  return new Uint8Array(tokens.buffer, tokens.byteOffset + start * width, count * width);
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
