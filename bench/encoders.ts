/** Group `encoders`: the training step of a small BERT on masked tokens against transformers' in eager PyTorch. */
import { Rng } from '../src/base/rng.js';
import { initialize } from '../src/lab/models/initialize.js';
import type { EncoderModel } from '../src/lab/models/model.js';
import { readModelConfig } from '../src/lab/models/registry.js';
import { createKernels } from '../src/lab/runtime/kernels.js';
import { createLearner } from '../src/lab/train/learner.js';
import { maskTokens, maskedLanguageObjective } from '../src/lab/train/masked-language-objective.js';
import { createParameterStore, trainingBytes } from '../src/lab/train/parameter-store.js';
import { startPeer } from './peer.js';
import { type BenchResult, compare } from './result.js';
import { THREADS } from './training.js';

const GROUP = 'encoders';
const SHAPE = { batchSize: 8, sequenceLength: 128 };
const TOKENS = SHAPE.batchSize * SHAPE.sequenceLength;
/** MiniLM's shape with its vocabulary, about 23 million parameters; dropout 0.1 on both sides. */
const CONFIG = {
  model_type: 'bert',
  architectures: ['BertForMaskedLM'],
  vocab_size: 30522,
  hidden_size: 384,
  intermediate_size: 1536,
  num_hidden_layers: 6,
  num_attention_heads: 12,
  max_position_embeddings: 512,
};
const RATE = 1e-3;
const RATES = { learningRate: RATE, embeddingLearningRate: RATE, headLearningRate: RATE, vectorLearningRate: RATE };
/** `[PAD]`, `[CLS]`, `[SEP]` and `[MASK]` as in BERT's vocabulary. */
const RULES = { padToken: 0, kept: new Set([101, 102]), maskToken: 103, vocabularySize: 30522, share: 0.15 };

/** @param maskedCount rows that pass through the head: all of them, as the peer does it, or the masked ones alone */
async function prepareStep(maskedCount: number): Promise<{ step(): Promise<number>; close(): Promise<void> }> {
  const model = readModelConfig(CONFIG, 'bench').model as EncoderModel;
  const store = createParameterStore(createKernels(trainingBytes(model.parameters)), model.parameters);
  const rng = Rng.fromSeed(1);
  for (const { spec, value } of store.parameters) initialize(spec, value.view(), rng);
  const shape = { ...SHAPE, maskedCount };
  const learner = await createLearner({
    store,
    objective: maskedLanguageObjective(model, shape),
    optimizer: { kind: 'adamw', ...RATES, weightDecay: 0 },
    seed: 1,
    threads: THREADS,
  });
  const rows = Array.from({ length: SHAPE.batchSize }, () =>
    Array.from({ length: SHAPE.sequenceLength }, () => 1000 + rng.below(29000)),
  );
  const feeds = maskTokens(rows, shape, RULES, rng);
  return {
    async step() {
      const begun = performance.now();
      const { loss } = await learner.step(feeds);
      if (!Number.isFinite(loss)) throw new Error('the benchmark diverged');
      return performance.now() - begun;
    },
    close: () => learner.close(),
  };
}

async function maskedStep(head: string, maskedCount: number): Promise<BenchResult> {
  const bench = await prepareStep(maskedCount);
  const peer = await startPeer('masked_step.py', { config: CONFIG, ...SHAPE, threads: THREADS, share: RULES.share });
  for (let warm = 0; warm < 3; warm++) await bench.step();
  const result = await compare({
    group: GROUP,
    name: `bert training step 6×384, 8×128 tokens, masked-LM, AdamW, ${head}`,
    unit: 'ms',
    better: 'lower',
    target: 1.3,
    runs: 9,
    ours: () => bench.step(),
    peer: peer && { name: `PyTorch ${peer.version} float32 eager`, measure: () => peer.measure('ms') },
  });
  peer?.close();
  await bench.close();
  return result;
}

export async function encodersGroup(): Promise<BenchResult[]> {
  return [
    await maskedStep('head at every token', TOKENS),
    await maskedStep('head at masked tokens', Math.ceil(RULES.share * TOKENS)),
  ];
}
