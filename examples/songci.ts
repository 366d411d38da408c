/**
 * Trains a recurrent model to write poems, character by character, from your own file, and shows what it writes:
 *
 *     npx tsx examples/songci.ts poems.jsonl --model text_generator --epochs 10
 *
 * Each line of a `.jsonl` file is an object with a `text`; of any other file the paragraphs are the poems. Read from the
 * top: poems → characters → chunks → training → greedy and sampled continuations. `text_generator` reads the poems as one
 * stream and carries its state from chunk to chunk; `big_model`, whose attention looks back within a chunk, reads chunks in
 * shuffled order. A minute of training teaches punctuation and line lengths; phrases take an hour, sense takes more.
 */
import { readFile } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { MoatError } from '../src/base/errors.js';
import { Rng } from '../src/base/rng.js';
import { createKeyValueCache } from '../src/lab/generate/key-value-cache.js';
import { nextStateName as steppedStateName, stateName } from '../src/lab/generate/recurrent-states.js';
import { type DrawSettings, sampleToken } from '../src/lab/generate/sampler.js';
import { type StepPrograms, compileStepPrograms } from '../src/lab/generate/step-programs.js';
import { elementCount } from '../src/lab/graph/dims.js';
import { initialize } from '../src/lab/models/initialize.js';
import { type CausalModel, parameterCount } from '../src/lab/models/model.js';
import { readCausalModel } from '../src/lab/models/registry.js';
import { createKernels } from '../src/lab/runtime/kernels.js';
import { type Value, floats, integers } from '../src/lab/runtime/program.js';
import { type Batch, createBatchLoader, createLaneLoader } from '../src/lab/train/batches.js';
import { carriedStateName, languageObjective, nextStateName } from '../src/lab/train/language-objective.js';
import { createLearner } from '../src/lab/train/learner.js';
import { createParameterStore, trainingBytes } from '../src/lab/train/parameter-store.js';
import { learningRateScale } from '../src/lab/train/schedule.js';

export interface SongciSettings {
  readonly model: 'text_generator' | 'big_model';
  readonly epochs: number;
  readonly batchSize: number;
  readonly sequenceLength: number;
  readonly embeddingSize: number;
  readonly hiddenSize: number;
  readonly layers: number;
  /** The most frequent characters are kept, the others are one unknown character. */
  readonly vocabularySize: number;
  readonly learningRate: number;
  readonly seed: number;
}

export const DEFAULTS: Readonly<Record<SongciSettings['model'], SongciSettings>> = {
  text_generator: {
    model: 'text_generator',
    epochs: 10,
    batchSize: 16,
    sequenceLength: 64,
    embeddingSize: 128,
    hiddenSize: 256,
    layers: 2,
    vocabularySize: 10_000,
    learningRate: 4e-3,
    seed: 1,
  },
  big_model: {
    model: 'big_model',
    epochs: 10,
    batchSize: 16,
    sequenceLength: 64,
    embeddingSize: 256,
    hiddenSize: 512,
    layers: 1,
    vocabularySize: 10_000,
    learningRate: 2e-3,
    seed: 1,
  },
};

const OPENING = '我是一名程序员';
const CONTINUED = 40;
const SAMPLING: DrawSettings = { temperature: 0.8, topK: 40, topP: 0.95, minP: 0 };
const GREEDY: DrawSettings = { temperature: 0, topK: 0, topP: 1, minP: 0 };
const SCHEDULE = { kind: 'cosine', warmupSteps: 20, decayFraction: 1, finalScale: 0.1 } as const;
/** Beyond it a model of this kind has nothing left to carry over from the beginning. */
const CONTEXT = 1024;

/** @throws MoatError `bad-poems` naming the line, or when the file holds none */
export async function readPoems(file: string): Promise<string[]> {
  const content = await readFile(file, 'utf8');
  const poems = file.endsWith('.jsonl')
    ? content.split('\n').flatMap((line, index) => (line.trim() === '' ? [] : [textOf(line, `${file}:${index + 1}`)]))
    : content.split(/\n\s*\n/);
  const kept = poems.map((poem) => poem.trim()).filter((poem) => poem !== '');
  if (kept.length > 0) return kept;
  throw new MoatError('bad-poems', `${file}: no text in it`, { fix: 'Give JSON lines with a "text", or plain text.' });
}

function textOf(line: string, place: string): string {
  try {
    const { text } = Object(JSON.parse(line)) as { text?: unknown };
    if (typeof text === 'string') return text;
  } catch (error) {
    throw new MoatError('bad-poems', `${place}: not JSON`, { fix: 'Write one JSON object a line.', cause: error });
  }
  throw new MoatError('bad-poems', `${place}: no text under "text"`, { fix: 'Name the field "text".' });
}

