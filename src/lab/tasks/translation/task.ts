import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { z } from 'zod';
import { MoatError } from '../../../base/errors.js';
import { openSafetensors, writeSafetensors } from '../../checkpoint/safetensors.js';
import { type NearestTexts, createNearestTexts } from '../../eval/retrieval/nearest-text.js';
import { scriptOf } from '../../eval/script.js';
import {
  type BleuOptions,
  bleuOf,
  bleuSignature,
  bleuStatistics,
  sumStatistics,
} from '../../eval/text-metrics/bleu.js';
import { chrfOf, chrfSignature, chrfStatistics } from '../../eval/text-metrics/chrf.js';
import { terOf, terStatistics } from '../../eval/text-metrics/ter.js';
import { parameterCount } from '../../models/model.js';
import { readModelConfig } from '../../models/registry.js';
import { type Value, floats } from '../../runtime/program.js';
import { loadTokenizer } from '../../tokenizer/tokenizer.js';
import { type Metric, type Task, type TaskContext, defineTask } from '../task.js';
import { type TextPair, type TrainedTranslator, fitTranslator, translateAll } from './fit-translator.js';

const text = (what: string) => z.string().trim().min(1, `the ${what} is empty`);
const pairSchema = z.object({ source: text('source'), target: text('target') });

const settingsSchema = z.strictObject({
  /** Of training. */
  seconds: z.coerce.number().positive().default(300),
  vocabularySize: z.coerce.number().int().min(300).max(100_000).default(3000),
  width: z.coerce.number().int().multipleOf(64).min(64).max(2048).default(192),
  layers: z.coerce.number().int().min(1).max(24).default(3),
  dropout: z.coerce.number().min(0).lt(1).default(0.2),
});
type Settings = z.infer<typeof settingsSchema>;

interface MemoryOutput {
  readonly text: string;
  /** Where it is from: the model, or a sentence that was translated before. */
  readonly from: 'model' | 'memory';
}

/** Sentences translated before: one very like a new one is a better translation than any a small model makes. */
interface Memory {
  readonly pairs: readonly TextPair[];
  readonly nearest: NearestTexts;
  /** How like a sentence must be, in [0, 1]; above 1 never. */
  readonly threshold: number;
}

const THRESHOLDS = [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 2];

async function answer(
  translator: Pick<TrainedTranslator, 'model' | 'tokenizer' | 'weights'>,
  memory: Memory,
  sources: readonly string[],
): Promise<MemoryOutput[]> {
  const made = await translateAll(translator, sources);
  return sources.map((source, row) => {
    const near = memory.nearest.find(source);
    if (near === undefined || near.similarity < memory.threshold) return { text: made[row] as string, from: 'model' };
    return { text: memory.pairs[near.index]?.target as string, from: 'memory' };
  });
}

/** The threshold at which chrF on the validation pairs is highest. */
async function chooseThreshold(
  translator: TrainedTranslator,
  memory: Omit<Memory, 'threshold'>,
  validation: readonly TextPair[],
): Promise<number> {
  const sources = validation.map(({ source }) => source);
  const made = await translateAll(translator, sources);
  const near = sources.map((source) => memory.nearest.find(source));
  const chrfAt = (threshold: number): number =>
    chrfOf(
      sumStatistics(
        validation.map(({ target }, row) => {
          const found = near[row];
          const isNear = found !== undefined && found.similarity >= threshold;
          return chrfStatistics(isNear ? (memory.pairs[found.index]?.target as string) : (made[row] as string), [
            target,
          ]);
        }),
      ),
    );
  const scored = THRESHOLDS.map((threshold) => ({ threshold, score: chrfAt(threshold) }));
  return scored.reduce((best, each) => (each.score > best.score ? each : best)).threshold;
}

type PairMetric = Metric<TextPair, MemoryOutput>;

/** A figure of summed statistics, so that drawing sentences again costs an addition each. */
function fromStatistics(
  facts: Pick<PairMetric, 'name' | 'better' | 'signature'>,
  statistics: (output: string, pair: TextPair) => ArrayLike<number>,
  figure: (sums: Float64Array) => number,
): PairMetric {
  return {
    ...facts,
    prepare(pairs, outputs) {
      const each = pairs.map((pair, row) => statistics(outputs[row]?.text ?? '', pair));
      return (rows) => figure(sumStatistics(Array.from(rows, (row) => each[row] as ArrayLike<number>)));
    },
  };
}

