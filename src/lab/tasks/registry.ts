import { MoatError } from '../../base/errors.js';
import { classificationTask } from './classification/task.js';
import { clickRankingTask } from './click-ranking/task.js';
import { embeddingTask } from './embedding/task.js';
import { entitiesTask } from './entities/task.js';
import { extractionTask } from './extraction/task.js';
import { questionAnsweringTask } from './question-answering/task.js';
import { recommendationTask } from './recommendation/task.js';
import { tabularTask } from './tabular/task.js';
import { topicsTask } from './topics/task.js';
import { translationTask } from './translation/task.js';
import type { AnyTask } from './task.js';

/** Every task that can be named. */
export const TASKS: readonly AnyTask[] = [
  classificationTask,
  topicsTask,
  entitiesTask,
  tabularTask,
  questionAnsweringTask,
  extractionTask,
  embeddingTask,
  translationTask,
  recommendationTask,
  clickRankingTask,
];

/** @throws MoatError `unknown-task` listing those there are */
export function findTask(name: string): AnyTask {
  const task = TASKS.find((each) => each.name === name);
  if (task !== undefined) return task;
  throw new MoatError('unknown-task', `there is no task "${name}"`, {
    fix: `There are ${TASKS.map((each) => each.name).join(', ')}.`,
  });
}
