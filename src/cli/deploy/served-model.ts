/** What an engine elsewhere has to be told of a model that was trained or imported here. */
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { MoatError } from '../../base/errors.js';
import { ADAPTER_FILE } from '../../lab/checkpoint/adapter-folder.js';
import { CONFIG_FILE, openModelFolder } from '../../lab/checkpoint/model-folder.js';
import { readCausalModel } from '../../lab/models/registry.js';
import { CHAT_TEMPLATE } from '../../lab/tokenizer/special-tokens.js';
import { readSpecialNames } from '../../lab/tokenizer/tokenizer-file.js';
import type { DeployFile } from './deploy-file.js';

export interface ServedModel {
  /** Of the model, as Hugging Face has them. */
  readonly folder: string;
  /** By which customers ask for it, and engines offer it. */
  readonly name: string;
  readonly contextLength: number;
  /** As vLLM calls it; `auto` where the model does not say. */
  readonly dtype: 'float32' | 'bfloat16' | 'float16' | 'auto';
  /** How conversations become text: as Moat's own models have it, in another way, or not at all. */
  readonly template: 'chatml' | 'other' | 'none';
  /** Its files, without what only training needs. */
  readonly fileNames: readonly string[];
}

/** What transformers, vLLM and SGLang read. */
const MODEL_FILES =
  /^(config|generation_config|tokenizer|tokenizer_config|special_tokens_map|added_tokens|vocab)\.json$|^merges\.txt$|^chat_template\.jinja$|^model(-\d+-of-\d+)?\.safetensors(\.index\.json)?$/;

/** @throws MoatError `adapter-alone`, and what `openModelFolder` and `readCausalModel` throw */
export async function readServedModel(folder: string, name: string): Promise<ServedModel> {
  const names = await readdir(folder);
  if (names.includes(ADAPTER_FILE))
    throw new MoatError('adapter-alone', `${folder} is an adapter, which is served by nobody without its base`, {
      fix: 'Merge it first: moat adapter merge.',
    });
  const opened = await openModelFolder(folder);
  try {
    const json: unknown = JSON.parse(await opened.readText(CONFIG_FILE));
    const { model } = readCausalModel(json, path.join(folder, CONFIG_FILE));
    const { chatTemplate } = await readSpecialNames(folder);
    return {
      folder,
      name,
      contextLength: model.config.max_position_embeddings,
      dtype: dtypeIn(json),
      template: chatTemplate === undefined ? 'none' : chatTemplate === CHAT_TEMPLATE ? 'chatml' : 'other',
      fileNames: names.filter((each) => MODEL_FILES.test(each)).sort(),
    };
  } finally {
    await opened.close();
  }
}

function dtypeIn(config: unknown): ServedModel['dtype'] {
  const { torch_dtype, dtype = torch_dtype } = config as { readonly torch_dtype?: unknown; readonly dtype?: unknown };
  return dtype === 'float32' || dtype === 'bfloat16' || dtype === 'float16' ? dtype : 'auto';
}

/** The model's own files, in `model/`. */
export const modelFiles = ({ folder, fileNames }: ServedModel): DeployFile[] =>
  fileNames.map((name) => ({ name: `model/${name}`, content: { copyOf: path.join(folder, name) } }));

/** Its tokenizer alone, in `tokenizer/`: what a gateway counts with. */
export const tokenizerFiles = ({ folder, fileNames }: ServedModel): DeployFile[] =>
  fileNames
    .filter((name) => /^(tokenizer|tokenizer_config)\.json$|^chat_template\.jinja$/.test(name))
    .map((name) => ({ name: `tokenizer/${name}`, content: { copyOf: path.join(folder, name) } }));
