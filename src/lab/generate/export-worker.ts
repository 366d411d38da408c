/** The entry of the thread that exports one model and ends. */
import { parentPort, workerData } from 'node:worker_threads';
import { type ExportRequest, type FromExportThread, exportModel } from './export-model.js';
import { threadError } from './worker-thread.js';

const port = parentPort;
if (port !== null) {
  const say = (message: FromExportThread): void => port.postMessage(message);
  const stopping = new AbortController();
  port.once('message', () => stopping.abort());
  exportModel(workerData as ExportRequest, {
    signal: stopping.signal,
    onProgress: (progress) => say({ type: 'progress', progress }),
  })
    .then(
      (result) => say({ type: 'done', result }),
      (error: unknown) => say(threadError(error, undefined)),
    )
    .finally(() => port.close());
}
