/** The flags of `moat tune` that say what a run is asked to do. */
import path from 'node:path';
import { MoatError } from '../../base/errors.js';
import { parseMicros } from '../../base/money.js';
import type { OptionTable, OptionValues } from '../command.js';
import type { AdapterOptions, Objective, TuneRequest } from '../stages/tune-options.js';

const DEFAULT_EPOCHS = 3;
/** Where the key of a teacher behind an API is found: never on the command line, where every process can read it. */
export const KEY_VARIABLE = 'MOAT_TEACHER_KEY';
/** Peak rates that are usual; an adapter, which begins at nothing, takes ten times more. */
const RATES = { sft: 2e-5, dpo: 1e-6, distil: 5e-5 } as const;
const ADAPTER_FACTOR = 10;

export const tuneFlags = {
  from: { kind: 'text', placeholder: 'FOLDER', description: 'the model to begin with' },
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
} as const satisfies OptionTable;

type Flags = OptionValues<typeof tuneFlags>;

/**
 * @param data the file of records
 * @param cwd paths are relative to it
 * @throws MoatError `model-missing`
 */
export function requestOf(flags: Flags, data: string, cwd: string): TuneRequest {
  if (flags.from === undefined) {
    throw new MoatError('model-missing', 'tune: no model is named', {
      fix: 'Give the folder of a model with --from FOLDER.',
    });
  }
  return {
    data: path.resolve(cwd, data),
    from: path.resolve(cwd, flags.from),
    batchSize: flags.batchSize,
    maxLength: flags.maxLength,
    packed: !flags.pad,
    heldOutFraction: flags.heldOut,
    objective: objectiveOf(flags, cwd),
    adapter: adapterOf(flags),
    settings: {
      epochs: flags.epochs,
      maxSteps: flags.maxSteps,
      maxSeconds: flags.maxSeconds,
      learningRate: flags.learningRate ?? usualRate(flags),
      warmupFraction: 0.03,
      weightDecay: 0,
      clipNorm: 1,
      gradientAccumulation: flags.accumulate,
      evalEvery: flags.evalEvery,
      patience: flags.patience,
      recompute: flags.recompute,
      seed: flags.seed,
      threads: flags.threads,
    },
  };
}

function adapterOf({ lora, loraAlpha, loraModules, loraDropout, dora, quantize }: Flags): AdapterOptions | undefined {
  if (lora === undefined) return undefined;
  return {
    rank: lora,
    precision: quantize === 'none' ? 'float32' : quantize,
    alpha: loraAlpha,
    modules: loraModules?.split(',').map((name) => name.trim()),
    dropout: loraDropout,
    dora,
  };
}

function objectiveOf(flags: Flags, cwd: string): Objective {
  const { objective, teacher, alpha, temperature, hiddenWeight, maxRequests, teacherTokens } = flags;
  if (objective === 'dpo') return { kind: 'dpo', beta: flags.beta };
  if (objective !== 'distil') return { kind: 'sft' };
  if (teacher === undefined) {
    throw new MoatError('model-missing', 'tune: --objective distil has no teacher', {
      fix: 'Name a folder or MODEL@http://host/v1 with --teacher.',
    });
  }
  if (!/@https?:\/\//.test(teacher))
    return { kind: 'distil', teacher: path.resolve(cwd, teacher), alpha, temperature, hiddenWeight };
  return { kind: 'answers', teacher, maxRequests, maxTokens: teacherTokens };
}

/** @throws MoatError for what is no amount of money */
export function pricesOf(text: string | undefined) {
  if (text === undefined) return undefined;
  const [input = '', output = ''] = text.split(',');
  return {
    inputMicros: parseMicros(input, '--teacher-prices'),
    outputMicros: parseMicros(output, '--teacher-prices'),
  };
}

function usualRate({ objective, lora }: Flags): number {
  return lora === undefined ? RATES[objective] : RATES[objective] * ADAPTER_FACTOR;
}
