/** A stored model as others read it: one GGUF file, or a folder of Hugging Face's; here, or in a thread of its own. */
import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { Worker } from 'node:worker_threads';
import type { WrittenType } from '../checkpoint/gguf-quantize.js';
import { exportGguf } from './gguf-export.js';
import { copyModelFolder } from './import-folder.js';
import type { TransferOptions, TransferProgress } from './model-transfer.js';
import { type ThreadError, errorOf } from './worker-thread.js';

/** Bits of a weight in a GGUF file, or the folder as it is. */
export const EXPORT_KINDS = ['q8_0', 'q4_0', 'f16', 'f32', 'safetensors'] as const;
export type ExportKind = (typeof EXPORT_KINDS)[number];

const TYPES: Readonly<Record<Exclude<ExportKind, 'safetensors'>, WrittenType>> = {
  q8_0: 'Q8_0',
  q4_0: 'Q4_0',
  f16: 'F16',
  f32: 'F32',
};

export interface ExportRequest {
  /** A checkpoint, or a folder of Hugging Face's. */
  readonly directory: string;
  /** The file, or for `safetensors` the folder; an older one is replaced when the new one is whole. */
  readonly target: string;
  readonly kind: ExportKind;
  /** `general.name` of a GGUF file. */
  readonly name: string;
}

export interface ExportResult {
  /** Llama's, GPT-2's … */
  readonly architecture: string;
  readonly tensorCount: number;
  readonly sizeBytes: number;
  /** What is not as asked for, a sentence each. */
  readonly notes: readonly string[];
}

/** @throws MoatError those of `exportGguf` and `copyModelFolder` */
export async function exportModel(request: ExportRequest, options: TransferOptions): Promise<ExportResult> {
  const { directory, target, kind, name } = request;
  if (kind === 'safetensors') {
    const { modelType, tensorCount } = await copyModelFolder(directory, target);
    return { architecture: modelType, tensorCount, sizeBytes: await sizeOfFolder(target), notes: [] };
  }
  const exported = await exportGguf(directory, target, { ...options, type: TYPES[kind], name });
  return { ...exported, sizeBytes: (await stat(target)).size };
}

async function sizeOfFolder(folder: string): Promise<number> {
  const facts = await Promise.all((await readdir(folder)).map((name) => stat(path.join(folder, name))));
  return facts.reduce((sum, { size }) => sum + size, 0);
}

export type FromExportThread =
  | { readonly type: 'progress'; readonly progress: TransferProgress }
  | { readonly type: 'done'; readonly result: ExportResult }
  | ThreadError;

/** Compiled by scripts/build.mjs; the same place seen from src/ and from dist/. */
const ENTRY = new URL('../../../dist/lab/generate/export-worker.js', import.meta.url);

/**
 * As `exportModel`, while the calling thread stays free: quantizing computes for seconds at a time.
 * @throws MoatError those of `exportModel`; an abort error when `signal` ended it
 */
export async function exportModelInThread(
  request: ExportRequest,
  { onProgress, signal }: TransferOptions,
): Promise<ExportResult> {
  signal?.throwIfAborted();
  const worker = new Worker(ENTRY, { workerData: request });
  const stop = (): void => worker.postMessage('stop');
  signal?.addEventListener('abort', stop, { once: true });
  try {
    return await new Promise<ExportResult>((resolve, reject) => {
      worker.on('message', (message: FromExportThread) => {
        if (message.type === 'progress') onProgress?.(message.progress);
        else if (message.type === 'done') resolve(message.result);
        else reject(signal?.aborted === true ? (signal.reason as Error) : errorOf(message));
      });
      worker.once('error', reject);
      worker.once('exit', (code) => reject(new Error(`the thread that exports ended with code ${code}`)));
    });
  } finally {
    signal?.removeEventListener('abort', stop);
  }
}
