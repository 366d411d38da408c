/** Group `recurrent`: whole training steps of the recurrent language models against the same models in eager PyTorch. */
import { readCausalModel } from '../src/lab/models/registry.js';
import { startPeer } from './peer.js';
import { type BenchResult, compare } from './result.js';
import { THREADS, prepareTraining } from './training.js';

const SHAPE = { batchSize: 16, sequenceLength: 64 };

const CASES = [
  {
    name: 'text_generator 5,000 × 128 → LSTM 2 × 256',
    config: { model_type: 'text_generator', vocab_size: 5000, embedding_size: 128, hidden_size: 256, num_layers: 2 },
    target: 1,
  },
  {
    name: 'big_model 10,000 × 256 → LSTM 512 → attention of 8 heads',
    config: {
      model_type: 'big_model',
      vocab_size: 10000,
      embedding_size: 256,
      hidden_size: 512,
      num_layers: 1,
      num_attention_heads: 8,
    },
    target: 1.2,
  },
];

async function recurrentStep({ name, config, target }: (typeof CASES)[number]): Promise<BenchResult> {
  const bench = await prepareTraining(readCausalModel(config, 'bench').model, SHAPE, 'adamw');
  const peer = await startPeer('recurrent_step.py', { config, ...SHAPE, threads: THREADS });
  for (let warm = 0; warm < 3; warm++) await bench.step();
  const result = await compare({
    group: 'recurrent',
    name: `training step of ${name}, 16×64 tokens, AdamW`,
    unit: 'ms',
    better: 'lower',
    target,
    runs: 9,
    ours: () => bench.step(),
    peer: peer && { name: `PyTorch ${peer.version} float32 eager`, measure: () => peer.measure('ms') },
  });
  peer?.close();
  await bench.close();
  return result;
}

export async function recurrentGroup(): Promise<BenchResult[]> {
  const results: BenchResult[] = [];
  for (const each of CASES) results.push(await recurrentStep(each));
  return results;
}
