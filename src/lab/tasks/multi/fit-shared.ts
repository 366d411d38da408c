/** Fits a shared encoder and its heads: a batch of every task a step, the epoch kept that does best on the validation texts of all. */
import { type Value, floats, integers } from '../../runtime/program.js';
import { type FitObjectiveOptions, type Weights, fitObjective } from '../../train/fit-objective.js';
import type { Head } from './heads.js';
import {
  type SharedEncoder,
  TASK_WEIGHTS,
  UNCERTAINTY,
  compileAnswers,
  lossName,
  normName,
  sharedObjective,
  sharedParameters,
} from './shared-encoder.js';
import { type GradNormOptions, type Weighting, gradNormWeights } from './task-weights.js';

/** A text as the encoder reads it, and what it is: the class of a place. Whole texts have place 0. */
export interface LabelledRow {
  readonly ids: readonly number[];
  readonly targets: readonly { readonly place: number; readonly target: number }[];
}

export interface TaskRows {
  readonly head: Head;
  /** Of its loss, with fixed weights; GradNorm begins with it. */
  readonly weight: number;
  readonly train: readonly LabelledRow[];
  readonly validation: readonly LabelledRow[];
  /** How good answers to the validation texts are, by the task's first figure; higher is better. */
  readonly judge: (probabilities: readonly Float32Array[]) => number;
}

export interface SharedShape {
  readonly batchSize: number;
  readonly sequenceLength: number;
}

export interface FitSharedOptions extends Pick<FitObjectiveOptions, 'seed' | 'signal' | 'onEpoch' | 'initial'> {
  readonly shape: SharedShape;
  readonly weighting: Weighting;
  readonly epochs: number;
  /** Batches of every task; a small one comes round several times. */
  readonly batchesPerEpoch: number;
  readonly gradNorm: GradNormOptions;
  readonly learningRate: number;
  readonly padToken: number;
  readonly threads: number | undefined;
}

export interface FittedShared {
  readonly weights: Weights;
  readonly epoch: number;
  /** What each task counted at the end; those that uncertainty learned are e^(−s). */
  readonly taskWeights: readonly number[];
}

const WEIGHT_DECAY = 0.01;
/** Of the epochs, how many may pass without a better one: encoders made from nothing learn little at first. */
const PATIENCE = 0.5;

export async function fitShared(
  shared: SharedEncoder,
  tasks: readonly TaskRows[],
  options: FitSharedOptions,
): Promise<FittedShared> {
  const { shape, weighting, padToken, threads, ...fitting } = options;
  const compiling = threads === undefined ? {} : { threads };
  const total = tasks.reduce((sum, { weight }) => sum + weight, 0);
  let taskWeights = tasks.map(({ weight }) => (weight * tasks.length) / total);
  let firstLosses: number[] | undefined;
  const { batchesPerEpoch } = options;
  const answerers = tasks.every(({ validation }) => validation.length > 0)
    ? await Promise.all(tasks.map(({ head }) => openAnswerer(shared, head, { shape, padToken, threads })))
    : [];
  try {
    const { weights, epoch } = await fitObjective({
      ...fitting,
      ...compiling,
      parameters: sharedParameters(shared, weighting),
      objective: sharedObjective(shared, shape, weighting),
      weightDecay: WEIGHT_DECAY,
      patience: Math.max(3, Math.ceil(PATIENCE * options.epochs)),
      batchesPerEpoch,
      *batches(rng) {
        const orders = tasks.map(({ train }) => rng.shuffle([...train.keys()]));
        for (let batch = 0; batch < batchesPerEpoch; batch++) {
          const feeds = tasks.map(({ head, train }, task) => {
            const order = orders[task] as number[];
            // a small task comes round several times in an epoch of a large one
            const rows = Array.from(
              { length: Math.min(shape.batchSize, train.length) },
              (_, row) => train[order[(batch * shape.batchSize + row) % order.length] as number] as LabelledRow,
            );
            return feedsOf(head, rows, shape, padToken);
          });
          const counted =
            weighting === 'uncertainty'
              ? {}
              : { [TASK_WEIGHTS]: floats(Float32Array.from(taskWeights), [tasks.length]) };
          yield Object.assign({}, ...feeds, counted) as Record<string, Value>;
        }
      },
      onStep(outputs) {
        if (weighting !== 'gradnorm') return;
        const read = (nameOf: (head: Head) => string): number[] =>
          tasks.map(({ head }) => Number(outputs[nameOf(head)]?.data[0]));
        const losses = read(lossName);
        firstLosses ??= losses;
        taskWeights = gradNormWeights(
          { weights: taskWeights, firstLosses, losses, norms: read(normName) },
          options.gradNorm,
        );
      },
      ...(answerers.length === 0 ? {} : { score: (tried: Weights) => meanFigure(tasks, answerers, tried) }),
    });
    const learned = weights.get(UNCERTAINTY)?.data as Float32Array | undefined;
    return {
      weights,
      epoch,
      taskWeights: learned === undefined ? taskWeights : Array.from(learned, (s) => Math.exp(-s)),
    };
  } finally {
    for (const answerer of answerers) await answerer.close();
  }
}

