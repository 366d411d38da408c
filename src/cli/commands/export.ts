import path from 'node:path';
import { MoatError } from '../../base/errors.js';
import { formatBytes } from '../../base/units.js';
import { holdWhile } from '../../lab/checkpoint/checkpoint-holds.js';
import { EXPORT_KINDS, type ExportKind, exportModel } from '../../lab/generate/export-model.js';
import { checkFolderIsFree } from '../../lab/generate/model-transfer.js';
import { defineCommand } from '../command.js';
import { findModelOrFolder } from '../stages/find-run.js';

export const command = defineCommand({
  name: 'export',
  summary: "write a model as a GGUF file, or as a folder of Hugging Face's",
  description:
    "For llama.cpp and its kin: one file with weights, tokenizer and chat template, from a run's newest checkpoint or from a folder. Llama, Mistral, Qwen2, Qwen3 and GPT-2 can be written. Norms and biases stay in 32 bits; with q4_0 the matrix that scores the tokens has 8. With safetensors, for transformers: a folder with the model alone, without what training needs to go on.",
  arguments: {
    model: { description: 'the name of a run, or the folder of a model', count: 'one' },
    file: { description: 'the file to write, NAME.gguf (an older one is replaced), or the folder', count: 'one' },
  },
  options: {
    type: {
      kind: 'choice',
      choices: EXPORT_KINDS,
      placeholder: 'TYPE',
      default: 'q8_0',
      description: 'bits of a weight: about 8.5, about 4.5, 16 or 32; or a folder of safetensors',
    },
  },
  examples: [
    { command: 'moat export run-1 run-1.gguf', does: 'the newest checkpoint, in 8 bits' },
    { command: 'moat export models/smollm2 small.gguf --type q4_0', does: 'a folder, in 4 bits' },
    { command: 'moat export run-1 run-1-hf --type safetensors', does: 'for transformers' },
  ],
  async run({ arguments: { model, file }, options, cwd, reporter, signal, clock }) {
    const target = path.resolve(cwd, file);
    const kind = EXPORT_KINDS.find((each) => each === options.type) ?? 'q8_0';
    checkFileName(file, kind);
    if (kind === 'safetensors') await checkFolderIsFree(target);
    const directory = await findModelOrFolder(cwd, model);
    const stage = reporter.stage('export');
    const request = { directory, target, kind, name: path.basename(model) };
    const { notes, ...result } = await holdWhile(directory, clock, () =>
      exportModel(request, {
        signal,
        onProgress: ({ tensorsDone, tensorCount }) =>
          stage.progress({ fraction: tensorsDone / tensorCount, text: `${tensorsDone} of ${tensorCount} tensors` }),
      }),
    );
    const type = kind === 'safetensors' ? kind : kind.toUpperCase();
    stage.done(
      `${result.architecture}, ${result.tensorCount} tensors as ${type}, ${formatBytes(result.sizeBytes)} in ${file}`,
    );
    for (const note of notes) reporter.warn(note);
    return { json: { file: target, type, ...result, notes } };
  },
});

/** @throws MoatError `bad-file-name` */
function checkFileName(file: string, kind: ExportKind): void {
  if ((path.extname(file) === '.gguf') === (kind !== 'safetensors')) return;
  throw new MoatError(
    'bad-file-name',
    `${file}: this is no name for a ${kind === 'safetensors' ? 'folder of safetensors' : 'GGUF file'}`,
    {
      fix:
        kind === 'safetensors'
          ? 'Give the model first, then a folder, which does not end in .gguf.'
          : 'Give the model first, then a file name that ends in .gguf; for a folder, --type safetensors.',
    },
  );
}
