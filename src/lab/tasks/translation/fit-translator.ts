/**
 * Trains a T5 from nothing on pairs of sentences: a few thousand teach words and set phrases, not a language. Batches hold
 * pairs of like length; the weights with the lowest loss on the validation pairs are kept.
 */
import type { Clock } from '../../../base/clock.js';
import { MoatError } from '../../../base/errors.js';
import { Rng } from '../../../base/rng.js';
import { createTranslator } from '../../generate/translate.js';
import { initialize } from '../../models/initialize.js';
import type { EncoderDecoderModel } from '../../models/model.js';
import { readModelConfig } from '../../models/registry.js';
import { createKernels } from '../../runtime/kernels.js';
import { type CompileOptions, type Value, floats } from '../../runtime/program.js';
import type { Tokenizer } from '../../tokenizer/tokenizer.js';
import { trainTokenizer } from '../../tokenizer/train-tokenizer.js';
import { type Learner, createLearner } from '../../train/learner.js';
import type { OptimizerSettings } from '../../train/optimizers.js';
import {
  type PairBatch,
  type TokenPair,
  choosePairShapes,
  pairBatches,
  pairFeeds,
  targetTokens,
} from '../../train/pair-batches.js';
import { createParameterStore, trainingBytes } from '../../train/parameter-store.js';
import { learningRateScale } from '../../train/schedule.js';
import { type PairShape, compileTranslationLoss, translationObjective } from '../../train/translation-objective.js';

export interface TextPair {
  readonly source: string;
  readonly target: string;
}

export interface TranslatorSettings {
  readonly seconds: number;
  readonly vocabularySize: number;
  /** Of the model; everything else follows from it. */
  readonly width: number;
  readonly layers: number;
  /** Few pairs are learned by heart without it. */
  readonly dropout: number;
}

const TOKENS_A_BATCH = 1024;
/** Steps between two looks at the validation pairs. */
const EVALUATE_EVERY = 100;
export const MAX_LENGTH = 128;

/**
 * Muon for the matrices, AdamW elsewhere, at a quarter of the language models' rate: T5 does not divide its scores by
 * √headSize, and at 0.02 they grow until attention looks at one token only and nothing more is learned.
 */
const OPTIMIZER: OptimizerSettings = {
  kind: 'muon',
  learningRate: 0.005,
  embeddingLearningRate: 0.02,
  headLearningRate: 0.004,
  vectorLearningRate: 0.01,
  weightDecay: 0.01,
};
const SCHEDULE = { kind: 'wsd', warmupSteps: 20, decayFraction: 0.6, finalScale: 0.02 } as const;

/** T5 in its 1.1 form, untied, started from random numbers. */
function createModel(
  { vocabSize, pad, endOfText }: Tokenizer,
  { width, layers, dropout }: TranslatorSettings,
): EncoderDecoderModel {
  const config = {
    model_type: 't5',
    vocab_size: vocabSize,
    d_model: width,
    d_kv: 64,
    d_ff: 2 * width,
    num_layers: layers,
    num_heads: Math.ceil(width / 64),
    feed_forward_proj: 'gated-gelu',
    tie_word_embeddings: false,
    dropout_rate: dropout,
    decoder_start_token_id: pad,
    pad_token_id: pad,
    eos_token_id: endOfText,
  };
  const { model } = readModelConfig(config, 'a translator');
  if (model.kind !== 'encoder-decoder') throw new Error('T5 is an encoder-decoder');
  return model;
}

export interface TrainedTranslator {
  readonly model: EncoderDecoderModel;
  readonly tokenizer: Tokenizer;
  /** Those with the lowest validation loss. */
  readonly weights: ReadonlyMap<string, Value>;
  /** Nats a target token. */
  readonly validationLoss: number;
  readonly steps: number;
  /** Target tokens trained on. */
  readonly trainedTokens: number;
}

export interface TranslatorContext {
  /** Where the tokenizer's files go. */
  readonly folder: string;
  readonly clock: Clock;
  readonly seed: number;
  readonly threads: number | undefined;
  readonly signal?: AbortSignal;
  readonly onProgress?: (fraction: number, text: string) => void;
}

