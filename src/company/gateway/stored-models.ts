import { readFile, readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { INDEX_FILE } from '../../lab/checkpoint/model-folder.js';
import { latestCheckpoint } from '../../lab/checkpoint/run-checkpoints.js';
import { MODEL_FILE } from '../../lab/checkpoint/save-checkpoint.js';
import { type Passport, passportSchema } from '../../lab/data/passport.js';
import { EVALUATION_FILE, evaluationSchema } from '../../lab/eval/evaluation-file.js';
import { CARD_FILE as TASK_FILE, MODEL_FOLDER } from '../../lab/tasks/task-folder.js';
import { PASSPORT_NAME } from '../../lab/train/model-card.js';
import type { ModelData, RunSummary, StoredModel } from './api-types.js';
import { type JsonRecord, readRecord, readRecords } from './json-records.js';
import { checkpointNames } from './model-source.js';
import { isRunName } from './run-reader.js';
import { listTaskReports } from './task-reports.js';

/** Reads what models lie in a project's folders; knows nothing of HTTP. */

const CARD_FILE = 'README.md';
const MAX_MODELS = 200;
const MAX_CARD_BYTES = 256 * 1024;
const MAX_FILES = 1000;
const MAX_CHECKPOINTS = 100;
const SHARD = /^model-\d{1,6}-of-\d{1,6}\.safetensors$/;

/** Of runs that have a checkpoint, and of models that were imported among them; newest first. */
export async function listRunModels(runsDirectory: string, runs: readonly RunSummary[]): Promise<StoredModel[]> {
  const names = (await readdir(runsDirectory).catch(() => [])).filter(isRunName).slice(0, MAX_MODELS);
  const models = await Promise.all(
    names.map((name) =>
      runModel(
        runsDirectory,
        name,
        runs.find((run) => run.name === name),
      ),
    ),
  );
  return models.filter((model) => model !== undefined);
}

async function runModel(
  runsDirectory: string,
  name: string,
  run: RunSummary | undefined,
): Promise<StoredModel | undefined> {
  const folder = await folderOf(runsDirectory, name);
  const weights = await weightsOf(folder);
  if (weights === undefined) return undefined;
  const at = [path.dirname(folder), path.basename(folder)] as const;
  const [evaluation, passport, config, card, checkpoints] = await Promise.all([
    readRecord(runsDirectory, name, EVALUATION_FILE, evaluationSchema),
    readRecord(...at, PASSPORT_NAME, passportSchema),
    readRecord(...at, 'config.json', z.object({ model_type: z.string() })),
    factsOf(path.join(folder, CARD_FILE)),
    checkpointNames(path.join(runsDirectory, name)).catch(() => []),
  ]);
  return {
    place: 'runs',
    name,
    writtenAt: weights.writtenAt.toISOString(),
    kind: run?.architecture ?? config?.content.model_type ?? '',
    parameterCount: run?.parameterCount ?? null,
    sizeBytes: weights.sizeBytes,
    bitsPerByte: evaluation?.content.model.bitsPerByte ?? run?.bitsPerByte ?? null,
    score: null,
    data: passport === undefined ? null : dataOf(passport.content),
    hasCard: card !== undefined,
    checkpoints: checkpoints.slice(0, MAX_CHECKPOINTS),
  };
}

/** Of one file, or of all those behind an index; undefined where there is neither. An unfinished set of them has no size. */
async function weightsOf(folder: string): Promise<{ writtenAt: Date; sizeBytes: number | null } | undefined> {
  const whole = await factsOf(path.join(folder, MODEL_FILE));
  if (whole !== undefined) return { writtenAt: whole.mtime, sizeBytes: whole.size };
  const index = await factsOf(path.join(folder, INDEX_FILE));
  if (index === undefined) return undefined;
  const names = (await readdir(folder).catch(() => [])).filter((name) => SHARD.test(name));
  const count = Number(/-of-(\d+)/.exec(names[0] ?? '')?.[1]);
  return { writtenAt: index.mtime, sizeBytes: names.length === count ? await sumOf(folder, names) : null };
}

/** Of its newest checkpoint, or of the model itself where it was imported. The name is one of a folder. */
async function folderOf(runsDirectory: string, name: string): Promise<string> {
  const run = path.join(runsDirectory, name);
  return (await latestCheckpoint(run).catch(() => undefined))?.directory ?? run;
}

const factsOf = (file: string) =>
  stat(file).then(
    (facts) => (facts.isFile() ? facts : undefined),
    () => undefined,
  );

function dataOf({ licence, sources = [], files, kept, languages, outputs }: Passport): ModelData {
  return {
    licence: licence ?? null,
    sources: sources.map((source) => ({ name: source.name, licence: source.licence ?? null })),
    files: files.length,
    documents: kept.documents,
    bytes: kept.bytes,
    languages: Object.keys(languages),
    trainSha256: outputs.train.sha256,
  };
}

/** Models fitted to tasks. */
export async function listTaskModels(modelsDirectory: string): Promise<StoredModel[]> {
  const [cards, reports] = await Promise.all([
    readRecords(modelsDirectory, TASK_FILE, z.object({ task: z.string() })),
    listTaskReports(modelsDirectory),
  ]);
  return Promise.all(
    cards.map(async ({ name, writtenAt, content }: JsonRecord<{ task: string }>): Promise<StoredModel> => {
      const report = reports.find(({ model }) => model === name);
      return {
        place: 'models',
        name,
        writtenAt: writtenAt.toISOString(),
        kind: report?.task.title ?? content.task,
        parameterCount: null,
        sizeBytes: await sizeOf(path.join(modelsDirectory, name, MODEL_FOLDER)),
        bitsPerByte: null,
        score: report?.scores[0] ?? null,
        data: null,
        hasCard: false,
        checkpoints: [],
      };
    }),
  );
}

/** Of the files of a folder; null where there is none, or more than a thousand. */
async function sizeOf(folder: string): Promise<number | null> {
  const names = await readdir(folder).catch(() => undefined);
  if (names === undefined || names.length > MAX_FILES) return null;
  return sumOf(folder, names);
}

async function sumOf(folder: string, names: readonly string[]): Promise<number> {
  const sizes = await Promise.all(names.map(async (name) => (await factsOf(path.join(folder, name)))?.size ?? 0));
  return sizes.reduce((sum, size) => sum + size, 0);
}

/** The card of a run's model (`README.md`); undefined where there is none, or one over 256 KiB. */
export async function readModelCard(runsDirectory: string, name: string): Promise<string | undefined> {
  if (!isRunName(name)) return undefined;
  const file = path.join(await folderOf(runsDirectory, name), CARD_FILE);
  const facts = await factsOf(file);
  return facts === undefined || facts.size > MAX_CARD_BYTES ? undefined : readFile(file, 'utf8');
}
