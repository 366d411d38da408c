import path from 'node:path';
import { MoatError } from '../../base/errors.js';
import { defineCommand } from '../command.js';
import { previewRecords, printPreview } from '../stages/tune-preview.js';
import { runTuneStage } from '../stages/tune-stage.js';

const DEFAULT_EPOCHS = 3;
const FULL_RATE = 2e-5;

export const command = defineCommand({
  name: 'tune',
  summary: 'teach a model from conversations, questions with answers',
  description:
    'Fine-tunes the model of a folder on records with roles: OpenAI messages, ShareGPT, Alpaca, prompt/completion, question/answer (JSONL, JSON, CSV). Only what assistants say is learned, in the words of the model’s own chat template; look at it first with --preview. Records of one id are held out together; the weights that do best on them are kept in a folder as Hugging Face has them.',
  arguments: { data: { description: 'the file of records', count: 'one' } },
  options: {
    from: { kind: 'text', placeholder: 'FOLDER', description: 'the model to begin with' },
    out: { kind: 'text', placeholder: 'FOLDER', description: 'where the result goes (default: runs/tuned)' },
    preview: { kind: 'flag', description: 'show three records with what is learned of them, and stop' },
    epochs: {
      kind: 'number',
      placeholder: 'N',
      minimum: 0.01,
      maximum: 1000,
      default: DEFAULT_EPOCHS,
      description: 'times every record is read',
    },
    maxSteps: {
      kind: 'integer',
      placeholder: 'N',
      minimum: 1,
      maximum: 10_000_000,
      description: 'at most this many steps',
    },
    maxSeconds: {
      kind: 'number',
      placeholder: 'S',
      minimum: 1,
      maximum: 10_000_000,
      description: 'at most this many seconds of training',
    },
    learningRate: {
      kind: 'number',
      placeholder: 'X',
      minimum: 1e-9,
      maximum: 1,
      description: `the peak learning rate (default: ${FULL_RATE})`,
    },
    batchSize: {
      kind: 'integer',
      placeholder: 'N',
      minimum: 1,
      maximum: 4096,
      default: 4,
      description: 'rows computed at once',
    },
    accumulate: {
      kind: 'integer',
      placeholder: 'N',
      minimum: 1,
      maximum: 4096,
      default: 1,
      description: 'batches summed into one step',
    },
    maxLength: {
      kind: 'integer',
      placeholder: 'N',
      minimum: 8,
      maximum: 1_000_000,
      default: 512,
      description: 'tokens of a row; longer conversations lose their earliest turns',
    },
    pad: { kind: 'flag', description: 'one conversation a row, instead of several that do not see each other' },
    heldOut: {
      kind: 'number',
      placeholder: 'X',
      minimum: 0,
      maximum: 0.9,
      default: 0.1,
      description: 'the share of records that measure and do not teach',
    },
    evalEvery: {
      kind: 'integer',
      placeholder: 'N',
      minimum: 1,
      maximum: 10_000_000,
      description: 'steps between measurements (default: twice an epoch)',
    },
    patience: {
      kind: 'integer',
      placeholder: 'N',
      minimum: 1,
      maximum: 1_000_000,
      description: 'stop after this many measurements without a lower loss',
    },
    recompute: { kind: 'flag', description: 'less memory, more time' },
    seed: {
      kind: 'integer',
      placeholder: 'N',
      minimum: 0,
      maximum: 4_294_967_295,
      default: 0,
      description: 'the order of the records',
    },
    threads: {
      kind: 'integer',
      placeholder: 'N',
      minimum: 1,
      maximum: 1024,
      description: 'threads (default: one a core)',
    },
  },
  examples: [
    { command: 'moat tune faq.jsonl --from smollm2 --preview', does: 'what would be learned' },
    { command: 'moat tune faq.jsonl --from smollm2 --out support --epochs 2', does: 'a model in the folder support' },
  ],
  async run({ arguments: { data }, options, cwd, terminal, reporter, clock, signal }) {
    if (options.from === undefined) {
      throw new MoatError('model-missing', 'tune: no model is named', {
        fix: 'Give the folder of a model with --from FOLDER.',
      });
    }
    const [from, file] = [path.resolve(cwd, options.from), path.resolve(cwd, data)];
    if (options.preview) {
      const previews = await previewRecords(file, from);
      printPreview(previews, terminal);
      return { json: { records: previews } };
    }
    const out = path.resolve(cwd, options.out ?? path.join('runs', 'tuned'));
    const result = await runTuneStage({
      data: file,
      from,
      out,
      batchSize: options.batchSize,
      maxLength: options.maxLength,
      packed: !options.pad,
      heldOutFraction: options.heldOut,
      clock,
      signal,
      reporter,
      settings: {
        epochs: options.epochs,
        maxSteps: options.maxSteps,
        maxSeconds: options.maxSeconds,
        learningRate: options.learningRate ?? FULL_RATE,
        warmupFraction: 0.03,
        weightDecay: 0,
        clipNorm: 1,
        gradientAccumulation: options.accumulate,
        evalEvery: options.evalEvery,
        patience: options.patience,
        recompute: options.recompute,
        seed: options.seed,
        threads: options.threads,
      },
    });
    return { json: { folder: out, ...result } };
  },
});
