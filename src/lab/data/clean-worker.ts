/** The entry of a cleaning thread: examines batches of documents. */
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { createExaminer } from './clean-document.js';
import type { CleanWorkerStart, FromCleanWorker, ToCleanWorker } from './clean-worker-messages.js';
import { createContaminationIndex } from './contamination.js';

function serve(port: MessagePort, { settings, testSets }: CleanWorkerStart): void {
  const contamination = testSets.length === 0 ? undefined : createContaminationIndex(testSets);
  const examine = createExaminer(settings, contamination);
  const answer = (message: FromCleanWorker): void => port.postMessage(message);
  port.on('message', (batch: ToCleanWorker) => {
    try {
      answer({ kind: 'examined', batch: batch.map(examine) });
    } catch (error) {
      answer({ kind: 'failed', error });
    }
  });
}

if (parentPort !== null) serve(parentPort, workerData as CleanWorkerStart);
