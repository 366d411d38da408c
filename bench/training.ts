/** The engine's training step as the benchmarks run it: forward, backward and optimizer on random tokens. */
import { Rng } from '../src/base/rng.js';
import { elementCount } from '../src/lab/graph/dims.js';
import { initialize } from '../src/lab/models/initialize.js';
import type { CausalModel } from '../src/lab/models/model.js';
import { createKernels } from '../src/lab/runtime/kernels.js';
import { floats, integers } from '../src/lab/runtime/program.js';
import { carriedStateName, languageObjective } from '../src/lab/train/language-objective.js';
import { createLearner } from '../src/lab/train/learner.js';
import { createParameterStore, trainingBytes } from '../src/lab/train/parameter-store.js';

export const THREADS = 2;

export interface TrainingBench {
  /** Milliseconds from the architecture's function to a session ready to run. */
  readonly compileMs: number;
  /** Milliseconds of one whole step. */
  step(): Promise<number>;
  close(): Promise<void>;
}

export async function prepareTraining(
  model: CausalModel,
  shape: { batchSize: number; sequenceLength: number },
  kind: 'adamw' | 'muon',
  recompute = false,
): Promise<TrainingBench> {
  const specs = model.parameters;
  const kernels = createKernels(trainingBytes(specs));
  const store = createParameterStore(kernels, specs);
  const rng = Rng.fromSeed(1);
  for (const { spec, value } of store.parameters) initialize(spec, value.view(), rng);
  const rate = kind === 'muon' ? 0.02 : 1e-3;
  const rates = { embeddingLearningRate: rate, headLearningRate: rate, vectorLearningRate: rate };
  const started = performance.now();
  const learner = await createLearner({
    store,
    objective: languageObjective(model, shape),
    optimizer: { kind, learningRate: rate, ...rates, weightDecay: 0 },
    seed: 1,
    recompute,
    threads: THREADS,
  });
  const compileMs = performance.now() - started;
  const count = shape.batchSize * shape.sequenceLength;
  const draw = (): number[] => Array.from({ length: count }, () => rng.below(model.config.vocab_size));
  const states = model.cacheShape.states.map((stateShape, index) => {
    const dims = [shape.batchSize, ...stateShape];
    return [carriedStateName(index), floats(new Float32Array(elementCount(dims)), dims)] as const;
  });
  const feeds = {
    ...Object.fromEntries(states),
    tokens: integers(draw(), [shape.batchSize, shape.sequenceLength]),
    targets: integers(draw(), [count]),
    weights: floats(new Float32Array(count).fill(1 / count), [count]),
  };
  return {
    compileMs,
    async step() {
      const begun = performance.now();
      const { loss } = await learner.step(feeds);
      if (!Number.isFinite(loss)) throw new Error('the benchmark diverged');
      return performance.now() - begun;
    },
    close: () => learner.close(),
  };
}
