/**
 * Group `data-parallel`: tokens a second of two PyTorch workers, one thread each, against twice those of one worker, on the
 * same steps. `MOAT_PYTHON` names an interpreter with distributed/requirements.txt.
 */
import { makeSmallProject } from '../tests/distributed/small-run.js';
import { type BenchResult, compare, median } from './result.js';

const SIZES = { layers: 4, hiddenSize: 256, intermediateSize: 768, heads: 4, keyValueHeads: 4, headSize: 64 };
const LOOP = {
  batchSize: 16,
  gradientAccumulation: 1,
  sequenceLength: 128,
  maxSteps: 12,
  evalEvery: 1000,
  checkpointEvery: 1000,
};
/** Memory is touched and buckets are laid out in these. */
const WARM_STEPS = 3;

export async function dataParallelGroup(): Promise<BenchResult[]> {
  const project = await makeSmallProject();
  const config = project.config({
    sizes: { ...SIZES, contextLength: LOOP.sequenceLength },
    loop: LOOP,
    optimizer: { kind: 'adamw', learningRate: 1e-3, embeddingLearningRate: 1e-3 },
  });
  let runs = 0;
  const tokensPerSecond = async (workers: number): Promise<number> => {
    const events = await project.trainThere(`run-${runs++}`, { config, workers });
    const speeds = events.flatMap((event) => (event.type === 'step' ? [event.tokensPerSecond] : []));
    return median(speeds.slice(WARM_STEPS));
  };
  try {
    return [
      await compare({
        group: 'data-parallel',
        name: 'two workers of one thread, qwen3 4 × 256, 16×128 tokens, AdamW',
        unit: 'tokens/s',
        better: 'higher',
        target: 0.8,
        runs: 5,
        ours: () => tokensPerSecond(2),
        peer: { name: 'twice one worker', measure: async () => 2 * (await tokensPerSecond(1)) },
      }),
    ];
  } finally {
    await project.remove();
  }
}
