/** Group `memory`: the memory that training is estimated to take before it starts, against what it then takes (Linux). */
import { readCausalModel } from '../src/lab/models/registry.js';
import { estimateTrainingMemory } from '../src/lab/train/memory-estimate.js';
import type { BenchResult } from './result.js';
import { type TrainingShape, trainingPeak } from './training-memory.js';

const SIZES = { vocab_size: 4096, max_position_embeddings: 1024 };
const LLAMA = { model_type: 'llama', ...SIZES, num_key_value_heads: 6, num_attention_heads: 6 };

interface Case {
  readonly name: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly shape: TrainingShape;
}
const CASES: readonly Case[] = [
  {
    name: 'llama 6×384, 8×256 tokens',
    config: { ...LLAMA, hidden_size: 384, intermediate_size: 1024, num_hidden_layers: 6 },
    shape: { batchSize: 8, sequenceLength: 256 },
  },
  {
    name: 'llama 4×192, 2×128 tokens',
    config: { ...LLAMA, hidden_size: 192, intermediate_size: 512, num_hidden_layers: 4 },
    shape: { batchSize: 2, sequenceLength: 128 },
  },
  {
    name: 'llama 12×768, 4×256 tokens',
    config: { ...LLAMA, hidden_size: 768, intermediate_size: 2048, num_hidden_layers: 12 },
    shape: { batchSize: 4, sequenceLength: 256 },
  },
  {
    name: 'gpt2 6×384, 4×512 tokens',
    config: { model_type: 'gpt2', vocab_size: 4096, n_embd: 384, n_layer: 6, n_head: 6, n_positions: 1024 },
    shape: { batchSize: 4, sequenceLength: 512 },
  },
  {
    name: 'text_generator 4,096 × 256 → LSTM 2 × 512, 16×64 tokens',
    config: { model_type: 'text_generator', vocab_size: 4096, embedding_size: 256, hidden_size: 512, num_layers: 2 },
    shape: { batchSize: 16, sequenceLength: 64 },
  },
];

function estimated({ config, shape }: Case): number {
  const { model } = readCausalModel(config, 'bench');
  return estimateTrainingMemory(model, { ...shape, packDocuments: false, recompute: false, averageDecay: 0 })
    .totalBytes;
}

/** @returns the estimate beside the measured peak; their ratio should lie between 0.8 and 1.2 */
export async function memoryGroup(): Promise<BenchResult[]> {
  if (process.platform !== 'linux') return [];
  return CASES.map((each) => {
    const { peakBytes, baseBytes } = trainingPeak(each.config, each.shape);
    const ours = (baseBytes + estimated(each)) / 1e6;
    const peer = peakBytes / 1e6;
    const name = `estimated memory of training, ${each.name}`;
    return {
      group: 'memory',
      name,
      unit: 'MB',
      ours,
      peer,
      peerName: 'measured',
      ratio: ours / peer,
      target: null,
      runs: 1,
    };
  });
}
