/** A model whose tokenizer learned more tokens: its tables of tokens grow by rows that are the means of what they replace. */
import { copyFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { writeFolderAtomic } from '../../base/atomic-folder.js';
import { nodeFileSystem } from '../checkpoint/file-system.js';
import { openModelFolder, type Weights } from '../checkpoint/model-folder.js';
import { type TensorSource, writeSafetensorsFrom } from '../checkpoint/safetensors.js';
import type { ParameterSpec } from '../models/model.js';
import { readCausalModel } from '../models/registry.js';
import { type ExtendedTokenizer, type ExtendOptions, extendTokenizer } from '../tokenizer/extend-tokenizer.js';
import { loadTokenizer } from '../tokenizer/tokenizer.js';
import { checkFits } from './load-model.js';
import { checkFolderIsFree } from './model-transfer.js';
import { weightsOf } from './weight-names.js';

export interface ExtendedModel {
  readonly modelType: string;
  readonly oldTokens: number;
  readonly newTokens: number;
  /** Rows of the tables of tokens: the tokenizer may have fewer. */
  readonly rows: number;
}

/** Beside the weights and the tokenizer; those that are there are copied. */
const DESCRIPTIONS: ReadonlySet<string> = new Set([
  'generation_config.json',
  'tokenizer_config.json',
  'chat_template.jinja',
  'LICENSE',
]);

/**
 * Learns more tokens from texts and writes the larger model into a new folder. Tables of tokens become F32, all else keeps
 * its bytes; on texts that use no new token it computes what it did. The folder appears whole or not at all.
 * @throws MoatError `folder-taken`; those of `loadModel` and `extendTokenizer`
 */
export async function extendModel(
  source: string,
  folder: string,
  texts: AsyncIterable<string> | Iterable<string>,
  options: ExtendOptions,
): Promise<ExtendedModel> {
  await checkFolderIsFree(folder);
  const tokenizer = await loadTokenizer(source);
  const opened = await openModelFolder(source);
  try {
    const config = JSON.parse(await opened.readText('config.json')) as { vocab_size: number };
    const { model } = readCausalModel(config, path.join(source, 'config.json'));
    const weights = weightsOf(model, opened.weights);
    checkFits(source, model, tokenizer, weights);
    const oldRows = model.config.vocab_size;
    const names = (await nodeFileSystem.list(source)).map(({ name }) => name);
    return await writeFolderAtomic(folder, async (target) => {
      const extended = await extendTokenizer(source, target, texts, options);
      const rows = Math.max(oldRows, extended.vocabSize);
      const tensors = model.parameters.map((parameter) => grown(parameter, weights, { oldRows, rows, extended }));
      await writeSafetensorsFrom(path.join(target, 'model.safetensors'), tensors, { metadata: { format: 'pt' } });
      await writeFile(
        path.join(target, 'config.json'),
        `${JSON.stringify({ ...config, vocab_size: rows }, null, 2)}\n`,
      );
      for (const name of names.filter((each) => DESCRIPTIONS.has(each)))
        await copyFile(path.join(source, name), path.join(target, name));
      const { model_type: modelType } = model.config;
      return { modelType, oldTokens: tokenizer.vocabSize, newTokens: extended.added.length, rows };
    });
  } finally {
    await opened.close();
  }
}

interface Growth {
  readonly oldRows: number;
  readonly rows: number;
  readonly extended: ExtendedTokenizer;
}

function grown({ name, shape, role }: ParameterSpec, weights: Weights, growth: Growth): TensorSource {
  const stored = weights.tensors.get(name);
  const [rows, ...rest] = shape;
  const isTable = (role === 'embedding' || role === 'head') && rows === growth.oldRows && !/position|wpe/.test(name);
  if (!isTable) {
    return { name, dtype: stored?.dtype ?? 'F32', shape, read: () => weights.readBytes(name) };
  }
  const width = rest.reduce((product, size) => product * size, 1);
  return {
    name,
    dtype: 'F32',
    shape: [growth.rows, ...rest],
    async read() {
      const table = new Float32Array(growth.rows * width);
      table.set(await weights.readFloat32(name));
      for (const { id, parts } of growth.extended.added) {
        const row = table.subarray(id * width, (id + 1) * width).fill(0);
        for (const part of parts) {
          for (let i = 0; i < width; i++)
            row[i] = (row[i] as number) + (table[part * width + i] as number) / parts.length;
        }
      }
      return new Uint8Array(table.buffer);
    },
  };
}
