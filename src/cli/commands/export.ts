import { stat } from 'node:fs/promises';
import path from 'node:path';
import { MoatError } from '../../base/errors.js';
import { formatBytes } from '../../base/units.js';
import type { WrittenType } from '../../lab/checkpoint/gguf-quantize.js';
import { exportGguf } from '../../lab/generate/gguf-export.js';
import { defineCommand } from '../command.js';
import { findModelOrFolder } from '../stages/find-run.js';

const TYPES: Readonly<Record<string, WrittenType>> = { f32: 'F32', f16: 'F16', q8_0: 'Q8_0', q4_0: 'Q4_0' };

export const command = defineCommand({
  name: 'export',
  summary: 'write a model as a GGUF file, for llama.cpp and its kin',
  description:
    "One file with weights, tokenizer and chat template, from a run's newest checkpoint or from a folder. Llama, Mistral, Qwen2, Qwen3 and GPT-2 can be written. Norms and biases stay in 32 bits; with q4_0 the matrix that scores the tokens has 8.",
  arguments: {
    model: { description: 'the name of a run, or the folder of a model', count: 'one' },
    file: { description: 'the file to write, NAME.gguf; an older one is replaced', count: 'one' },
  },
  options: {
    type: {
      kind: 'choice',
      choices: Object.keys(TYPES),
      default: 'q8_0',
      description: 'bits of a weight: 32, 16, about 8.5 or about 4.5',
    },
  },
  examples: [
    { command: 'moat export run-1 run-1.gguf', does: 'the newest checkpoint, in 8 bits' },
    { command: 'moat export models/smollm2 small.gguf --type q4_0', does: 'a folder, in 4 bits' },
  ],
  async run({ arguments: { model, file }, options, cwd, reporter, signal }) {
    const target = path.resolve(cwd, file);
    if (path.extname(file) !== '.gguf') {
      throw new MoatError('bad-file-name', `${file}: this is no name for a GGUF file`, {
        fix: 'Give the model first, then a file name that ends in .gguf.',
      });
    }
    const directory = await findModelOrFolder(cwd, model);
    const stage = reporter.stage('export');
    const type = TYPES[options.type] ?? 'Q8_0';
    const { notes, ...result } = await exportGguf(directory, target, {
      type,
      name: path.basename(model),
      signal,
      onProgress: ({ tensorsDone, tensorCount }) =>
        stage.progress({ fraction: tensorsDone / tensorCount, text: `${tensorsDone} of ${tensorCount} tensors` }),
    });
    const { size: sizeBytes } = await stat(target);
    stage.done(
      `${result.architecture}, ${result.tensorCount} tensors as ${type}, ${formatBytes(sizeBytes)} in ${file}`,
    );
    for (const note of notes) reporter.warn(note);
    return { json: { file: target, type, sizeBytes, ...result, notes } };
  },
});
