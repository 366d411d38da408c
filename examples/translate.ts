/**
 * Trains a translator on your own pairs of sentences, from nothing, and shows what it learned:
 *
 *     npx tsx examples/translate.ts pairs.jsonl --from en --to zh --minutes 5
 *
 * Each line of the file is a JSON object with a text in both languages: {"en": "Good morning", "zh": "早上好"}. Read from
 * the top: pairs → tokenizer → T5 → batches of like length → training → held-out loss → translations. A few thousand
 * pairs teach words and set phrases, not a language: expect sense on sentences like those of the file, and no others.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { MoatError } from '../src/base/errors.js';
import { Rng } from '../src/base/rng.js';
import { createTranslator } from '../src/lab/generate/translate.js';
import { initialize } from '../src/lab/models/initialize.js';
import type { EncoderDecoderModel } from '../src/lab/models/model.js';
import { parameterCount } from '../src/lab/models/model.js';
import { readModelConfig } from '../src/lab/models/registry.js';
import { createKernels } from '../src/lab/runtime/kernels.js';
import { type Value, floats } from '../src/lab/runtime/program.js';
import type { Tokenizer } from '../src/lab/tokenizer/tokenizer.js';
import { trainTokenizer } from '../src/lab/tokenizer/train-tokenizer.js';
import { type Learner, createLearner } from '../src/lab/train/learner.js';
import type { OptimizerSettings } from '../src/lab/train/optimizers.js';
import {
  type PairBatch,
  type TokenPair,
  choosePairShapes,
  pairBatches,
  pairFeeds,
  targetTokens,
} from '../src/lab/train/pair-batches.js';
import { createParameterStore, trainingBytes } from '../src/lab/train/parameter-store.js';
import { learningRateScale } from '../src/lab/train/schedule.js';
import {
  type PairShape,
  compileTranslationLoss,
  translationObjective,
} from '../src/lab/train/translation-objective.js';

export interface TextPair {
  readonly source: string;
  readonly target: string;
}

export interface TranslateSettings {
  readonly minutes: number;
  readonly vocabularySize: number;
  /** Of the model; everything else follows from it. */
  readonly width: number;
  readonly layers: number;
  /** Few pairs are learned by heart without it. */
  readonly dropout: number;
  readonly tokensPerBatch: number;
  /** Steps between two looks at the held-out pairs. */
  readonly evaluateEvery: number;
  readonly seed: number;
}

export const DEFAULTS: TranslateSettings = {
  minutes: 5,
  vocabularySize: 3000,
  width: 192,
  layers: 3,
  dropout: 0.2,
  tokensPerBatch: 1024,
  evaluateEvery: 100,
  seed: 1,
};

const MAX_LENGTH = 128;
const HELD_OUT_SHARE = 0.05;
const MAX_HELD_OUT = 200;
const SHOWN = 6;

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

/** @throws MoatError `bad-pairs` naming the line, or when there are too few */
export async function readPairs(file: string, from: string, to: string): Promise<TextPair[]> {
  const pairs = new Map<string, TextPair>();
  for (const [index, line] of (await readFile(file, 'utf8')).split('\n').entries()) {
    if (line.trim() === '') continue;
    const { [from]: source, [to]: target } = parseLine(line, `${file}:${index + 1}`);
    if (typeof source !== 'string' || typeof target !== 'string') {
      throw new MoatError('bad-pairs', `${file}:${index + 1}: no text under "${from}" and "${to}"`, {
        fix: 'Name the two fields with --from and --to.',
      });
    }
    // a source only once, so that no held-out sentence was trained on
    if (source.trim() !== '' && target.trim() !== '') pairs.set(source, { source, target });
  }
  if (pairs.size >= 20) return [...pairs.values()];
  throw new MoatError('bad-pairs', `${file}: ${pairs.size} pairs`, { fix: 'Give at least 20; thousands are better.' });
}

function parseLine(line: string, place: string): Record<string, unknown> {
  try {
    return Object(JSON.parse(line)) as Record<string, unknown>;
  } catch (error) {
    throw new MoatError('bad-pairs', `${place}: not JSON`, { fix: 'Write one JSON object a line.', cause: error });
  }
}

/** Shuffled by the seed; every twentieth pair is kept aside to measure on. */
export function splitPairs(pairs: readonly TextPair[], seed: number): { train: TextPair[]; heldOut: TextPair[] } {
  const shuffled = Rng.fromSeed(seed).shuffle([...pairs]);
  const count = Math.min(MAX_HELD_OUT, Math.ceil(shuffled.length * HELD_OUT_SHARE));
  return { train: shuffled.slice(count), heldOut: shuffled.slice(0, count) };
}

/** T5 in its 1.1 form, untied, started from random numbers. */
export function createModel(
  { vocabSize, pad, endOfText }: Tokenizer,
  settings: TranslateSettings,
): EncoderDecoderModel {
  const { width, layers, dropout } = settings;
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
  const { model } = readModelConfig(config, 'examples/translate.ts');
  if (model.kind !== 'encoder-decoder') throw new Error('T5 is an encoder-decoder');
  return model;
}

export interface TrainedTranslator {
  readonly model: EncoderDecoderModel;
  readonly tokenizer: Tokenizer;
  /** Those with the lowest held-out loss. */
  readonly weights: ReadonlyMap<string, Value>;
  /** Nats a target token. */
  readonly heldOutLoss: number;
  readonly steps: number;
}