/** Rows of one task, filled up with its first; those that fill up weigh nothing. */
export function feedsOf(
  { name, kind }: Head,
  rows: readonly LabelledRow[],
  { batchSize, sequenceLength }: SharedShape,
  padToken: number,
): Record<string, Value> {
  const tokens = new Int32Array(batchSize * sequenceLength).fill(padToken);
  const mask = new Float32Array(tokens.length);
  const perRow = kind === 'tagging' ? sequenceLength : 1;
  const targets = new Int32Array(batchSize * perRow);
  const weights = new Float32Array(targets.length);
  const counted = rows.reduce((sum, row) => sum + row.targets.length, 0);
  for (let at = 0; at < batchSize; at++) {
    const row = rows[at] ?? (rows[0] as LabelledRow);
    tokens.set(row.ids, at * sequenceLength);
    mask.fill(1, at * sequenceLength, at * sequenceLength + row.ids.length);
    if (at >= rows.length) continue;
    for (const { place, target } of row.targets) {
      targets[at * perRow + place] = target;
      weights[at * perRow + place] = 1 / counted;
    }
  }
  const dims = [batchSize, sequenceLength];
  return {
    [`${name}.tokens`]: integers(tokens, dims),
    [`${name}.mask`]: floats(mask, dims),
    [`${name}.targets`]: integers(targets, [targets.length]),
    [`${name}.weights`]: floats(weights, [weights.length]),
  };
}

/** Weights that answers are computed with, by name. */
const answering = (weights: Weights): Record<string, Value> =>
  Object.fromEntries([...weights].filter(([name]) => name !== UNCERTAINTY));

const batchesOf = (rows: readonly LabelledRow[], size: number): LabelledRow[][] =>
  Array.from({ length: Math.ceil(rows.length / size) }, (_, batch) => rows.slice(batch * size, (batch + 1) * size));

/**
 * The mean over tasks of what each is judged by. Not of losses: those of a small set are lowest long before its answers are best,
 * and an epoch kept for its loss made a task alone look worse than it is.
 */
async function meanFigure(
  tasks: readonly TaskRows[],
  answerers: readonly Answerer[],
  weights: Weights,
): Promise<number> {
  let total = 0;
  for (const [task, { validation, judge }] of tasks.entries()) {
    total += judge(await (answerers[task] as Answerer).answer(weights, validation));
  }
  return total / tasks.length;
}

export interface Answerer {
  /** Probabilities of the classes, one row a text; a tagged text has a row a token. */
  answer(weights: Weights, rows: readonly LabelledRow[]): Promise<Float32Array[]>;
  close(): Promise<void>;
}

/** What answers for one task, with any weights. */
export async function openAnswerer(
  shared: SharedEncoder,
  head: Head,
  { shape, padToken, threads }: Pick<FitSharedOptions, 'shape' | 'padToken' | 'threads'>,
): Promise<Answerer> {
  const program = await compileAnswers(shared, head, shape, threads === undefined ? {} : { threads });
  const perRow = (head.kind === 'tagging' ? shape.sequenceLength : 1) * head.classes.length;
  return {
    async answer(weights, rows) {
      const answers: Float32Array[] = [];
      const named = answering(weights);
      for (const batch of batchesOf(rows, shape.batchSize)) {
        const fed = feedsOf(head, batch, shape, padToken);
        const [tokens, mask] = [`${head.name}.tokens`, `${head.name}.mask`];
        const feeds = { ...named, [tokens]: fed[tokens], [mask]: fed[mask] } as Record<string, Value>;
        const data = (await program.run(feeds))['probabilities']?.data as Float32Array;
        for (const row of batch.keys()) answers.push(data.slice(row * perRow, (row + 1) * perRow));
      }
      return answers;
    },
    close: () => program.close(),
  };
}

/** Opens, answers once, closes. */
export async function answersOf(
  shared: SharedEncoder,
  weights: Weights,
  head: Head,
  rows: readonly LabelledRow[],
  options: Pick<FitSharedOptions, 'shape' | 'padToken' | 'threads'>,
): Promise<Float32Array[]> {
  const answerer = await openAnswerer(shared, head, options);
  try {
    return await answerer.answer(weights, rows);
  } finally {
    await answerer.close();
  }
}
