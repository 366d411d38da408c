/** Group `engine`: the training step and decoding against PyTorch, and how long a training program takes to compile. */
import { readCausalModel } from '../src/lab/models/registry.js';
import { prepareDecoding } from './decoding.js';
import { startPeer } from './peer.js';
import { type BenchResult, compare, median } from './result.js';
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

async function trainingStep(mode: 'float32 eager' | 'bfloat16+compile', target: number | null): Promise<BenchResult> {
  const bench = await prepareTraining(MODEL, SHAPE, 'adamw');
  const peer = await startPeer('training_step.py', {
    config: { model_type: 'llama', ...SIZES },
    ...SHAPE,
    threads: THREADS,
    mode,
    fused: true,
  });
  for (let warm = 0; warm < 3; warm++) await bench.step();
  const result = await compare({
    group: GROUP,
    name: `training step 6×384, 8×256 tokens, float32, against ${mode}`,
    unit: 'ms',
    better: 'lower',
    target,
    runs: 9,
    ours: () => bench.step(),
    peer: peer && { name: `PyTorch ${peer.version} ${mode}`, measure: () => peer.measure('ms') },
  });
  peer?.close();
  await bench.close();
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
    await trainingStep('float32 eager', 1.6),
    await trainingStep('bfloat16+compile', null),
    ...(await decoding()),
  ];
}
