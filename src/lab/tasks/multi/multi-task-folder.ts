/** A model of several tasks on disk: encoder, tokenizer and heads, in the layout of Hugging Face but for the heads. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { restoreFolder, writeFolderAtomic } from '../../../base/atomic-folder.js';
import { MoatError, systemCode } from '../../../base/errors.js';
import { loadWeights, saveWeights } from '../model-weights.js';
import { MODEL_FOLDER } from '../task-folder.js';
import { loadEncoder } from './encoder-for-texts.js';
import { answersOf } from './fit-shared.js';
import { headParameters } from './heads.js';
import type { MultiTaskModel } from './multi-task.js';
import { PART_KINDS } from './part-kinds.js';

const CARD_FILE = 'multitask.json';
const HEADS_FILE = 'heads.safetensors';
const cardSchema = z.object({
  schemaVersion: z.literal(1),
  maxTokens: z.int().positive(),
  heads: z.array(
    z.object({ name: z.string(), kind: z.enum(['classification', 'tagging']), classes: z.array(z.string()) }),
  ),
});

/** Replaces an earlier model of that folder only when all of this one is written. @param files by name: reports */
export async function saveMultiTask(
  folder: string,
  { opened, heads, weights }: MultiTaskModel,
  files: Readonly<Record<string, string>>,
): Promise<void> {
  await writeFolderAtomic(folder, async (temporary) => {
    const card = { schemaVersion: 1, maxTokens: opened.maxTokens, heads };
    const inner = path.join(temporary, MODEL_FOLDER);
    await mkdir(inner);
    const written = { ...files, [CARD_FILE]: `${JSON.stringify(card, undefined, 2)}\n` };
    for (const [name, content] of Object.entries(written)) await writeFile(path.join(temporary, name), content);
    for (const [name, content] of Object.entries(opened.files)) await writeFile(path.join(inner, name), content);
    const isHead = (name: string): boolean => name.startsWith('heads.');
    await saveWeights(path.join(inner, 'model.safetensors'), new Map([...weights].filter(([name]) => !isHead(name))));
    await saveWeights(path.join(temporary, HEADS_FILE), new Map([...weights].filter(([name]) => isHead(name))));
  });
}

/** @returns whether a folder holds a model of several tasks */
export async function holdsMultiTask(folder: string): Promise<boolean> {
  await restoreFolder(folder);
  return readFile(path.join(folder, CARD_FILE)).then(
    () => true,
    () => false,
  );
}

/** @returns for each text what every task says of it, by the task's name @throws MoatError `bad-task-model` */
export async function predictMultiTask(
  folder: string,
  texts: readonly string[],
  threads: number | undefined,
): Promise<Record<string, unknown>[]> {
  const { maxTokens, heads } = await readCard(path.join(folder, CARD_FILE));
  const opened = await loadEncoder(path.join(folder, MODEL_FOLDER), maxTokens);
  const specs = heads.flatMap((head) => headParameters(head, opened.width));
  const weights = new Map([...(opened.initial ?? []), ...(await loadWeights(path.join(folder, HEADS_FILE), specs))]);
  const shape = { batchSize: Math.min(16, texts.length), sequenceLength: opened.maxTokens };
  const shared = { encoder: opened.encoder, width: opened.width, heads };
  const rows = texts.map((text) => opened.read(text));
  const answers: Record<string, unknown>[] = texts.map(() => ({}));
  for (const head of heads) {
    const asked = rows.map(({ ids }) => ({ ids, targets: [] }));
    const probabilities = await answersOf(shared, weights, head, asked, { shape, padToken: opened.padToken, threads });
    PART_KINDS[head.kind].use((kind) => {
      for (const [index, answer] of answers.entries()) {
        const example = kind.task.question.parse({ text: texts[index] });
        const row = rows[index] as (typeof rows)[number];
        answer[head.name] = kind.outputOf(example, row, probabilities[index] as Float32Array, head.classes);
      }
    });
  }
  return answers;
}

async function readCard(file: string): Promise<z.infer<typeof cardSchema>> {
  try {
    return cardSchema.parse(JSON.parse(await readFile(file, 'utf8')));
  } catch (error) {
    const isThere = systemCode(error) !== 'ENOENT';
    throw new MoatError('bad-task-model', `${file}: ${isThere ? 'not as Moat writes it' : 'no such file'}`, {
      fix: 'Fit it again with moat multitask.',
      cause: error,
    });
  }
}
