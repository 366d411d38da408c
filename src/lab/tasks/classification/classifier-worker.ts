/** The entry of a classifier engine's thread. */
import path from 'node:path';
import { workerData } from 'node:worker_threads';
import { MoatError } from '../../../base/errors.js';
import { offerFunctions } from '../../generate/thread-calls.js';
import { classOutput } from '../class-metrics.js';
import { MODEL_FOLDER, readTaskCard } from '../task-folder.js';
import type { ClassifierFunctions } from './classifier-engine.js';
import { loadNgramClassifier } from './ngram-classifier.js';

offerFunctions(async () => {
  const folder = String(workerData);
  const { task } = await readTaskCard(folder);
  if (task !== 'classification') {
    throw new MoatError('not-a-classifier', `${folder}: a model of the task ${task} gives no labels`, {
      fix: 'Give a model of moat task classification.',
    });
  }
  const model = await loadNgramClassifier(path.join(folder, MODEL_FOLDER));
  const functions: ClassifierFunctions = {
    labels: async () => model.labels,
    async classify(texts) {
      const started = performance.now();
      const outputs = model.classify(texts).map((each) => classOutput(model.labels, each));
      return { outputs, computeMs: performance.now() - started };
    },
  };
  return { functions };
});
