/** What moving a model between formats shares: progress, an end on request, and folders that are not overwritten. */
import { readdir } from 'node:fs/promises';
import { MoatError, systemCode } from '../../base/errors.js';

export interface TransferOptions {
  /** Called after each tensor. */
  readonly onProgress?: (progress: TransferProgress) => void;
  /** Ends the work before the next tensor, with the signal's reason; nothing is left behind. */
  readonly signal?: AbortSignal;
}

export interface TransferProgress {
  readonly tensorsDone: number;
  readonly tensorCount: number;
}

interface Readable {
  read(): Promise<Uint8Array>;
}

/** The same tensors, whose reading is counted and can be ended. */
export function counted<T extends Readable>(tensors: readonly T[], { onProgress, signal }: TransferOptions): T[] {
  let tensorsDone = 0;
  return tensors.map((tensor) => ({
    ...tensor,
    async read() {
      signal?.throwIfAborted();
      const bytes = await tensor.read();
      onProgress?.({ tensorsDone: ++tensorsDone, tensorCount: tensors.length });
      return bytes;
    },
  }));
}

/** @throws MoatError `folder-taken` when something is there that a new model would replace */
export async function checkFolderIsFree(folder: string): Promise<void> {
  const taken = await readdir(folder).then(
    (names) => names.length > 0,
    (error: unknown) => systemCode(error) !== 'ENOENT',
  );
  if (!taken) return;
  throw new MoatError('folder-taken', `${folder}: there is something already`, {
    fix: 'Give a folder that does not exist yet.',
  });
}
