/**
 * Group `engine`: training step, its memory, and decoding against PyTorch, and how long a training program takes to
 * compile.
 */
import { readCausalModel } from '../src/lab/models/registry.js';
import { prepareDecoding } from './decoding.js';
import { startPeer } from './peer.js';
import { type BenchResult, compare, median } from './result.js';
import { trainingPeak } from './training-memory.js';
import { THREADS, prepareTraining } from './training.js';

const GROUP = 'engine';
const SHAPE = { batchSize: 8, sequenceLength: 256 };
/** 6 layers, width 384, about 13.8 million parameters. */
const SIZES = {
  vocab_size: 4096,
  hidden_size: 384,
  intermediate_size: 1024,
  num_hidden_layers: 6,
  num_attention_heads: 6,
  num_key_value_heads: 6,
  max_position_embeddings: 1024,
} as const;
const MODEL = readCausalModel({ model_type: 'llama', ...SIZES }, 'bench').model;

interface TrainingRow {
  readonly name: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly shape: { readonly batchSize: number; readonly sequenceLength: number };
}
const LLAMA_SMALL: TrainingRow = {
  name: 'llama 6×384, 8×256 tokens',
  config: { model_type: 'llama', ...SIZES },
  shape: SHAPE,
};
const LLAMA_WIDE: TrainingRow = {
  name: 'llama 12×768, 4×256 tokens',
  config: {
    ...LLAMA_SMALL.config,
    hidden_size: 768,
    intermediate_size: 2048,
    num_hidden_layers: 12,
    num_attention_heads: 12,
    num_key_value_heads: 12,
  },
  shape: { batchSize: 4, sequenceLength: 256 },
};
/** Without dropout: PyTorch would spend its time on drawing masks. */
const GPT2_SMALL: TrainingRow = {
  name: 'gpt2 6×384, 8×256 tokens',
  config: {
    model_type: 'gpt2',
    vocab_size: 4096,
    n_embd: 384,
    n_layer: 6,
    n_head: 6,
    n_positions: 1024,
    embd_pdrop: 0,
    resid_pdrop: 0,
    attn_pdrop: 0,
    bos_token_id: 0,
    eos_token_id: 0,
  },
  shape: SHAPE,
};

async function compileTime(): Promise<BenchResult> {
  const times: number[] = [];
  for (let run = 0; run < 5; run++) {
    const bench = await prepareTraining(MODEL, SHAPE, 'adamw');
    times.push(bench.compileMs);
    await bench.close();
  }
  return {
    group: GROUP,
    name: 'training program: graph, gradients, compile',
    unit: 'ms',
    ours: median(times),
    peer: null,
    peerName: null,
    ratio: null,
    target: 250,
    runs: times.length,
  };
}

type Mode = 'float32 eager' | 'bfloat16+compile';

/** A whole training step of a model against PyTorch's of the same configuration. */
async function trainingStep(row: TrainingRow, mode: Mode, target: number | null, runs = 9): Promise<BenchResult> {
  const { config, shape, name } = row;
  const bench = await prepareTraining(readCausalModel(config, 'bench').model, shape, 'adamw');
  const peer = await startPeer('training_step.py', { config, ...shape, threads: THREADS, mode, fused: true });
  for (let warm = 0; warm < 3; warm++) await bench.step();
  const result = await compare({
    group: GROUP,
    name: `training step ${name}, float32, against ${mode}`,
    unit: 'ms',
    better: 'lower',
    target,
    runs,
    ours: () => bench.step(),
    peer: peer && { name: `PyTorch ${peer.version} ${mode}`, measure: () => peer.measure('ms') },
  });
  peer?.close();
  await bench.close();
  return result;
}

/** The most memory either process held while it trained: each in a process of its own, everything it loads included. */
async function trainingMemory({ config, shape, name }: TrainingRow): Promise<BenchResult> {
  const mode: Mode = 'float32 eager';
  const peer = await startPeer('training_step.py', { config, ...shape, threads: THREADS, mode, fused: true });
  const result = await compare({
    group: GROUP,
    name: `peak memory of training, ${name}`,
    unit: 'MB',
    better: 'lower',
    target: 1,
    runs: 1,
    ours: async () => trainingPeak(config, shape).peakBytes / 1e6,
    peer: peer && {
      name: `PyTorch ${peer.version} ${mode}`,
      measure: async () => (await peer.measure('peakBytes')) / 1e6,
    },
  });
  peer?.close();
  return result;
}

const LOAD = { promptTokens: 16, newTokens: 128, maxConcurrent: 8 };

async function decoding(): Promise<BenchResult[]> {
  const bench = await prepareDecoding(MODEL, LOAD);
  const settings = { config: { model_type: 'llama', ...SIZES }, ...LOAD, threads: THREADS };
  const peer = await startPeer('decode.py', settings);
  await bench.tokensPerSecond(1);
  const single = await compare({
    group: GROUP,
    name: 'decode 6×384, batch 1, float32, 16 + 128 tokens',
    unit: 'tokens/s',
    better: 'higher',
    target: 3,
    runs: 9,
    ours: () => bench.tokensPerSecond(1),
    peer: peer && { name: `transformers ${peer.version} generate`, measure: () => peer.measure('tokensPerSecond') },
  });
  peer?.close();
  await bench.tokensPerSecond(8);
  const batched = await compare({
    group: GROUP,
    name: 'decode 6×384, 8 answers at once, float32',
    unit: 'tokens/s',
    better: 'higher',
    target: null,
    runs: 9,
    ours: () => bench.tokensPerSecond(8),
    peer: undefined,
  });
  await bench.close();
  return [single, batched];
}

export async function engineGroup(): Promise<BenchResult[]> {
  return [
    await compileTime(),
    await trainingStep(LLAMA_SMALL, 'float32 eager', 1.8),
    await trainingStep(GPT2_SMALL, 'float32 eager', 1.8),
    await trainingStep(LLAMA_WIDE, 'float32 eager', 1.8, 5),
    await trainingStep(LLAMA_SMALL, 'bfloat16+compile', null),
    // the peak is read from /proc
    ...(process.platform === 'linux' ? [await trainingMemory(LLAMA_SMALL), await trainingMemory(GPT2_SMALL)] : []),
    ...(await decoding()),
  ];
}