/** @throws MoatError `training-diverged` */
export async function fitTranslator(
  train: readonly TextPair[],
  validation: readonly TextPair[],
  settings: TranslatorSettings,
  { folder, clock, seed, threads, signal, onProgress }: TranslatorContext,
): Promise<TrainedTranslator> {
  const texts = train.flatMap(({ source, target }) => [source, target]);
  const tokenizer = await trainTokenizer(folder, texts, { vocabularySize: settings.vocabularySize });
  const encode = (text: string): number[] => [...tokenizer.encode(text), tokenizer.endOfText];
  const encodeAll = (list: readonly TextPair[]): TokenPair[] =>
    list.map(({ source, target }) => ({ source: encode(source), target: encode(target) }));
  const [trained, measured] = [encodeAll(train), encodeAll(validation)];
  const shapes = choosePairShapes(trained, { tokensPerBatch: TOKENS_A_BATCH, maxLength: MAX_LENGTH });
  const model = createModel(tokenizer, settings);
  const special = { startToken: model.startToken, padToken: padOf(tokenizer) };
  const compiling = threads === undefined ? {} : { threads };
  const { gather, learner, close } = await createLearners(model, shapes, seed, compiling);
  const measure = await createMeasure(model, shapes, measured, special, compiling);
  let best = { validationLoss: Infinity, weights: copyOf(learner.parameters()) };
  let [step, running, trainedTokens] = [0, 0, 0];
  const look = async (): Promise<void> => {
    const validationLoss = await measure(learner.parameters());
    if (!(validationLoss >= best.validationLoss)) best = { validationLoss, weights: copyOf(learner.parameters()) };
  };
  const started = clock.monotonic();
  const progress = (): number => (clock.monotonic() - started) / (settings.seconds * 1000);
  const isOver = (): boolean => progress() >= 1 || signal?.aborted === true;
  try {
    for (let epoch = 0; !isOver(); epoch++) {
      for (const batch of pairBatches(trained, shapes, seed + epoch)) {
        if (isOver()) break;
        step++;
        const loss = await gather(batch.shape, pairFeeds(batch, special), step);
        await learner.update(step, learningRateScale(SCHEDULE, step, Math.min(1, progress())));
        trainedTokens += targetTokens(batch);
        running = step === 1 ? loss : 0.95 * running + 0.05 * loss;
        if (step % EVALUATE_EVERY === 0) await look();
        onProgress?.(
          Math.min(1, progress()),
          `step ${step}, loss ${running.toFixed(2)}, validation ${best.validationLoss.toFixed(2)}`,
        );
      }
    }
    await look();
  } finally {
    await measure.close();
    await close();
  }
  return { model, tokenizer, steps: step, trainedTokens, ...best };
}

const copyOf = (parameters: ReadonlyMap<string, Value>): Map<string, Value> =>
  new Map([...parameters].map(([name, { data, dims }]) => [name, floats((data as Float32Array).slice(), dims)]));

/**
 * One program a shape. They share the parameters and their gradients: each computes gradients for batches of its shape,
 * and the first, which alone holds an optimizer that counts, moves the parameters.
 */
async function createLearners(
  model: EncoderDecoderModel,
  shapes: readonly PairShape[],
  seed: number,
  compiling: CompileOptions,
) {
  const bytes = trainingBytes(model.parameters);
  const kernels = createKernels(bytes * shapes.length);
  const store = createParameterStore(kernels, model.parameters);
  const rng = Rng.fromSeed(seed);
  for (const { spec, value } of store.parameters) initialize(spec, value.view(), rng);
  const learners = new Map<PairShape, Learner>();
  for (const [index, shape] of shapes.entries()) {
    const objective = translationObjective(model, { ...shape, labelSmoothing: 0.1 });
    const optimizer: OptimizerSettings = index === 0 ? OPTIMIZER : { ...OPTIMIZER, kind: 'sgd' };
    learners.set(shape, await createLearner({ store, objective, optimizer, clipNorm: 1, seed, ...compiling }));
  }
  return {
    learner: learners.get(shapes[0] as PairShape) as Learner,
    async gather(shape: PairShape, feeds: Record<string, Value>, step: number): Promise<number> {
      const { loss } = await (learners.get(shape) as Learner).accumulate(feeds, { step, micro: 0 });
      if (!Number.isFinite(loss)) throw new MoatError('training-diverged', `step ${step}: the loss is not a number`);
      return loss;
    },
    async close() {
      for (const learner of learners.values()) await learner.close();
    },
  };
}

/** Measures the loss on pairs that were not trained on: nats a target token. */
async function createMeasure(
  model: EncoderDecoderModel,
  shapes: readonly PairShape[],
  pairs: readonly TokenPair[],
  special: { startToken: number; padToken: number },
  compiling: CompileOptions,
) {
  const programs = new Map(
    await Promise.all(
      shapes.map(async (shape) => [shape, await compileTranslationLoss(model, shape, compiling)] as const),
    ),
  );
  const batches: PairBatch[] = pairBatches(pairs, shapes, 0);
  const total = batches.reduce((count, batch) => count + targetTokens(batch), 0);
  const measure = async (parameters: ReadonlyMap<string, Value>): Promise<number> => {
    let nats = 0;
    for (const batch of batches) {
      const feeds = { ...Object.fromEntries(parameters), ...pairFeeds(batch, special) };
      const results = await programs.get(batch.shape)?.run(feeds);
      nats += Number(results?.['loss']?.data[0]) * targetTokens(batch);
    }
    return nats / total;
  };
  const close = async (): Promise<void> => {
    for (const program of programs.values()) await program.close();
  };
  return Object.assign(measure, { close });
}

function padOf({ pad }: Tokenizer): number {
  if (pad === undefined) throw new Error('a tokenizer of ours has a token for padding');
  return pad;
}

/** Greedy translations, in order. */
export async function translateAll(
  { model, tokenizer, weights }: Pick<TrainedTranslator, 'model' | 'tokenizer' | 'weights'>,
  sources: readonly string[],
): Promise<string[]> {
  const { endOfText } = tokenizer;
  const translator = await createTranslator(model, weights, { endToken: endOfText, padToken: padOf(tokenizer) });
  const encoded = sources.map((source) => [...tokenizer.encode(source), endOfText].slice(-MAX_LENGTH));
  const targets = await translator.translate(encoded, MAX_LENGTH);
  await translator.close();
  return targets.map((ids) => tokenizer.decode(ids));
}
