/** The tiny sentence model of sentences.json as a folder, for tests. */
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { writeSafetensors } from '../../../src/lab/checkpoint/safetensors.js';

export interface SentenceGolden {
  readonly config: Record<string, unknown>;
  readonly texts: string[];
  /** The mean over tokens, scaled to length 1. */
  readonly mean: number[][];
  /** The first token's. */
  readonly first: number[][];
  readonly parameters: Record<string, { shape: number[]; base64: string }>;
}

const readGolden = async (name: string): Promise<unknown> =>
  JSON.parse(await readFile(new URL(name, import.meta.url), 'utf8'));

export const readSentenceGolden = async (): Promise<SentenceGolden> =>
  (await readGolden('sentences.json')) as SentenceGolden;

/** @param rename what the file calls each tensor */
export async function writeSentenceModel(
  folder: string,
  { config, parameters }: SentenceGolden,
  rename: (name: string) => string = (name) => name,
): Promise<void> {
  const { uncased } = (await readGolden('wordpiece/wordpiece.json')) as { uncased: { file: unknown } };
  const write = (name: string, content: unknown): Promise<void> =>
    writeFile(path.join(folder, name), JSON.stringify(content));
  await write('config.json', config);
  await write('tokenizer.json', uncased.file);
  await write('sentence_bert_config.json', { max_seq_length: 9 });
  const tensors = Object.entries(parameters).map(([name, { shape, base64 }]) => ({
    name: rename(name),
    shape,
    data: new Float32Array(new Uint8Array(Buffer.from(base64, 'base64')).buffer),
  }));
  await writeSafetensors(path.join(folder, 'model.safetensors'), tensors);
}