/** Characters as numbers, the most frequent first. */
export interface Characters {
  readonly size: number;
  /** Ends a poem. */
  readonly end: number;
  encode(text: string): number[];
  decode(ids: readonly number[]): string;
}

const END = 0;
const UNKNOWN = 1;

export function countCharacters(poems: readonly string[], vocabularySize: number): Characters {
  const counts = new Map<string, number>();
  for (const poem of poems) for (const character of poem) counts.set(character, (counts.get(character) ?? 0) + 1);
  const byCount = [...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1)).map(([character]) => character);
  const known = ['', '□', ...byCount.slice(0, vocabularySize - 2)];
  const ids = new Map(known.map((character, id) => [character, id]));
  return {
    size: known.length,
    end: END,
    encode: (text) => Array.from(text, (character) => ids.get(character) ?? UNKNOWN),
    decode: (list) => list.map((id) => known[id] ?? '').join(''),
  };
}

/** @throws MoatError `bad-model-config` for sizes that do not fit together */
export function createModel(settings: SongciSettings, characters: Characters): CausalModel {
  const config = {
    model_type: settings.model,
    // big_model has the size it is known by, however few characters there are
    vocab_size: settings.model === 'big_model' ? settings.vocabularySize : characters.size,
    embedding_size: settings.embeddingSize,
    hidden_size: settings.hiddenSize,
    num_layers: settings.layers,
    max_position_embeddings: CONTEXT,
    eos_token_id: characters.end,
  };
  return readCausalModel(config, 'examples/songci.ts').model;
}

export interface TrainedPoet {
  readonly model: CausalModel;
  readonly characters: Characters;
  readonly weights: ReadonlyMap<string, Value>;
  /** Mean nats a character of each epoch. */
  readonly losses: readonly number[];
}

/** @param print a line of progress */
export async function train(
  poems: readonly string[],
  settings: SongciSettings,
  print: (line: string) => void,
): Promise<TrainedPoet> {
  const { batchSize, sequenceLength, epochs, learningRate, seed } = settings;
  const characters = countCharacters(poems, settings.vocabularySize);
  const stream = poems.flatMap((poem) => [...characters.encode(poem), characters.end]);
  const model = createModel(settings, characters);
  const makeLoader = settings.model === 'text_generator' ? createLaneLoader : createBatchLoader;
  const loader = makeLoader(stream, { batchSize, sequenceLength, seed });
  const stepsPerEpoch = Math.max(1, Math.floor(loader.windowCount / batchSize));
  print(
    `${stream.length} characters, ${characters.size} different; ${(parameterCount(model.parameters) / 1e6).toFixed(1)} M ` +
      `parameters; ${stepsPerEpoch} steps an epoch`,
  );
  const store = createParameterStore(createKernels(trainingBytes(model.parameters)), model.parameters);
  const rng = Rng.fromSeed(seed);
  for (const { spec, value } of store.parameters) initialize(spec, value.view(), rng);
  const rates = {
    learningRate,
    embeddingLearningRate: learningRate,
    headLearningRate: learningRate,
    vectorLearningRate: learningRate,
  };
  const learner = await createLearner({
    store,
    objective: languageObjective(model, { batchSize, sequenceLength }),
    optimizer: { kind: 'adamw', ...rates, weightDecay: 0.01, betas: [0.9, 0.99] },
    clipNorm: 1,
    seed,
  });
  const losses: number[] = [];
  let carried = zeroStates(model, batchSize);
  for (let step = 1; step <= epochs * stepsPerEpoch; step++) {
    const batch = loader.next();
    if (!batch.continues) carried = zeroStates(model, batchSize);
    const scale = learningRateScale(SCHEDULE, step, (step - 1) / (epochs * stepsPerEpoch));
    const feeds = { ...feedsOf(batch, settings), ...named(carried, carriedStateName) };
    const { loss, outputs } = await learner.step(feeds, scale);
    if (!Number.isFinite(loss)) throw new MoatError('training-diverged', `step ${step}: the loss is not a number`);
    carried = carried.map((_, index) => outputs[nextStateName(index)] as Value);
    const epoch = Math.ceil(step / stepsPerEpoch);
    losses[epoch - 1] = (losses[epoch - 1] ?? 0) + loss / stepsPerEpoch;
    if (step % stepsPerEpoch === 0) print(`Epoch ${epoch}/${epochs}  Loss ${(losses[epoch - 1] as number).toFixed(3)}`);
  }
  const weights = copyOf(learner.parameters());
  await learner.close();
  return { model, characters, weights, losses };
}

function feedsOf({ tokens, targets }: Batch, { batchSize, sequenceLength }: SongciSettings): Record<string, Value> {
  const count = batchSize * sequenceLength;
  return {
    tokens: { data: tokens, dims: [batchSize, sequenceLength], dtype: 'int64' },
    targets: { data: targets, dims: [count], dtype: 'int64' },
    weights: floats(new Float32Array(count).fill(1 / count), [count]),
  };
}

