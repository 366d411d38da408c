/**
 * How a folder of sentence-transformers (Reimers & Gurevych 2019, arXiv:1908.10084) makes one vector of a text:
 * `modules.json` lists the steps after the encoder, `1_Pooling/config.json` says how token vectors are pooled.
 */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { MoatError, systemCode } from '../../base/errors.js';

export interface SentenceSettings {
  /** The mean over all tokens, or the first token's vector. */
  readonly pooling: 'mean' | 'first';
  /** Whether vectors are scaled to length 1. */
  readonly normalize: boolean;
  /** Longer texts are cut; undefined where the folder does not say. */
  readonly maxTokens: number | undefined;
}

const modulesSchema = z.array(z.object({ path: z.string(), type: z.string() }));
const poolingSchema = z.looseObject({
  pooling_mode_cls_token: z.boolean().default(false),
  pooling_mode_mean_tokens: z.boolean().default(true),
});
const lengthSchema = z.object({ max_seq_length: z.int().positive().nullish() });

/**
 * A folder without `modules.json` gives the mean, scaled to length 1.
 * @throws MoatError `sentence-settings-unsupported` for further layers or another pooling, `sentence-settings-damaged`
 */
export async function readSentenceSettings(folder: string): Promise<SentenceSettings> {
  const length = await readJson(path.join(folder, 'sentence_bert_config.json'), lengthSchema);
  const maxTokens = length?.max_seq_length ?? undefined;
  const modules = await readJson(path.join(folder, 'modules.json'), modulesSchema);
  if (modules === undefined) return { pooling: 'mean', normalize: true, maxTokens };
  let settings: SentenceSettings = { pooling: 'mean', normalize: false, maxTokens };
  for (const { type, path: place } of modules) {
    const name = type.slice(type.lastIndexOf('.') + 1);
    if (name === 'Pooling') settings = { ...settings, pooling: await readPooling(folder, place) };
    else if (name === 'Normalize') settings = { ...settings, normalize: true };
    else if (name !== 'Transformer') throw unsupported(path.join(folder, 'modules.json'), `the step ${name}`);
  }
  return settings;
}

async function readPooling(folder: string, place: string): Promise<'mean' | 'first'> {
  const file = path.join(folder, path.basename(place), 'config.json');
  const {
    pooling_mode_cls_token: first,
    pooling_mode_mean_tokens: mean,
    ...others
  } = (await readJson(file, poolingSchema)) ?? poolingSchema.parse({});
  const other = Object.entries(others).find(([key, value]) => key.startsWith('pooling_mode_') && value === true);
  if (other !== undefined) throw unsupported(file, other[0]);
  if (first === mean) throw unsupported(file, 'a pooling that is not exactly one of the mean and the first token');
  return first ? 'first' : 'mean';
}

function unsupported(file: string, what: string): MoatError {
  return new MoatError('sentence-settings-unsupported', `${file}: ${what} is not supported`, {
    fix: 'Mean and first-token pooling are, with or without normalisation.',
  });
}

/** @returns undefined when there is no such file */
async function readJson<T>(file: string, schema: z.ZodType<T>): Promise<T | undefined> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
  try {
    return schema.parse(JSON.parse(text));
  } catch (error) {
    throw new MoatError('sentence-settings-damaged', `${file}: not JSON as sentence-transformers writes it`, {
      fix: 'Copy it again.',
      cause: error,
    });
  }
}
