/**
 * Group `quantized`: decoding with weights in 4 bits, against float32, llama.cpp, and a graph written by hand for this one
 * task. The peers are outside the package, named by the environment:
 *
 *   MOAT_LLAMACPP          a folder with node-llama-cpp (see peers/llamacpp.mjs)
 *   MOAT_LLAMACPP_GGUF     the file of peers/make_gguf.py for `CONFIG`
 *   MOAT_DECODE_GRAPH      a program that prints `B=<batch> P=256: decode <tokens/s>`; sizes in L, D, H, KV, HD, FF, V
 */
import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { readCausalModel } from '../src/lab/models/registry.js';
import { type DecodingBench, prepareDecoding } from './decoding.js';
import { type Peer, startPeer } from './peer.js';
import { type BenchResult, type Comparison, compare } from './result.js';
import { THREADS } from './training.js';

/** 110 million parameters. */
const CONFIG = {
  model_type: 'llama',
  vocab_size: 16384,
  hidden_size: 768,
  intermediate_size: 2048,
  num_hidden_layers: 12,
  num_attention_heads: 12,
  num_key_value_heads: 12,
  max_position_embeddings: 1024,
} as const;
/** So that the cache holds 256 rows throughout, as the hand-written graph's does. */
const LOAD = { promptTokens: 130, newTokens: 100, maxConcurrent: 32 };
const BATCHES = [1, 8, 32] as const;
const ROUNDS = 5;

type Side = Comparison['peer'];

async function row(bench: DecodingBench, batch: number, target: number | null, peer: Side): Promise<BenchResult> {
  await bench.decodedPerSecond(batch);
  return compare({
    group: 'quantized',
    name: `decode 12×768 int4, batch ${batch}, 256 cache rows, against ${peer?.name ?? 'nothing'}`,
    unit: 'tokens/s',
    better: 'higher',
    target: peer === undefined ? null : target,
    runs: ROUNDS,
    ours: () => bench.decodedPerSecond(batch),
    peer,
  });
}

function handWrittenGraph(batch: number): Side {
  const program = process.env['MOAT_DECODE_GRAPH'];
  if (program === undefined) return undefined;
  const sizes = { L: '12', D: '768', H: '12', KV: '12', HD: '64', FF: '2048', V: '16384', BS: String(batch) };
  return {
    name: `the hand-written graph ${path.basename(program)}`,
    async measure() {
      const options = { cwd: path.dirname(program), env: { ...process.env, ...sizes, STEPS: '60' } };
      const { stdout } = await promisify(execFile)(process.execPath, [program], options);
      const found = /P=256: decode ([\d.]+)/.exec(stdout);
      if (found === null) throw new Error(`${program} printed no figure for 256 cache rows: ${stdout}`);
      return Number(found[1]);
    },
  };
}

async function againstLlamaCpp(bench: DecodingBench): Promise<BenchResult[]> {
  const gguf = process.env['MOAT_LLAMACPP_GGUF'];
  if (gguf === undefined) return [];
  // Two threads that wait for each other at every layer suffer most from whatever else runs: the better of both counts.
  const peers: Peer[] = [];
  for (const threads of new Set([1, THREADS])) {
    const peer = await startPeer('llamacpp.mjs', { gguf, threads, ...LOAD, vocabularySize: CONFIG.vocab_size });
    if (peer !== undefined) peers.push(peer);
  }
  const [first] = peers;
  if (first === undefined) return [];
  const best = async (batch: number): Promise<number> => {
    const figures: number[] = [];
    for (const peer of peers) figures.push(await peer.measure('tokensPerSecond', batch));
    return Math.max(...figures);
  };
  const rows: BenchResult[] = [];
  for (const [batch, target] of [
    [1, 1],
    [8, 2],
  ] as const) {
    const name = `llama.cpp Q4_0 (node-llama-cpp ${first.version}, the better of 1 and ${THREADS} threads)`;
    rows.push(await row(bench, batch, target, { name, measure: () => best(batch) }));
  }
  for (const peer of peers) peer.close();
  return rows;
}

export async function quantizedGroup(): Promise<BenchResult[]> {
  const { model } = readCausalModel(CONFIG, 'bench');
  const int4 = await prepareDecoding(model, LOAD, 'int4');
  const rows: BenchResult[] = [];
  for (const batch of BATCHES) {
    const graph = handWrittenGraph(batch);
    if (graph !== undefined) rows.push(await row(int4, batch, 0.9, graph));
  }
  rows.push(...(await againstLlamaCpp(int4)));
  const float32 = await prepareDecoding(model, LOAD);
  for (const batch of BATCHES) {
    await float32.decodedPerSecond(batch);
    rows.push(await row(int4, batch, null, { name: 'float32', measure: async () => float32.decodedPerSecond(batch) }));
  }
  await float32.close();
  await int4.close();
  return rows;
}
