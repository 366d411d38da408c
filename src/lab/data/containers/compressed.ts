/** One file compressed: gzip (RFC 1952) and Zstandard (RFC 8878). */
import { createReadStream } from 'node:fs';
import path from 'node:path';
import { createGunzip } from 'node:zlib';
import { Decompress } from 'fzstd';
import type { OpenedFile } from '../format-reader.js';
import { type Container, ContainerError } from './container.js';

export const gzip: Container = {
  name: 'gzip',
  hasSignature: (head) => head[0] === 0x1f && head[1] === 0x8b,
  async *entries(file) {
    yield { kind: 'file', name: nameWithout(file, ['.gz', '.gzip', '.tgz']), bytes: gunzip(file) };
  },
};

export const zstd: Container = {
  name: 'Zstandard',
  hasSignature: (head) => head.length >= 4 && head.readUInt32LE(0) === 0xfd2fb528,
  async *entries(file) {
    yield { kind: 'file', name: nameWithout(file, ['.zst', '.zstd', '.tzst']), bytes: unzstd(file) };
  },
};

/** `faq.jsonl.gz` holds `faq.jsonl`; a `.tgz` holds a `.tar`. */
function nameWithout({ origin }: OpenedFile, extensions: readonly string[]): string {
  const name = path.posix.basename(origin);
  const extension = extensions.find((each) => name.toLowerCase().endsWith(each));
  if (extension === undefined) return name;
  return `${name.slice(0, -extension.length)}${/^\.tg?z/.test(extension) ? '.tar' : ''}`;
}

async function* gunzip(file: OpenedFile): AsyncGenerator<Uint8Array> {
  const source = createReadStream(file.path);
  const unpacked = source.pipe(createGunzip());
  source.on('error', (error) => unpacked.destroy(error));
  try {
    yield* unpacked as AsyncIterable<Uint8Array>;
  } catch (error) {
    throw new ContainerError('damaged', 'is cut off or damaged', { cause: error });
  } finally {
    source.destroy();
    unpacked.destroy();
  }
}

async function* unzstd(file: OpenedFile): AsyncGenerator<Uint8Array> {
  const unpacked: Uint8Array[] = [];
  const decompress = new Decompress((chunk) => unpacked.push(chunk));
  const push = (chunk: Uint8Array, isLast: boolean): void => {
    try {
      decompress.push(chunk, isLast);
    } catch (error) {
      throw new ContainerError('damaged', 'is cut off or damaged', { cause: error });
    }
  };
  for await (const chunk of createReadStream(file.path) as AsyncIterable<Buffer>) {
    push(chunk, false);
    yield* unpacked.splice(0);
  }
  push(new Uint8Array(0), true);
  yield* unpacked;
}
