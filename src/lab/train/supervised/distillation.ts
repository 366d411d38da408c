/**
 * Distillation (Hinton, Vinyals & Dean 2015): a student learns the whole distribution that a larger teacher gives to each
 * next token, not only the token that came. loss = α·T²·KL(teacher at temperature T ‖ student at T) + (1 − α)·cross-entropy,
 * a mean over learned tokens; on request the squared distance of hidden states through a learned projection (Romero et al.
 * 2015) is added. The teacher's weights are inputs of the same program: nothing of it is stored or differentiated.
 */
import { MoatError } from '../../../base/errors.js';
import { Rng } from '../../../base/rng.js';
import { add, mul, scale, sub } from '../../graph/ops/arithmetic.js';
import { slice } from '../../graph/ops/layout.js';
import { linear } from '../../graph/ops/matmul.js';
import { crossEntropy, softmax, subtractOneHot } from '../../graph/ops/normalize.js';
import { mean } from '../../graph/ops/reduce.js';
import { reshape, sum } from '../../graph/ops/reshape.js';
import { type Tensor, input } from '../../graph/tensor.js';
import { type CausalModel, INFERENCE, type ParameterSpec, type Pass } from '../../models/model.js';
import type { Value } from '../../runtime/program.js';
import type { BatchShape } from '../language-objective.js';
import type { BuildObjective } from '../objective.js';
import type { TrainableWeights } from './trainable-weights.js';

export interface DistillationSettings {
  /** 1 listens to the teacher alone, 0 to the data alone. */
  readonly alpha: number;
  readonly temperature: number;
  /** Of the hidden states' mean squared distance; 0 leaves them out. */
  readonly hiddenWeight: number;
}

export interface Teacher {
  readonly model: CausalModel;
  readonly weights: ReadonlyMap<string, Value>;
}

const PREFIX = 'teacher.';
const PROJECTION = 'distillation.projection';

/**
 * Feeds those of `languageObjective` and the teacher's weights (`teacherFeeds`).
 * @param shape `packed` as for the language objective
 */
export function distillationObjective(
  student: CausalModel,
  teacher: CausalModel,
  shape: BatchShape & { readonly packed: boolean },
  { alpha, temperature, hiddenWeight }: DistillationSettings,
): BuildObjective {
  const size = [shape.batchSize, shape.sequenceLength];
  const rows = shape.batchSize * shape.sequenceLength;
  return (parameters, pass) => {
    const tokens = input('tokens', size, 'int64');
    const packing = { segments: input('segments', size, 'int64'), positions: input('positions', size, 'int64') };
    const sequence = shape.packed ? { tokens, packing } : { tokens };
    const targets = input('targets', [rows], 'int64');
    const weights = input('weights', [rows]);
    const ofTeacher = new Map(teacher.parameters.map((spec) => [spec.name, input(PREFIX + spec.name, spec.shape)]));
    const watched = { student: watching(pass), teacher: watching(INFERENCE) };
    const learned = student.forward(parameters, sequence, watched.student.pass).logits;
    const given = teacher.forward((name) => ofTeacher.get(name) as Tensor, sequence, watched.teacher.pass).logits;
    const soft = divergence(given, learned, targets, temperature);
    const hard = crossEntropy(learned, targets);
    let nats = add(scale(soft, alpha * temperature * temperature), scale(hard, 1 - alpha));
    if (hiddenWeight > 0) {
      const near = hiddenDistance(watched.student.last(), watched.teacher.last(), parameters(PROJECTION), rows);
      nats = add(nats, scale(near, hiddenWeight));
    }
    const inputs = [tokens, ...(shape.packed ? Object.values(packing) : []), targets, weights, ...ofTeacher.values()];
    return { inputs, loss: sum(mul(nats, weights)) };
  };
}

/**
 * KL(p ‖ q) a row, from logits t of the teacher and s of the student, both over the temperature. With y any class,
 * KL = CE(s, y) − CE(t, y) − Σ (p − onehot y)·(s − t): the logarithms stay inside the cross-entropies, where nothing
 * overflows, and the student's gradient comes out as q − p.
 */
function divergence(teacher: Tensor, student: Tensor, targets: Tensor, temperature: number): Tensor {
  const classes = Math.min(classesOf(teacher), classesOf(student));
  // rows of a table of tokens may be padded to a rounder number than the tokenizer has
  const [t, s] = [teacher, student].map((logits) =>
    scale(classesOf(logits) === classes ? logits : slice(logits, 1, 0, classes), 1 / temperature),
  ) as [Tensor, Tensor];
  const surplus = sum(mul(subtractOneHot(softmax(t), targets), sub(s, t)), [1]);
  return sub(sub(crossEntropy(s, targets), crossEntropy(t, targets)), surplus);
}

const classesOf = (logits: Tensor): number => logits.shape[1] as number;

/** @returns the mean squared distance a token, `[rows]` */
function hiddenDistance(student: Tensor, teacher: Tensor, projection: Tensor, rows: number): Tensor {
  const width = (hidden: Tensor): number => hidden.shape[hidden.shape.length - 1] as number;
  const projected = linear(reshape(student, [rows, width(student)]), projection);
  const difference = sub(projected, reshape(teacher, [rows, width(teacher)]));
  return mean(mul(difference, difference), [1]);
}

/** A pass that remembers the last hidden state between two blocks. */
function watching(pass: Pass): { readonly pass: Pass; readonly last: () => Tensor } {
  let last: Tensor | undefined;
  return {
    pass: {
      ...pass,
      boundary: (hidden) => {
        last = hidden;
        pass.boundary(hidden);
      },
    },
    last() {
      if (last !== undefined) return last;
      throw new MoatError('no-hidden-states', 'distillation: this architecture shows no hidden states', {
        fix: 'Set the weight of hidden states to 0.',
      });
    },
  };
}

/** The teacher's weights under the names the objective feeds them by. */
export function teacherFeeds({ weights }: Teacher): Map<string, Value> {
  return new Map([...weights].map(([name, value]) => [PREFIX + name, value]));
}

/** The width of hidden states is that of the tables of tokens. */
function widthOf(model: CausalModel): number {
  const table = model.parameters.find(({ role }) => role === 'embedding');
  return table?.shape[1] ?? 0;
}

/** The projection from the student's hidden states to the teacher's, beside the student's own numbers; it is not kept. */
export function withProjection(
  weights: TrainableWeights,
  { student, teacher, seed }: { readonly student: CausalModel; readonly teacher: CausalModel; readonly seed: number },
): TrainableWeights {
  const [from, to] = [widthOf(student), widthOf(teacher)];
  const spec: ParameterSpec = {
    name: PROJECTION,
    shape: [to, from],
    initializer: { kind: 'normal', standardDeviation: from ** -0.5 },
    role: 'matrix',
  };
  const rng = Rng.fromSeed(seed);
  const initial = Float32Array.from({ length: from * to }, () => rng.normal() * from ** -0.5);
  return { ...weights, trained: [...weights.trained, { spec, initial }] };
}
