import { stat } from 'node:fs/promises';
import path from 'node:path';
import { MoatError } from '../../base/errors.js';
import { formatBytes, formatCount } from '../../base/units.js';
import { importGguf } from '../../lab/generate/gguf-import.js';
import { importFolder } from '../../lab/generate/import-folder.js';
import { defineCommand } from '../command.js';

export const command = defineCommand({
  name: 'import',
  summary: 'take a model over from a GGUF file or a Hugging Face folder',
  description:
    'Turns a GGUF file of Llama, Qwen2, Qwen3 or GPT-2 with byte-level BPE into a folder with config.json, model.safetensors and tokenizer.json, which loads here and in transformers. A folder is checked and copied. Weights keep their values exactly; as runs/NAME, the folder answers to --run NAME.',
  arguments: {
    source: { description: 'the GGUF file, or the folder', count: 'one' },
    folder: { description: 'the folder to make', count: 'one' },
  },
  examples: [
    { command: 'moat import SmolLM2-135M.gguf runs/smollm2', does: 'a file from llama.cpp' },
    { command: 'moat import ~/Qwen3-0.6B runs/qwen3', does: 'a folder from Hugging Face' },
  ],
  async run({ arguments: { source, folder }, cwd, reporter, signal }) {
    const [from, to] = [path.resolve(cwd, source), path.resolve(cwd, folder)];
    const found = await stat(from).catch(() => undefined);
    if (found === undefined) {
      throw new MoatError('model-missing', `${source}: no such file or folder`, {
        fix: 'Give a GGUF file, or a folder with config.json and model.safetensors.',
      });
    }
    const stage = reporter.stage('import');
    const result = found.isDirectory()
      ? await importFolder(from, to)
      : await importGguf(from, to, {
          signal,
          onProgress: ({ tensorsDone, tensorCount }) =>
            stage.progress({ fraction: tensorsDone / tensorCount, text: `${tensorsDone} of ${tensorCount} tensors` }),
        });
    const { modelType, parameterCount } = result;
    const size = found.isDirectory() ? '' : ` from ${formatBytes(found.size)}`;
    stage.done(`${modelType}, ${formatCount(parameterCount)} parameters${size}, in ${folder}`);
    return { json: { folder: to, ...result } };
  },
});
