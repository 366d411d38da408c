/**
 * Trains a classifier on examples that fit in memory, epoch by epoch, and keeps the weights of the epoch that did best
 * on the validation examples. Knows arrays of numbers, not files or columns.
 */
import { Rng } from '../../base/rng.js';
import { elementCount } from '../graph/dims.js';
import { crossEntropy, softmax } from '../graph/ops/normalize.js';
import { mul } from '../graph/ops/arithmetic.js';
import { sum } from '../graph/ops/reshape.js';
import { type Tensor, input } from '../graph/tensor.js';
import { initialize } from '../models/initialize.js';
import { type ClassifierModel, INFERENCE } from '../models/model.js';
import { createKernels } from '../runtime/kernels.js';
import { type CompileOptions, type Value, compile, floats, integers } from '../runtime/program.js';
import { createLearner } from './learner.js';
import { type BuildObjective, parameterInputs } from './objective.js';
import type { OptimizerSettings } from './optimizers.js';
import { createParameterStore, trainingBytes } from './parameter-store.js';
import { type ScheduleSettings, learningRateScale } from './schedule.js';

export interface LabelledExamples {
  /** `[count, ...model.input.shape]`, row by row. */
  readonly inputs: Float32Array;
  /** A class each. */
  readonly labels: ArrayLike<number>;
}

export interface FitEpoch {
  /** 1-based. */
  readonly epoch: number;
  /** Mean nats an example over the epoch's batches. */
  readonly trainingLoss: number;
  /** Mean nats an example; NaN without validation examples. */
  readonly validationLoss: number;
}

export interface FitOptions extends CompileOptions {
  readonly epochs: number;
  readonly batchSize: number;
  readonly optimizer: OptimizerSettings;
  readonly schedule: ScheduleSettings;
  readonly labelSmoothing?: number;
  readonly seed: number;
  readonly validation?: LabelledExamples;
  /** Epochs without a lower validation loss after which training ends; never when absent. */
  readonly patience?: number;
  /** Changes a copy of one example before it is trained on. */
  readonly augment?: (example: Float32Array, rng: Rng) => void;
  readonly onEpoch?: (epoch: FitEpoch) => void;
}

export interface FittedClassifier {
  readonly weights: ReadonlyMap<string, Value>;
  /** The epoch the weights are from. */
  readonly epoch: number;
}

/** Feeds `x` `[rows, ...]`, `labels` and `weights` `[rows]`; loss = Σ weight · nats. */
export function classifierObjective(model: ClassifierModel, rows: number, labelSmoothing = 0): BuildObjective {
  return (parameters, pass) => {
    const x = input('x', [rows, ...model.input.shape], model.input.dtype);
    const labels = input('labels', [rows], 'int64');
    const weights = input('weights', [rows]);
    const nats = crossEntropy(model.forward(parameters, x, pass), labels, labelSmoothing);
    return { inputs: [x, labels, weights], loss: sum(mul(nats, weights)) };
  };
}

/** @throws RangeError when there are no examples */
export async function fitClassifier(
  model: ClassifierModel,
  examples: LabelledExamples,
  options: FitOptions,
): Promise<FittedClassifier> {
  const { epochs, seed, optimizer, validation, patience = Infinity, onEpoch, labelSmoothing, ...rest } = options;
  const count = examples.labels.length;
  if (count === 0) throw new RangeError('there are no examples to learn from');
  const batchSize = Math.min(options.batchSize, count);
  const store = createParameterStore(createKernels(trainingBytes(model.parameters)), model.parameters);
  const rng = Rng.fromSeed(seed);
  for (const { spec, value } of store.parameters) initialize(spec, value.view(), rng);
  const objective = classifierObjective(model, batchSize, labelSmoothing);
  const learner = await createLearner({ store, objective, optimizer, seed, clipNorm: 1, ...compiling(rest) });
  const batchCount = Math.ceil(count / batchSize);
  let best: (FittedClassifier & { readonly loss: number }) | undefined;
  try {
    for (let epoch = 1; epoch <= epochs; epoch++) {
      const order = rng.shuffle(Array.from({ length: count }, (_, index) => index));
      let total = 0;
      for (let batch = 0; batch < batchCount; batch++) {
        const progress = ((epoch - 1) * batchCount + batch) / (epochs * batchCount);
        const rows = order.slice(batch * batchSize, (batch + 1) * batchSize);
        const scale = learningRateScale(options.schedule, (epoch - 1) * batchCount + batch + 1, progress);
        const { loss } = await learner.step(
          batchFeeds(model, examples, rows, batchSize, augmenter(options, rng)),
          scale,
        );
        total += loss * rows.length;
      }
      const weights = learner.parameters();
      const validationLoss =
        validation === undefined ? Number.NaN : await meanLoss(model, weights, validation, options);
      onEpoch?.({ epoch, trainingLoss: total / count, validationLoss });
      if (best === undefined || validation === undefined || validationLoss < best.loss) {
        best = { weights: copied(weights), epoch, loss: validationLoss };
      } else if (epoch - best.epoch >= patience) break;
    }
  } finally {
    await learner.close();
  }
  return best as FittedClassifier;
}

