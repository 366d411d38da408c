/**
 * A `TextEngine` whose model lives in a worker thread: sessions block the thread they run on, and a server's must stay
 * free. Text becomes tokens here, in the calling thread; everything else happens there. When the thread dies, every open
 * request fails with one clear line and the next request starts a new thread.
 */
import { infillPrompt } from './infill-prompt.js';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { Worker } from 'node:worker_threads';
import { MoatError, messageOf } from '../../base/errors.js';
import { readCausalModel } from '../models/registry.js';
import { loadTokenizer } from '../tokenizer/tokenizer.js';
import type { AnswerPart } from './answer.js';
import { type Channel, createChannel } from './channel.js';
import { checkRequest, placesOf } from './check-request.js';
import type { GenerateRequest, TextEngine } from './engine.js';
import { baseFolderOf } from './load-adapted-model.js';
import { type LocalEngineOptions, queueFull } from './local-engine.js';
import type { FromWorker, ToWorker, WorkerStart } from './worker-messages.js';
import { errorOf, untilReady } from './worker-thread.js';

export interface WorkerEngineOptions extends LocalEngineOptions {
  /** A checkpoint in Hugging Face layout, or an adapter beside one. */
  readonly modelDirectory: string;
}

/** Compiled by scripts/build.mjs; the same place seen from src/ and from dist/. */
const ENTRY = new URL('../../../dist/lab/generate/worker.js', import.meta.url);

/** @throws MoatError those of `loadModel` */
export async function createWorkerEngine(options: WorkerEngineOptions): Promise<TextEngine> {
  const { modelDirectory, modelId, maxConcurrent, queueLimit } = options;
  const base = await baseFolderOf(modelDirectory);
  const tokenizer = await loadTokenizer(base);
  const configFile = path.join(base, 'config.json');
  const { config } = readCausalModel(JSON.parse(await readFile(configFile, 'utf8')), configFile).model;
  const contextLength = config.max_position_embeddings;
  let thread = await startThread(options);
  let closing: Promise<void> | undefined;
  return {
    modelId,
    contextLength,
    encode: (text) => [...tokenizer.promptStart, ...tokenizer.encode(text)],
    encodeChat: (messages) => tokenizer.renderChat(messages),
    encodeInfill: (before, after) => infillPrompt(tokenizer, before, after),
    tokenBytes: (id) => tokenizer.tokenBytes(id),
    generate(request, signal) {
      if (closing !== undefined) throw new MoatError('engine-closed', `${modelId} is closing`);
      checkRequest(request, { contextLength, tokenCount: tokenizer.vocabSize, maxConcurrent });
      if (thread.placesTaken() + placesOf(request) > maxConcurrent + queueLimit) throw queueFull(options);
      return thread.generate(request, signal);
    },
    async close() {
      closing ??= thread.close();
      await closing;
    },
  };

  async function startThread(start: WorkerEngineOptions): Promise<Thread> {
    return openThread(start, (error) => {
      if (closing === undefined) thread = restarting(start, error);
    });
  }

  /** Stands in for a dead thread until its first request, which waits for a new one. */
  function restarting(start: WorkerEngineOptions, cause: unknown): Thread {
    let next: Promise<Thread> | undefined;
    return {
      placesTaken: () => 0,
      async *generate(request, signal) {
        next ??= startThread(start).catch((error: unknown) => {
          next = undefined;
          throw new MoatError(
            'engine-failed',
            `${modelId} stopped (${messageOf(cause)}) and does not start again: ${messageOf(error)}`,
          );
        });
        thread = await next;
        yield* thread.generate(request, signal);
      },
      close: async () => (next === undefined ? undefined : (await next).close()),
    };
  }
}

interface OpenRequest {
  readonly channel: Channel<AnswerPart>;
  readonly places: number;
}

interface Thread {
  /** By requests that wait or are being answered. */
  placesTaken(): number;
  generate(request: GenerateRequest, signal: AbortSignal | undefined): AsyncIterable<AnswerPart>;
  close(): Promise<void>;
}

async function openThread(
  { modelDirectory, ...options }: WorkerEngineOptions,
  onDeath: (error: unknown) => void,
): Promise<Thread> {
  const start: WorkerStart = { modelDirectory, options };
  const worker = new Worker(ENTRY, { workerData: start });
  const open = new Map<number, OpenRequest>();
  const say = (message: ToWorker): void => worker.postMessage(message);
  const exited = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
  let isClosing = false;
  await untilReady(worker);
  const die = (error: unknown): void => {
    if (isClosing) return;
    isClosing = true;
    const failure = new MoatError('engine-failed', `${options.modelId} stopped in the middle of an answer`, {
      fix: 'Ask again; it starts anew.',
      cause: error,
    });
    for (const { channel } of open.values()) channel.end(failure);
    open.clear();
    onDeath(error);
  };
  worker.on('error', die);
  worker.once('exit', (code) => die(new Error(`exit code ${code}`)));
  worker.on('message', (message: FromWorker) => deliver(message, open));
  let lastId = 0;
  return {
    placesTaken: () => [...open.values()].reduce((sum, { places }) => sum + places, 0),
    generate(request, signal) {
      const id = ++lastId;
      const channel = createChannel<AnswerPart>();
      open.set(id, { channel, places: placesOf(request) });
      say({ type: 'generate', id, request, isAborted: signal?.aborted === true });
      const abort = (): void => say({ type: 'abort', id });
      signal?.addEventListener('abort', abort, { once: true });
      return channel.values(() => {
        signal?.removeEventListener('abort', abort);
        if (open.has(id)) abort();
      });
    },
    async close() {
      isClosing = true;
      say({ type: 'close' });
      await exited;
    },
  };
}

function deliver(message: FromWorker, open: Map<number, OpenRequest>): void {
  if (message.type === 'ready' || message.id === undefined) return;
  const channel = open.get(message.id)?.channel;
  if (message.type === 'part') {
    channel?.push(message.part);
    return;
  }
  open.delete(message.id);
  channel?.end(message.type === 'error' ? errorOf(message) : undefined);
}
