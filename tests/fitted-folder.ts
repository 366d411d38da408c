/** A model fitted to a few examples, as the folder that `moat task` leaves. */
import { manualClock } from '../src/base/clock.js';
import { type TaskCard, saveTaskModel } from '../src/lab/tasks/task-folder.js';
import type { TaskReport } from '../src/lab/tasks/task-report.js';
import type { FittedModel, Task, TaskContext, TaskSettings } from '../src/lab/tasks/task.js';

const REPORT: TaskReport = {
  schemaVersion: 1,
  name: 'small',
  task: { name: 'small', title: 'Small' },
  data: {
    files: [],
    records: 0,
    leftOut: { count: 0, shown: [] },
    sameTwice: 0,
    removedCopies: 0,
    train: 0,
    validation: 0,
    test: 0,
  },
  model: { base: undefined, settings: {}, seed: 1, facts: {} },
  versions: {},
  time: { fitSeconds: 0, predictSeconds: 0 },
  trainedTokens: undefined,
  cost: { micros: '0', currency: 'USD', hourlyMicros: '0' },
  scores: [],
  peers: [],
  slices: [],
  worst: [],
  tables: [],
};

/** @param settings those that differ from the task's own */
export async function saveFitted<Example, Output, Settings extends TaskSettings>(
  folder: string,
  task: Task<Example, Output, Settings>,
  train: readonly Example[],
  settings: object = {},
): Promise<FittedModel<Example, Output>> {
  const context: TaskContext<Settings> = {
    settings: task.settings.parse(settings),
    seed: 1,
    threads: 1,
    clock: manualClock(),
  };
  const model = await task.fit({ train, validation: train.slice(0, 4) }, context);
  const card: TaskCard = { schemaVersion: 1, task: task.name, settings: context.settings, seed: 1, fields: {} };
  await saveTaskModel(folder, card, model, REPORT);
  return model;
}