const compiling = ({ threads }: CompileOptions): CompileOptions => (threads === undefined ? {} : { threads });

const augmenter = ({ augment }: FitOptions, rng: Rng): ((example: Float32Array) => void) | undefined =>
  augment && ((example) => augment(example, rng));

/** The last batch of an epoch is filled up with rows of weight 0, so that one program serves all. */
function batchFeeds(
  model: ClassifierModel,
  { inputs, labels }: LabelledExamples,
  rows: readonly number[],
  batchSize: number,
  change?: (example: Float32Array) => void,
): Record<string, Value> {
  const size = elementCount(model.input.shape);
  const x = new Float32Array(batchSize * size);
  const chosen = new Float64Array(batchSize);
  const weights = new Float32Array(batchSize);
  for (const [i, row] of rows.entries()) {
    const example = x.subarray(i * size, (i + 1) * size);
    example.set(inputs.subarray(row * size, (row + 1) * size));
    change?.(example);
    chosen[i] = labels[row] as number;
    weights[i] = 1 / rows.length;
  }
  const dims = [batchSize, ...model.input.shape];
  const fed = model.input.dtype === 'int64' ? integers(x, dims) : floats(x, dims);
  return { x: fed, labels: integers(chosen, [batchSize]), weights: floats(weights, [batchSize]) };
}

const copied = (weights: ReadonlyMap<string, Value>): Map<string, Value> =>
  new Map([...weights].map(([name, value]) => [name, { ...value, data: value.data.slice() }]));

async function meanLoss(
  model: ClassifierModel,
  weights: ReadonlyMap<string, Value>,
  examples: LabelledExamples,
  options: CompileOptions,
): Promise<number> {
  const probabilities = await predict(model, weights, examples.inputs, options);
  let total = 0;
  for (const [row, of] of probabilities.entries())
    total -= Math.log(Math.max(1e-12, of[examples.labels[row] as number] ?? 0));
  return total / probabilities.length;
}

/** Rows a run of prediction takes. */
const PREDICTION_ROWS = 256;

/** @param inputs `[count, ...model.input.shape]` @returns probabilities of the classes, an array an example */
export async function predict(
  model: ClassifierModel,
  weights: ReadonlyMap<string, Value>,
  inputs: Float32Array,
  options: CompileOptions = {},
): Promise<Float32Array[]> {
  const size = elementCount(model.input.shape);
  const count = inputs.length / size;
  const rows = Math.min(PREDICTION_ROWS, count);
  const { lookUp, tensors } = parameterInputs(model.parameters);
  const x: Tensor = input('x', [rows, ...model.input.shape], model.input.dtype);
  const program = await compile(
    { probabilities: softmax(model.forward(lookUp, x, INFERENCE)) },
    [x, ...tensors],
    compiling(options),
  );
  const fed = Object.fromEntries(weights);
  const labels = new Float64Array(count);
  const results: Float32Array[] = [];
  try {
    for (let start = 0; start < count; start += rows) {
      const wanted = Array.from({ length: Math.min(rows, count - start) }, (_, i) => start + i);
      const feeds = batchFeeds(model, { inputs, labels }, wanted, rows);
      const { probabilities } = await program.run({ ...fed, x: feeds['x'] as Value });
      const data = probabilities?.data as Float32Array;
      for (const i of wanted.keys()) results.push(data.slice(i * model.classCount, (i + 1) * model.classCount));
    }
  } finally {
    await program.close();
  }
  return results;
}
