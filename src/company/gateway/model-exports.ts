/** Models written for programs elsewhere, in `exports/` of the project: one at a time, in a thread of its own. Knows nothing of HTTP. */
import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { Readable } from 'node:stream';
import type { Clock } from '../../base/clock.js';
import { messageOf } from '../../base/errors.js';
import { holdWhile } from '../../lab/checkpoint/checkpoint-holds.js';
import { type ExportKind, exportModelInThread } from '../../lab/generate/export-model.js';
import { ApiProblem } from './api-problem.js';
import type { ExportJob, ExportedModel, ModelExportList, ModelSource } from './api-types.js';
import { folderOfSource } from './model-source.js';

const MAX_LISTED = 100;
const FILE_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,200}\.gguf$/;

export interface ModelExports {
  /** Newest first. */
  list(): Promise<ModelExportList>;
  /** Returns when the work has begun. @throws ApiProblem 409 `export_under_way` */
  start(source: ModelSource, kind: ExportKind): ExportJob;
  /** A finished file; undefined where there is none of that name. */
  open(name: string): Promise<{ readonly stream: ReadableStream; readonly sizeBytes: number } | undefined>;
  /** Ends what is under way; nothing half is left. */
  close(): Promise<void>;
}

/** @param folder `exports/` of the project */
export function createModelExports(folder: string, runs: string, clock: Clock): ModelExports {
  const closing = new AbortController();
  let job: ExportJob | null = null;
  let working: Promise<void> = Promise.resolve();
  const run = async (begun: ExportJob, directory: string): Promise<void> => {
    try {
      const request = { directory, target: path.join(folder, begun.name), kind: begun.kind, name: begun.run };
      const { notes } = await holdWhile(directory, clock, () =>
        exportModelInThread(request, {
          signal: closing.signal,
          onProgress: ({ tensorsDone, tensorCount }) => (begun.fraction = tensorsDone / tensorCount),
        }),
      );
      Object.assign(begun, { state: 'done', fraction: 1, notes });
    } catch (error) {
      Object.assign(begun, { state: 'failed', problem: messageOf(error) });
    }
  };
  return {
    list: async () => ({ job, exported: await listExported(folder) }),
    start(source, kind) {
      if (job?.state === 'running') throw underWay(job);
      job = { ...source, kind, name: nameOf(source, kind), state: 'running', fraction: 0, notes: [], problem: null };
      working = run(job, folderOfSource(runs, source));
      return job;
    },
    async open(name) {
      if (!FILE_NAME.test(name)) return undefined;
      const file = path.join(folder, name);
      const facts = await stat(file).catch(() => undefined);
      if (facts?.isFile() !== true) return undefined;
      return { stream: Readable.toWeb(createReadStream(file)) as ReadableStream, sizeBytes: facts.size };
    },
    async close() {
      closing.abort();
      await working;
    },
  };
}

const underWay = ({ name }: ExportJob): ApiProblem =>
  new ApiProblem(409, 'export_under_way', `${name} is being written. Try again when it is done.`);

function nameOf({ run, checkpoint }: ModelSource, kind: ExportKind): string {
  const model = checkpoint === null ? run : `${run}-${checkpoint}`;
  return kind === 'safetensors' ? model : `${model}-${kind}.gguf`;
}

async function listExported(folder: string): Promise<ExportedModel[]> {
  const names = (await readdir(folder).catch(() => [])).filter((name) => !name.endsWith('.partial'));
  const found = await Promise.all(
    names.slice(0, MAX_LISTED).map(async (name): Promise<ExportedModel[]> => {
      const facts = await stat(path.join(folder, name)).catch(() => undefined);
      if (facts === undefined) return [];
      const sizeBytes = facts.isFile() ? facts.size : null;
      return [{ name, path: `exports/${name}`, sizeBytes, writtenAt: facts.mtime.toISOString() }];
    }),
  );
  return found.flat().sort((a, b) => b.writtenAt.localeCompare(a.writtenAt));
}
