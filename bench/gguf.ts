/**
 * Group `gguf`: whether a model that came out of a GGUF file, and every file that Moat writes of it, says the same here and in
 * llama.cpp. Counts the likeliest tokens that are equal until the first difference; where there is one, its line on stderr
 * says how near the two tokens were. The peer and the model are outside the package, named by the environment:
 *
 *   MOAT_LLAMACPP   a folder with node-llama-cpp (see peers/llamacpp.mjs)
 *   MOAT_GGUF       a GGUF file with a chat template, or the folder of a model
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { z } from 'zod';
import { MoatError } from '../src/base/errors.js';
import { WRITTEN_TYPES } from '../src/lab/checkpoint/gguf-quantize.js';
import { exportGguf } from '../src/lab/generate/gguf-export.js';
import { importGguf } from '../src/lab/generate/gguf-import.js';
import { type LoadedModel, loadModel } from '../src/lab/generate/load-model.js';
import { samplerSettings } from '../src/lab/generate/sampler-settings.js';
import { createScheduler } from '../src/lab/generate/scheduler.js';
import { compileStepPrograms } from '../src/lab/generate/step-programs.js';
import { type Sampled, createTokenSampler } from '../src/lab/generate/token-sampler.js';
import { startPeer } from './peer.js';
import type { BenchResult } from './result.js';
import { THREADS } from './training.js';

const NEW_TOKENS = 64;
const QUESTIONS = ['What is the capital of France?', 'Write three sentences about the sea.', 'def fibonacci(n):'];
const BEGINNINGS = ['Returns the number of', 'The history of bread begins', '1, 2, 3, 4,'];
const TEXTS = [
  "It's 2024: we'll pay 1234567.89 €, don't   you?\n\n\tfor (;;) { x += 1; }\r\n",
  'Straße, naïve café, 你好，世界！ Здравствуйте — ١٢٣ 🙂👩‍👩‍👧',
  '  leading and trailing  \n \n',
  ' ',
];

const answerSchema = z.object({ tokens: z.array(z.array(z.int())), ids: z.array(z.array(z.int())) });

/** The likeliest tokens after each prompt, each with the five best. */
async function likeliest(
  { model, weights, tokenizer }: LoadedModel,
  prompts: readonly number[][],
): Promise<Sampled[][]> {
  const programs = await compileStepPrograms(model, weights, { threads: THREADS });
  const scheduler = createScheduler({
    programs,
    cacheShape: model.cacheShape,
    vocabularySize: model.config.vocab_size,
    tokenCount: tokenizer.vocabSize,
    prefixCacheBytes: 0,
    contextLength: model.config.max_position_embeddings,
    maxConcurrent: 1,
    now: () => performance.now(),
  });
  const settings = samplerSettings({ temperature: 0, logprobs: 5 });
  const answer = (promptTokens: number[]): Promise<Sampled[]> =>
    new Promise((resolve, reject) => {
      const said: Sampled[] = [];
      scheduler.submit({
        promptTokens,
        how: { sampler: createTokenSampler({ settings, promptTokens, seed: 1 }) },
        cacheScope: '',
        isAborted: () => false,
        onToken: (sampled) => said.push(sampled) < NEW_TOKENS,
        onLeave: (_account, error) => (error === undefined ? resolve(said) : reject(error)),
      });
    });
  const answers: Sampled[][] = [];
  for (const prompt of prompts) answers.push(await answer(prompt));
  await programs.close();
  return answers;
}

function promptsFor({ tokenizer }: LoadedModel): number[][] {
  const beginnings = BEGINNINGS.map((text) => tokenizer.encode(text));
  try {
    return [...QUESTIONS.map((content) => tokenizer.renderChat([{ role: 'user', content }])), ...beginnings];
  } catch (error) {
    if (error instanceof MoatError && error.code === 'no-chat-tokens') return beginnings;
    throw error;
  }
}

/** Equal tokens until the first difference. */
function equalCount(label: string, ours: readonly Sampled[], theirs: readonly number[]): number {
  const at = ours.findIndex(({ token }, index) => token !== theirs[index]);
  if (at < 0) return ours.length;
  const { token = -1, score } = ours[at] ?? {};
  const other = score?.top.find((scored) => scored.token === theirs[at]);
  const gap = other === undefined ? 'far away' : `${((score?.logprob ?? Number.NaN) - other.logprob).toFixed(4)} below`;
  console.error(`${label}: token ${at} is ${token}, theirs ${theirs[at]}, whose log-probability here is ${gap}`);
  return at;
}

const equalLists = (a: readonly number[], b: readonly number[] | undefined): boolean => a.join() === b?.join();

/** One file in both programs: tokens of answers, and of texts. */
async function agreement(name: string, file: string, scratch: string): Promise<BenchResult[]> {
  const folder = path.join(scratch, 'imported');
  await importGguf(file, folder);
  const loaded = await loadModel(folder);
  const prompts = promptsFor(loaded);
  const settings = { gguf: file, threads: THREADS, prompts, newTokens: NEW_TOKENS, texts: TEXTS };
  const peer = await startPeer('gguf_greedy.mjs', settings);
  if (peer === undefined) return [];
  const theirs = answerSchema.parse(await peer.run());
  peer.close();
  const ours = await likeliest(loaded, prompts);
  await rm(folder, { recursive: true });
  const equal = ours.map((answer, i) => equalCount(`${name}, prompt ${i}`, answer, theirs.tokens[i] ?? []));
  const texts = TEXTS.filter((text, i) => equalLists(loaded.tokenizer.encode(text), theirs.ids[i])).length;
  const row = (what: string, unit: string, count: number, of: number): BenchResult => ({
    group: 'gguf',
    name: `${name}: ${what}`,
    unit,
    ours: count,
    peer: of,
    peerName: `all, of llama.cpp (node-llama-cpp ${peer.version})`,
    ratio: count / of,
    target: null,
    runs: 1,
  });
  const sum = equal.reduce((total, count) => total + count, 0);
  return [
    row(`equal tokens over ${prompts.length} prompts`, 'tokens', sum, prompts.length * NEW_TOKENS),
    row('texts cut into equal ids', 'texts', texts, TEXTS.length),
  ];
}

export async function ggufGroup(): Promise<BenchResult[]> {
  const source = process.env['MOAT_GGUF'];
  if (source === undefined) {
    console.error('MOAT_GGUF names no model, so nothing is compared');
    return [];
  }
  const scratch = await mkdtemp(path.join(tmpdir(), 'moat-gguf-'));
  const rows: BenchResult[] = [];
  try {
    let folder = source;
    if (source.endsWith('.gguf')) {
      rows.push(...(await agreement(path.basename(source), source, scratch)));
      folder = path.join(scratch, 'model');
      await importGguf(source, folder);
    }
    for (const type of WRITTEN_TYPES) {
      const file = path.join(scratch, `${type}.gguf`);
      await exportGguf(folder, file, { type });
      rows.push(...(await agreement(`${path.basename(source)} exported as ${type}`, file, scratch)));
      await rm(file);
    }
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
  return rows;
}
