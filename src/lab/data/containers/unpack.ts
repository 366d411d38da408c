/**
 * Takes files out of containers, one after another, each into the same temporary file: a container of any size needs
 * the disk for its largest entry, and no memory. How much may come out of one file is limited, so that a small file
 * made to fill a disk is left out by name.
 */
import { open } from 'node:fs/promises';
import path from 'node:path';
import { formatBytes } from '../../../base/units.js';
import type { OpenedFile } from '../format-reader.js';
import { gzip, zstd } from './compressed.js';
import { type Container, ContainerError } from './container.js';
import { tar } from './tar.js';
import { zip } from './zip.js';

export interface UnpackLimits {
  /** Of all that comes out of one file of the source. */
  readonly maxUnpackedBytes: number;
  /** Bytes out for a byte in, once the first `freeBytes` are out. Text packs 3 to 30 times. */
  readonly maxRatio: number;
  readonly freeBytes: number;
  /** A container in a container in a container. */
  readonly maxDepth: number;
}

export const UNPACK_LIMITS: UnpackLimits = {
  maxUnpackedBytes: 200 * 2 ** 30,
  maxRatio: 200,
  freeBytes: 64 * 2 ** 20,
  maxDepth: 4,
};

const CONTAINERS: readonly Container[] = [gzip, zstd, zip, tar];

/** The container that begins so, if any. */
export function containerOf(head: Buffer): Container | undefined {
  return CONTAINERS.find((container) => container.hasSignature(head));
}

/** Counts what has come out of one file of the source, at every depth. */
export interface UnpackBudget {
  readonly limits: UnpackLimits;
  readonly packedBytes: number;
  unpackedBytes: number;
}

export interface UnpackPlace {
  /** Where the temporary files go. */
  readonly folder: string;
  /** 1 for a container that lies on disk, 2 for one inside it … */
  readonly depth: number;
  readonly budget: UnpackBudget;
}

export type Unpacked =
  | { readonly kind: 'file'; readonly file: OpenedFile }
  | { readonly kind: 'refused'; readonly origin: string; readonly reason: string; readonly detail: string };

/**
 * The files of a container; each is gone when the next is asked for.
 * @throws ContainerError
 */
export async function* unpack(
  container: Container,
  packed: OpenedFile,
  { folder, depth, budget }: UnpackPlace,
): AsyncGenerator<Unpacked> {
  // what is unpacked from this file lies beside it
  const target = path.join(folder, `unpacked-${depth}`);
  if (depth > budget.limits.maxDepth) {
    throw new ContainerError('unpacks-too-far', `is the ${depth}th archive in one another; unpack it yourself`);
  }
  for await (const entry of container.entries(packed)) {
    const origin = `${packed.origin}/${entry.name}`;
    if (entry.kind === 'refused') {
      yield { kind: 'refused', origin, reason: entry.reason, detail: entry.detail };
      continue;
    }
    const sizeBytes = await spill(entry.bytes, target, budget);
    yield { kind: 'file', file: { origin, path: target, sizeBytes } };
  }
}

async function spill(bytes: AsyncIterable<Uint8Array>, target: string, budget: UnpackBudget): Promise<number> {
  const handle = await open(target, 'w', 0o600);
  let sizeBytes = 0;
  try {
    for await (const chunk of bytes) {
      sizeBytes += chunk.byteLength;
      budget.unpackedBytes += chunk.byteLength;
      checkBudget(budget);
      await handle.write(chunk);
    }
  } finally {
    await handle.close();
  }
  return sizeBytes;
}

function checkBudget({ limits, packedBytes, unpackedBytes }: UnpackBudget): void {
  const mostBytes = Math.min(limits.maxUnpackedBytes, Math.max(limits.freeBytes, packedBytes * limits.maxRatio));
  if (unpackedBytes <= mostBytes) return;
  const sizes = `${formatBytes(packedBytes)} unpack to more than ${formatBytes(mostBytes)}`;
  throw new ContainerError('unpacks-too-far', `${sizes}: made to fill the disk, it seems; unpack it yourself`);
}
