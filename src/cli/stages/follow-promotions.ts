/** Lets a server that runs take up what was promoted elsewhere: on the command line, or by another server of the project. */
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { SERVING_FILE, readServing } from '../../company/gateway/model-source.js';
import type { ServedModels } from '../../company/gateway/served-models.js';

const LOOK_EVERY_MS = 2_000;

export function followPromotions(options: {
  readonly project: string;
  readonly models: ServedModels;
  readonly onProblem: (error: unknown) => void;
}): { close(): Promise<void> } {
  const { project, models, onProblem } = options;
  const file = path.join(project, SERVING_FILE);
  let seenMs: number | undefined;
  const look = async (): Promise<void> => {
    const writtenMs = (await stat(file).catch(() => undefined))?.mtimeMs;
    if (writtenMs === seenMs || models.isPromoting()) return;
    seenMs = writtenMs;
    // Nobody withdraws by taking the file away; whoever mends it does.
    if (writtenMs === undefined) return;
    const serving = await readServing(project);
    for (const name of models.sources.keys())
      if (!serving.has(name) && models.canWithdraw(name)) await models.withdraw(name);
    for (const [name, source] of serving) {
      const now = models.sources.get(name);
      if (now?.run === source.run && now.checkpoint === source.checkpoint) continue;
      await models.promote(name, source);
    }
  };
  let looking = Promise.resolve();
  const timer = setInterval(() => {
    looking = looking.then(look).catch(onProblem);
  }, LOOK_EVERY_MS);
  timer.unref();
  return {
    async close() {
      clearInterval(timer);
      await looking;
    },
  };
}