function zeroStates({ cacheShape }: CausalModel, batchSize: number): Value[] {
  return cacheShape.states.map((shape) => {
    const dims = [batchSize, ...shape];
    return floats(new Float32Array(elementCount(dims)), dims);
  });
}

const named = (values: readonly Value[], nameOf: (index: number) => string): Record<string, Value> =>
  Object.fromEntries(values.map((value, index) => [nameOf(index), value]));

const copyOf = (parameters: ReadonlyMap<string, Value>): Map<string, Value> =>
  new Map([...parameters].map(([name, { data, dims }]) => [name, floats((data as Float32Array).slice(), dims)]));

export interface Poet {
  /** What follows an opening, to the end of the poem or `length` characters. */
  write(opening: string, sampler: DrawSettings, length: number): Promise<string>;
  close(): Promise<void>;
}

/** Writes with the serving form of the model: the opening in one run, then a character a run. */
export async function createPoet({ model, characters, weights }: TrainedPoet, seed: number): Promise<Poet> {
  const programs = await compileStepPrograms(model, weights);
  const rng = Rng.fromSeed(seed);
  return {
    async write(opening, sampler, length) {
      const read = createReader(model, programs);
      const written: number[] = [];
      // the end of one poem is the beginning of the next
      let logits = await read([characters.end, ...characters.encode(opening)]);
      while (written.length < length) {
        const next = sampleToken(logits.subarray(0, characters.size), sampler, rng);
        if (next === characters.end) break;
        written.push(next);
        logits = await read([next]);
      }
      return characters.decode(written);
    },
    close: () => programs.close(),
  };
}

/** Reads on from what it has read so far. @returns logits of the next character */
function createReader({ cacheShape, config }: CausalModel, { prefill, decode }: StepPrograms) {
  const cache = createKeyValueCache(cacheShape, 1, config.max_position_embeddings);
  const slot = cache.open();
  let states = cacheShape.states.map((shape) => floats(new Float32Array(elementCount(shape)), [1, ...shape]));
  return async (tokens: readonly number[]): Promise<Float32Array> => {
    const [start, time] = [cache.lengthOf(slot), tokens.length];
    cache.reserve(start + time);
    const later = Float32Array.from({ length: time * time }, (_, i) => (i % time > Math.floor(i / time) ? -1e9 : 0));
    const results = await (start === 0 ? prefill : decode).run({
      ...cache.feeds(slot, 1),
      ...named(states, stateName),
      tokens: integers(tokens, [1, time]),
      positions: integers(
        tokens.map((_, i) => start + i),
        [1, time],
      ),
      causalMask: floats(later, [time, time]),
      lastRow: integers([time - 1], [1]),
    });
    cache.append(slot, 1, time, results);
    states = states.map((_, index) => results[steppedStateName(index)] as Value);
    return results['logits']?.data as Float32Array;
  };
}

/** The first line of a poem, up to and with its first mark. */
export const firstLine = (poem: string): string => /^[^。！？\n]*[。！？]?/u.exec(poem)?.[0] ?? poem;

/** Whole poems from the top, until they hold this many characters. */
export function takeCharacters(poems: readonly string[], limit: number): string[] {
  let taken = 0;
  return poems.filter((poem) => {
    const fits = taken < limit;
    taken += poem.length;
    return fits;
  });
}

async function main(): Promise<void> {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: {
      model: { type: 'string', default: 'text_generator' },
      epochs: { type: 'string', default: '10' },
      characters: { type: 'string', default: 'Infinity' },
    },
  });
  const print = (line: string): void => void process.stdout.write(`${line}\n`);
  const [file] = positionals;
  const { [values.model as SongciSettings['model']]: defaults } = DEFAULTS;
  const [epochs, limit] = [Number(values.epochs), Number(values.characters)];
  if (file === undefined || defaults === undefined || !Number.isInteger(epochs) || epochs < 1 || !(limit > 0)) {
    const options = '[--model text_generator|big_model] [--epochs 10] [--characters 60000]';
    throw new MoatError('usage', `usage: npx tsx examples/songci.ts FILE ${options}`);
  }
  const poems = takeCharacters(await readPoems(file), limit);
  const trained = await train(poems, { ...defaults, epochs }, print);
  const poet = await createPoet(trained, defaults.seed);
  for (const opening of [OPENING, firstLine(poems[0] as string)]) {
    for (const [kind, sampler] of Object.entries({ greedy: GREEDY, sampled: SAMPLING })) {
      print(`\n${kind}: ${opening} → ${await poet.write(opening, sampler, CONTINUED)}`);
    }
  }
  await poet.close();
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  await main().catch((error: unknown) => {
    process.stderr.write(`${error instanceof MoatError ? error.line : String(error)}\n`);
    process.exitCode = 1;
  });
}