/** Chinese targets are cut into characters, others by mteval-v13a; which it was stands in the signature. */
const bleuMetric = (tokenizer: 'zh' | '13a', name: string, counts: (pair: TextPair) => boolean): PairMetric => {
  const options: BleuOptions = { tokenizer };
  return {
    name,
    better: 'higher',
    signature: bleuSignature(1, options),
    prepare(pairs, outputs) {
      const each = pairs.map((pair, row) =>
        counts(pair) ? bleuStatistics(outputs[row]?.text ?? '', [pair.target], options) : undefined,
      );
      return (rows) => {
        const counted = Array.from(rows, (row) => each[row]).filter((one) => one !== undefined);
        return counted.length === 0 ? Number.NaN : bleuOf(sumStatistics(counted), options).score;
      };
    },
  };
};

const isChinese = ({ target }: TextPair): boolean => scriptOf(target) === 'zh' || scriptOf(target) === 'mixed';

const languageNames = new Intl.DisplayNames('en', { type: 'language' });

export const translation: Task<TextPair, MemoryOutput, Settings> = {
  name: 'translation',
  title: 'Translation',
  description:
    'A sentence in one language becomes one in another: a T5 (Raffel et al. 2020) trained from nothing on your pairs, and a memory of sentences translated before.',
  fieldNames: { source: ['src', 'en', 'from'], target: ['tgt', 'zh', 'to', 'translation'] },
  example: pairSchema,
  question: pairSchema.extend({ target: z.string().default('') }),
  settings: settingsSchema,
  searchSpace: {
    width: { kind: 'choice', values: [128, 192, 256] },
    layers: { kind: 'choice', values: [2, 3, 4] },
    dropout: { kind: 'choice', values: [0.1, 0.2, 0.3] },
  },
  leavesOutCopies: true,
  textOf: ({ source }) => source,
  async fit({ train, validation }, context) {
    const folder = await mkdtemp(path.join(tmpdir(), 'moat-translator-'));
    try {
      const translator = await fitTranslator(train, validation, context.settings, { ...context, folder });
      const memory = { pairs: train, nearest: createNearestTexts(train.map(({ source }) => source)) };
      const threshold = validation.length === 0 ? 2 : await chooseThreshold(translator, memory, validation);
      const tokenizerFiles = await Promise.all(
        TOKENIZER_FILES.map(async (name) => [name, await readFile(path.join(folder, name), 'utf8')] as const),
      );
      return {
        predict: (pairs) =>
          answer(
            translator,
            { ...memory, threshold },
            pairs.map(({ source }) => source),
          ),
        facts: {
          architecture: 'T5 and a translation memory',
          parameters: parameterCount(translator.model.parameters),
          steps: translator.steps,
          memoryThreshold: threshold > 1 ? 'never used' : threshold,
        },
        trainedTokens: translator.trainedTokens,
        save: (target) => saveTranslator(target, translator, { pairs: train, threshold }, tokenizerFiles),
      };
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
  load: loadTranslator,
  baselines: [
    {
      name: 'copy of the source',
      fit: async () => ({
        predict: async (pairs) => pairs.map(({ source }): MemoryOutput => ({ text: source, from: 'memory' })),
      }),
    },
    {
      name: 'translation of the nearest training sentence',
      async fit({ train }) {
        const nearest = createNearestTexts(train.map(({ source }) => source));
        return {
          predict: async (pairs) =>
            pairs.map(({ source }): MemoryOutput => ({
              text: train[nearest.find(source)?.index ?? 0]?.target ?? '',
              from: 'memory',
            })),
        };
      },
    },
  ],
  metrics: [
    fromStatistics(
      { name: 'chrF', better: 'higher', signature: chrfSignature(1) },
      (output, { target }) => chrfStatistics(output, [target]),
      chrfOf,
    ),
    bleuMetric('zh', 'BLEU into Chinese', isChinese),
    bleuMetric('13a', 'BLEU into others', (pair) => !isChinese(pair)),
    fromStatistics(
      { name: 'chrF++', better: 'higher', signature: chrfSignature(1, { wordOrder: 2 }) },
      (output, { target }) => chrfStatistics(output, [target], { wordOrder: 2 }),
      chrfOf,
    ),
    fromStatistics({ name: 'TER', better: 'lower' }, (output, { target }) => terStatistics(output, [target]), terOf),
  ],
  slices: ({ source }) => ({
    length: source.length < 40 ? 'under 40' : source.length < 120 ? '40 to 119' : '120 and more',
  }),
  show: ({ source, target }, output) => ({
    input: source,
    expected: target,
    given: `${output.text}${output.from === 'memory' ? ' (from memory)' : ''}`,
    badness: 100 - chrfOf(chrfStatistics(output.text, [target])),
  }),
  asked: {
    maxTokens: 400,
    messages({ source }, { train }) {
      const [from, into] = [train[0]?.source ?? '', train[0]?.target ?? ''].map((sample) =>
        languageNames.of(scriptOf(sample) === 'zh' ? 'zh' : 'en'),
      );
      const shown = train.slice(0, 3).map((pair) => `${pair.source}\n→ ${pair.target}`);
      return [
        {
          role: 'system',
          content: `Translate from ${from} into ${into}, in the manner of these samples. Answer with the translation alone.\n\n${shown.join('\n\n')}`,
        },
        { role: 'user', content: source },
      ];
    },
    read: (said) => ({ text: said.replace(/^→\s*/, ''), from: 'model' }),
    unreadable: { text: '', from: 'model' },
  },
};

const TOKENIZER_FILES = ['tokenizer.json', 'tokenizer_config.json'];
const FACTS_FILE = 'translator.json';
const WEIGHTS_FILE = 'model.safetensors';
const factsSchema = z.object({ kind: z.literal('translator'), threshold: z.number(), pairs: z.array(pairSchema) });

async function saveTranslator(
  folder: string,
  { model, weights }: TrainedTranslator,
  { pairs, threshold }: Pick<Memory, 'pairs' | 'threshold'>,
  tokenizerFiles: readonly (readonly [string, string])[],
): Promise<void> {
  const config = { architectures: ['T5ForConditionalGeneration'], torch_dtype: 'float32', ...model.config };
  const files = [
    ...tokenizerFiles,
    ['config.json', JSON.stringify(config, undefined, 2)] as const,
    [FACTS_FILE, JSON.stringify({ kind: 'translator', threshold, pairs })] as const,
  ];
  for (const [name, content] of files) await writeFile(path.join(folder, name), content, { flag: 'wx' });
  const tensors = [...weights].map(([name, { data, dims }]) => ({ name, shape: dims, data: data as Float32Array }));
  await writeSafetensors(path.join(folder, WEIGHTS_FILE), tensors, { metadata: { format: 'pt' } });
}

async function loadTranslator(folder: string, _context: TaskContext<Settings>) {
  const file = path.join(folder, FACTS_FILE);
  let facts;
  try {
    facts = factsSchema.parse(JSON.parse(await readFile(file, 'utf8')));
  } catch (error) {
    throw new MoatError('bad-task-model', `${file}: not a translator as Moat writes it`, {
      fix: 'Fit it again.',
      cause: error,
    });
  }
  const configFile = path.join(folder, 'config.json');
  const { model } = readModelConfig(JSON.parse(await readFile(configFile, 'utf8')), configFile);
  if (model.kind !== 'encoder-decoder')
    throw new MoatError('bad-task-model', `${configFile}: not a T5`, { fix: 'Fit it again.' });
  const tensors = await openSafetensors(path.join(folder, WEIGHTS_FILE));
  const weights = new Map<string, Value>();
  try {
    for (const { name, shape } of model.parameters) weights.set(name, floats(await tensors.readFloat32(name), shape));
  } finally {
    await tensors.close();
  }
  const translator = { model, weights, tokenizer: await loadTokenizer(folder) };
  const memory = { ...facts, nearest: createNearestTexts(facts.pairs.map(({ source }) => source)) };
  return {
    predict: (pairs: readonly TextPair[]) =>
      answer(
        translator,
        memory,
        pairs.map(({ source }) => source),
      ),
  };
}

export const translationTask = defineTask(translation);
