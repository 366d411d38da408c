// llama.cpp's side of the group `gguf`, through node-llama-cpp from the folder MOAT_LLAMACPP (see llamacpp.mjs). Reads one JSON
// line of settings { gguf, threads, prompts, newTokens, texts }, then answers every line "run" with the likeliest tokens after each
// prompt (ids in, ids out) and the ids of each text.
import { createRequire } from 'node:module';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';

const folder = process.env.MOAT_LLAMACPP;
if (folder === undefined) throw new Error('set MOAT_LLAMACPP to the folder in which node-llama-cpp is installed');
const require = createRequire(path.join(folder, 'package.json'));
const { getLlama, LlamaLogLevel } = await import(pathToFileURL(require.resolve('node-llama-cpp')).href);

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const { gguf, threads, prompts, newTokens, texts } = JSON.parse((await lines.next()).value);
const llama = await getLlama({ gpu: false, build: 'never', maxThreads: threads, logLevel: LlamaLogLevel.error });
const model = await llama.loadModel({ modelPath: gguf });
const context = await model.createContext({
  contextSize: Math.max(...prompts.map((prompt) => prompt.length)) + newTokens + 8,
  threads,
  // what is rounded to halves by default, in the cache and in flash attention, would be a difference of its own
  flashAttention: false,
  experimentalKvCacheKeyType: 'F32',
  experimentalKvCacheValueType: 'F32',
});
const sequence = context.getSequence();

async function likeliest(prompt) {
  await sequence.clearHistory();
  const tokens = [];
  for await (const token of sequence.evaluate(prompt, { temperature: 0, yieldEogToken: true })) {
    tokens.push(token);
    if (tokens.length === newTokens) break;
  }
  return tokens;
}

const { version } = require(path.join(folder, 'node_modules/node-llama-cpp/package.json'));
console.log(JSON.stringify({ ready: true, version }));
for await (const line of lines) {
  if (line !== 'run') break;
  const tokens = [];
  for (const prompt of prompts) tokens.push(await likeliest(prompt));
  console.log(JSON.stringify({ tokens, ids: texts.map((text) => [...model.tokenize(text, false)]) }));
}
process.exit(0);