/** @param folder where the tokenizer's files go @param print a line of progress @param now milliseconds */
export async function train(
  pairs: { readonly train: readonly TextPair[]; readonly heldOut: readonly TextPair[] },
  settings: TranslateSettings,
  { folder, print, now }: { folder: string; print: (line: string) => void; now: () => number },
): Promise<TrainedTranslator> {
  const texts = pairs.train.flatMap(({ source, target }) => [source, target]);
  const tokenizer = await trainTokenizer(folder, texts, { vocabularySize: settings.vocabularySize });
  const encode = (text: string): number[] => [...tokenizer.encode(text), tokenizer.endOfText];
  const encodeAll = (list: readonly TextPair[]): TokenPair[] =>
    list.map(({ source, target }) => ({ source: encode(source), target: encode(target) }));
  const [trained, heldOut] = [encodeAll(pairs.train), encodeAll(pairs.heldOut)];
  const shapes = choosePairShapes(trained, { tokensPerBatch: settings.tokensPerBatch, maxLength: MAX_LENGTH });
  const model = createModel(tokenizer, settings);
  print(`${(parameterCount(model.parameters) / 1e6).toFixed(1)} M parameters, vocabulary ${tokenizer.vocabSize}`);
  print(`batches: ${shapes.map(({ batchSize, length }) => `${batchSize} × ${length} tokens`).join(', ')}`);
  const special = { startToken: model.startToken, padToken: padOf(tokenizer) };
  const { gather, learner, close } = await createLearners(model, shapes, settings.seed);
  const measure = await createMeasure(model, shapes, heldOut, special);
  let best = { heldOutLoss: Infinity, weights: copyOf(learner.parameters()) };
  let step = 0;
  let running = 0;
  const started = now();
  const progress = (): number => (now() - started) / (settings.minutes * 60_000);
  for (let epoch = 0; progress() < 1; epoch++) {
    for (const batch of pairBatches(trained, shapes, settings.seed + epoch)) {
      if (progress() >= 1) break;
      step++;
      const loss = await gather(batch.shape, pairFeeds(batch, special), step);
      await learner.update(step, learningRateScale(SCHEDULE, step, progress()));
      running = step === 1 ? loss : 0.95 * running + 0.05 * loss;
      if (step % settings.evaluateEvery !== 0) continue;
      const heldOutLoss = await measure(learner.parameters());
      if (heldOutLoss < best.heldOutLoss) best = { heldOutLoss, weights: copyOf(learner.parameters()) };
      const seconds = ((now() - started) / 1000).toFixed(0);
      print(
        `${seconds} s, step ${step}, epoch ${epoch + 1}: loss ${running.toFixed(3)}, held out ${heldOutLoss.toFixed(3)}`,
      );
    }
  }
  const last = await measure(learner.parameters());
  if (last < best.heldOutLoss) best = { heldOutLoss: last, weights: copyOf(learner.parameters()) };
  await measure.close();
  await close();
  return { model, tokenizer, steps: step, ...best };
}

const copyOf = (parameters: ReadonlyMap<string, Value>): Map<string, Value> =>
  new Map([...parameters].map(([name, { data, dims }]) => [name, floats((data as Float32Array).slice(), dims)]));

/**
 * One program a shape. They share the parameters and their gradients: each computes gradients for batches of its shape,
 * and the first, which alone holds an optimizer that counts, moves the parameters.
 */
async function createLearners(model: EncoderDecoderModel, shapes: readonly PairShape[], seed: number) {
  const bytes = trainingBytes(model.parameters);
  const kernels = createKernels(bytes * shapes.length);
  const store = createParameterStore(kernels, model.parameters);
  const rng = Rng.fromSeed(seed);
  for (const { spec, value } of store.parameters) initialize(spec, value.view(), rng);
  const learners = new Map<PairShape, Learner>();
  for (const [index, shape] of shapes.entries()) {
    const objective = translationObjective(model, { ...shape, labelSmoothing: 0.1 });
    const optimizer: OptimizerSettings = index === 0 ? OPTIMIZER : { ...OPTIMIZER, kind: 'sgd' };
    learners.set(shape, await createLearner({ store, objective, optimizer, clipNorm: 1, seed }));
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
  heldOut: readonly TokenPair[],
  special: { startToken: number; padToken: number },
) {
  const programs = new Map(
    await Promise.all(shapes.map(async (shape) => [shape, await compileTranslationLoss(model, shape)] as const)),
  );
  const batches: PairBatch[] = pairBatches(heldOut, shapes, 0);
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
export async function translate(
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

async function main(): Promise<void> {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: { from: { type: 'string' }, to: { type: 'string' }, minutes: { type: 'string', default: '5' } },
  });
  const print = (line: string): void => void process.stdout.write(`${line}\n`);
  const [file] = positionals;
  const minutes = Number(values.minutes);
  if (file === undefined || values.from === undefined || values.to === undefined || !(minutes > 0)) {
    throw new MoatError('usage', 'usage: npx tsx examples/translate.ts FILE --from en --to zh [--minutes 5]');
  }
  const pairs = splitPairs(await readPairs(file, values.from, values.to), DEFAULTS.seed);
  print(`${pairs.train.length} pairs to train on, ${pairs.heldOut.length} held out`);
  const folder = await mkdtemp(path.join(tmpdir(), 'translate-'));
  try {
    const now = (): number => performance.now();
    const translator = await train(pairs, { ...DEFAULTS, minutes }, { folder, print, now });
    print(`held-out loss ${translator.heldOutLoss.toFixed(3)} nats a token after ${translator.steps} steps\n`);
    const shown = pairs.heldOut.slice(0, SHOWN);
    const translations = await translate(
      translator,
      shown.map(({ source }) => source),
    );
    for (const [index, { source, target }] of shown.entries())
      print(`source     ${source}\nreference  ${target}\nours       ${translations[index]}\n`);
  } finally {
    await rm(folder, { recursive: true });
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  await main().catch((error: unknown) => {
    process.stderr.write(`${error instanceof MoatError ? error.line : String(error)}\n`);
    process.exitCode = 1;
  });
}
