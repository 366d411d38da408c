/** A model in a folder of Hugging Face's, checked and copied: what is not part of the model stays behind. */
import { copyFile } from 'node:fs/promises';
import path from 'node:path';
import { writeFolderAtomic } from '../../base/atomic-folder.js';
import { nodeFileSystem } from '../checkpoint/file-system.js';
import { openModelFolder } from '../checkpoint/model-folder.js';
import { parameterCount } from '../models/model.js';
import { readCausalModel } from '../models/registry.js';
import { loadTokenizer } from '../tokenizer/tokenizer.js';
import type { ImportedModel } from './gguf-import.js';
import { checkFits } from './load-model.js';
import { weightsOf } from './weight-names.js';
import { checkFolderIsFree } from './model-transfer.js';

/** Beside the weights; those that are there are copied. */
const DESCRIPTIONS: ReadonlySet<string> = new Set([
  'config.json',
  'generation_config.json',
  'tokenizer.json',
  'tokenizer_config.json',
  'special_tokens_map.json',
  'chat_template.jinja',
  'README.md',
  'LICENSE',
  'data-passport.json',
]);
const WEIGHTS = /^model(?:-\d{1,6}-of-\d{1,6})?\.safetensors(?:\.index\.json)?$/;

/**
 * Nothing is read but headers: a copy takes as long as its bytes. The folder appears whole or not at all.
 * @throws MoatError those of `loadModel`; `folder-taken`
 */
export async function importFolder(source: string, folder: string): Promise<ImportedModel> {
  await checkFolderIsFree(folder);
  return copyModelFolder(source, folder);
}

/** As `importFolder`; what is there already is replaced. @throws MoatError those of `loadModel` */
export async function copyModelFolder(source: string, folder: string): Promise<ImportedModel> {
  const tokenizer = await loadTokenizer(source);
  const opened = await openModelFolder(source);
  try {
    const { model } = readCausalModel(
      JSON.parse(await opened.readText('config.json')),
      path.join(source, 'config.json'),
    );
    checkFits(source, model, tokenizer, weightsOf(model, opened.weights));
    const names = (await nodeFileSystem.list(source)).map(({ name }) => name);
    await writeFolderAtomic(folder, async (target) => {
      for (const name of names.filter((each) => DESCRIPTIONS.has(each) || WEIGHTS.test(each)))
        await copyFile(path.join(source, name), path.join(target, name));
    });
    return {
      modelType: model.config.model_type,
      tensorCount: model.parameters.length,
      parameterCount: parameterCount(model.parameters),
    };
  } finally {
    await opened.close();
  }
}
