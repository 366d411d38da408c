import path from 'node:path';
import { MoatError } from '../../base/errors.js';
import { parseMicros } from '../../base/money.js';
import { defineCommand } from '../command.js';
import { hourlyMicrosOf } from '../stages/business-facts.js';
import { filesOf } from '../stages/project-files.js';
import { previewRecords, printPreview } from '../stages/tune-preview.js';
import type { AdapterOptions, Objective } from '../stages/tune-options.js';
import { runTuneStage } from '../stages/tune-stage.js';

const DEFAULT_EPOCHS = 3;
/** Where the key of a teacher behind an API is found: never on the command line, where every process can read it. */
const KEY_VARIABLE = 'MOAT_TEACHER_KEY';
/** Peak rates that are usual; an adapter, which begins at nothing, takes ten times more. */
const RATES = { sft: 2e-5, dpo: 1e-6, distil: 5e-5 } as const;
const ADAPTER_FACTOR = 10;

export const command = defineCommand({
  name: 'tune',
  summary: 'teach a model from conversations, questions with answers',
  description:
    'Fine-tunes the model of a folder on records with roles: OpenAI messages, ShareGPT, Alpaca, prompt/completion, question/answer (JSONL, JSON, CSV). Only what assistants say is learned, in the words of the model’s own chat template; look at it first with --preview. Records of one id are held out together; the weights that do best on them are kept in a folder as Hugging Face has them. --objective dpo learns which of two answers is better, distil learns from a larger model.',
  arguments: { data: { description: 'the file of records', count: 'one' } },
  options: {
    from: { kind: 'text', placeholder: 'FOLDER', description: 'the model to begin with' },
    out: { kind: 'text', placeholder: 'FOLDER', description: 'where the result goes (default: runs/tuned)' },
    preview: { kind: 'flag', description: 'show three records with what is learned of them, and stop' },
    objective: {
      kind: 'choice',
      choices: ['sft', 'dpo', 'distil'],
      default: 'sft',
      description: 'learn answers; the better of two answers (prompt, chosen, rejected); what a larger model says',
    },
    lora: {
      kind: 'integer',
      placeholder: 'RANK',
      minimum: 1,
      maximum: 4096,
      description: 'train a low-rank adapter beside the model, and write that alone (PEFT)',
    },
    loraAlpha: {
      kind: 'number',
      placeholder: 'X',
      minimum: 0.001,
      maximum: 100_000,
      description: 'how much the adapter counts, over its rank (default: twice the rank)',
    },
    loraModules: {
      kind: 'text',
      placeholder: 'NAMES',
      description: 'which layers, such as q_proj,v_proj (default: all linear ones but the head)',
    },
    loraDropout: {
      kind: 'number',
      placeholder: 'X',
      minimum: 0,
      maximum: 0.9,
      default: 0,
      description: 'share of what enters an adapter that is left out while training',
    },
    dora: { kind: 'flag', description: 'learn the lengths of rows apart from their directions (DoRA)' },
    quantize: {
      kind: 'choice',
      choices: ['none', 'int4', 'int8'],
      default: 'none',
      description: 'with --lora: keep the model itself in fewer bits',
    },
    beta: {
      kind: 'number',
      placeholder: 'X',
      minimum: 0.0001,
      maximum: 100,
      default: 0.1,
      description: 'dpo: how firmly the model is held to what it was',
    },
    teacher: {
      kind: 'text',
      placeholder: 'MODEL',
      description: `distil: a folder, or MODEL@http://host/v1 (its key in ${KEY_VARIABLE})`,
    },
    alpha: {
      kind: 'number',
      placeholder: 'X',
      minimum: 0,
      maximum: 1,
      default: 0.5,
      description: 'distil: 1 listens to the teacher alone, 0 to the records alone',
    },
    temperature: {
      kind: 'number',
      placeholder: 'T',
      minimum: 0.1,
      maximum: 100,
      default: 2,
      description: 'distil: softens what both models say',
    },
    hiddenWeight: {
      kind: 'number',
      placeholder: 'X',
      minimum: 0,
      maximum: 1000,
      default: 0,
      description: 'distil: how much the hidden states are to be alike',
    },
    maxRequests: {
      kind: 'integer',
      placeholder: 'N',
      minimum: 1,
      maximum: 10_000_000,
      default: 1000,
      description: 'distil: questions to a teacher behind an API at most',
    },
    teacherTokens: {
      kind: 'integer',
      placeholder: 'N',
      minimum: 1,
      maximum: 1_000_000,
      default: 512,
      description: 'distil: tokens of one answer of the teacher',
    },
    teacherPrices: {
      kind: 'text',
      placeholder: 'IN,OUT',
      description: 'distil: what a million tokens of the teacher cost, to tell the bill',
    },
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
      description: `the peak learning rate (default: ${RATES.sft}, for dpo ${RATES.dpo}, for distil ${RATES.distil}; ten times that with --lora)`,
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
  settings: ['business.machineHourlyPrice'],
  examples: [
    { command: 'moat tune faq.jsonl --from runs/smol --preview', does: 'what would be learned' },
    { command: 'moat tune faq.jsonl --from runs/smol --out support --epochs 2', does: 'a model in the folder support' },
    { command: 'moat tune faq.jsonl --from runs/smol --lora 8', does: 'a small adapter instead' },
    { command: 'moat tune pairs.jsonl --from support --objective dpo', does: 'prefer the better of two answers' },
  ],
  async run({ arguments: { data }, options, cwd, env, terminal, reporter, clock, signal, loadProject }) {
    if (options.from === undefined) {
      throw new MoatError('model-missing', 'tune: no model is named', {
        fix: 'Give the folder of a model with --from FOLDER.',
      });
    }
    const [from, file] = [path.resolve(cwd, options.from), path.resolve(cwd, data)];
    if (options.preview) {
      const previews = await previewRecords(file, from, options.objective === 'dpo');
      printPreview(previews, terminal);
      return { json: { records: previews } };
    }
    const project = await loadProject({ orDefaults: true });
    const out = options.out === undefined ? path.join(filesOf(project).runs, 'tuned') : path.resolve(cwd, options.out);
    const result = await runTuneStage({
      data: file,
      from,
      out,
      batchSize: options.batchSize,
      maxLength: options.maxLength,
      packed: !options.pad,
      heldOutFraction: options.heldOut,
      objective: objectiveOf(options, cwd, env),
      adapter:
        options.lora === undefined
          ? undefined
          : {
              rank: options.lora,
              precision: precisionOf(options.quantize),
              alpha: options.loraAlpha,
              modules: options.loraModules?.split(',').map((name) => name.trim()),
              dropout: options.loraDropout,
              dora: options.dora,
            },
      hourlyMicros: hourlyMicrosOf(project),
      clock,
      signal,
      reporter,
      settings: {
        epochs: options.epochs,
        maxSteps: options.maxSteps,
        maxSeconds: options.maxSeconds,
        learningRate: options.learningRate ?? usualRate(options),
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

interface ObjectiveOptions {
  readonly objective: string;
  readonly beta: number;
  readonly teacher: string | undefined;
  readonly alpha: number;
  readonly temperature: number;
  readonly hiddenWeight: number;
  readonly maxRequests: number;
  readonly teacherTokens: number;
  readonly teacherPrices: string | undefined;
}

function objectiveOf(options: ObjectiveOptions, cwd: string, env: NodeJS.ProcessEnv): Objective {
  const { objective, teacher, alpha, temperature, hiddenWeight } = options;
  if (objective === 'dpo') return { kind: 'dpo', beta: options.beta };
  if (objective !== 'distil') return { kind: 'sft' };
  if (teacher === undefined) {
    throw new MoatError('model-missing', 'tune: --objective distil has no teacher', {
      fix: 'Name a folder or MODEL@http://host/v1 with --teacher.',
    });
  }
  if (!/@https?:\/\//.test(teacher))
    return { kind: 'distil', teacher: path.resolve(cwd, teacher), alpha, temperature, hiddenWeight };
  return {
    kind: 'answers',
    teacher,
    apiKey: env[KEY_VARIABLE],
    maxRequests: options.maxRequests,
    maxTokens: options.teacherTokens,
    prices: pricesOf(options.teacherPrices),
  };
}

function pricesOf(text: string | undefined) {
  if (text === undefined) return undefined;
  const [input = '', output = ''] = text.split(',');
  return {
    inputMicros: parseMicros(input, '--teacher-prices'),
    outputMicros: parseMicros(output, '--teacher-prices'),
  };
}

const precisionOf = (bits: string): AdapterOptions['precision'] =>
  bits === 'int4' || bits === 'int8' ? bits : 'float32';

function usualRate({ objective, lora }: { readonly objective: string; readonly lora: number | undefined }): number {
  const rate = objective === 'dpo' ? RATES.dpo : objective === 'distil' ? RATES.distil : RATES.sft;
  return lora === undefined ? rate : rate * ADAPTER_FACTOR;
}
