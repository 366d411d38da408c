// llama.cpp's side of the decoding benchmark, through node-llama-cpp from the folder MOAT_LLAMACPP (`npm i
// node-llama-cpp@3.22.1 @node-llama-cpp/linux-x64@3.22.1 --omit=optional` there). Reads one JSON line of settings
// { gguf, threads, promptTokens, newTokens, vocabularySize }, then answers every line "run STREAMS" with the tokens a second
// over the time in which all streams decode.
import { createRequire } from 'node:module';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';

const folder = process.env.MOAT_LLAMACPP;
if (folder === undefined) throw new Error('set MOAT_LLAMACPP to the folder in which node-llama-cpp is installed');
const resolve = createRequire(path.join(folder, 'package.json')).resolve;
const entry = resolve('node-llama-cpp');
const { getLlama, LlamaLogLevel } = await import(pathToFileURL(entry).href);

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const settings = JSON.parse((await lines.next()).value);
const { threads, promptTokens, newTokens, vocabularySize } = settings;
const llama = await getLlama({ gpu: false, build: 'never', maxThreads: threads, logLevel: LlamaLogLevel.error });
const model = await llama.loadModel({ modelPath: settings.gguf });
const prompt = Array.from({ length: promptTokens }, (_, i) => 300 + ((i * 7919) % (vocabularySize - 300)));

/** One stream; `onToken` is called after each token. */
async function decode(sequence, onToken) {
  let count = 0;
  for await (const _token of sequence.evaluate(prompt, { temperature: 0, yieldEogToken: true })) {
    onToken(++count);
    if (count === newTokens) break;
  }
}

async function measure(streams) {
  const context = await model.createContext({
    sequences: streams,
    contextSize: promptTokens + newTokens + 8,
    batchSize: 512,
    threads,
  });
  const sequences = Array.from({ length: streams }, () => context.getSequence());
  const counts = sequences.map(() => 0);
  let started, ended;
  let atStart = 0;
  let atEnd = 0;
  const total = () => counts.reduce((sum, count) => sum + count, 0);
  await Promise.all(
    sequences.map((sequence, index) =>
      decode(sequence, (count) => {
        counts[index] = count;
        if (started === undefined && counts.every((other) => other > 0))
          [started, atStart] = [performance.now(), total()];
        if (ended === undefined && count === newTokens) [ended, atEnd] = [performance.now(), total()];
      }),
    ),
  );
  await context.dispose();
  return ((atEnd - atStart) * 1000) / (ended - started);
}

await measure(1);
const { version } = createRequire(path.join(folder, 'package.json'))(
  path.join(folder, 'node_modules/node-llama-cpp/package.json'),
);
console.log(JSON.stringify({ ready: true, version }));
for await (const line of lines) {
  const [word, streams] = line.split(' ');
  if (word !== 'run') break;
  console.log(JSON.stringify({ tokensPerSecond: await measure(Number(streams)) }));
}
process.exit(0);
