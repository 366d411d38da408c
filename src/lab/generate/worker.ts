/** The worker thread's entry: loads a model and answers messages. The only thread of a server that runs sessions. */
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import type { TextEngine } from './engine.js';
import { loadModelOrAdapter } from './load-adapted-model.js';
import { createLocalEngine } from './local-engine.js';
import type { FromWorker, ToWorker, WorkerStart } from './worker-messages.js';
import { threadError } from './worker-thread.js';

async function serve(port: MessagePort, { modelDirectory, options }: WorkerStart): Promise<void> {
  const say = (message: FromWorker): void => port.postMessage(message);
  const engine = await createLocalEngine(await loadModelOrAdapter(modelDirectory), options);
  const open = new Map<number, AbortController>();
  port.on('message', (message: ToWorker) => {
    if (message.type === 'abort') open.get(message.id)?.abort();
    else if (message.type === 'close') void engine.close().then(() => port.close());
    else void answer(engine, message, open, say);
  });
  say({ type: 'ready' });
}

async function answer(
  engine: TextEngine,
  { id, request, isAborted }: Extract<ToWorker, { type: 'generate' }>,
  open: Map<number, AbortController>,
  say: (message: FromWorker) => void,
): Promise<void> {
  const controller = new AbortController();
  if (isAborted) controller.abort();
  open.set(id, controller);
  try {
    for await (const part of engine.generate(request, controller.signal)) say({ type: 'part', id, part });
    say({ type: 'end', id });
  } catch (error) {
    say(threadError(error, id));
  } finally {
    open.delete(id);
  }
}

if (parentPort !== null) {
  const port = parentPort;
  serve(port, workerData as WorkerStart).catch((error: unknown) => {
    port.postMessage(threadError(error, undefined));
    port.close();
  });
}
