/** A model that was fitted before, measured on records it has not seen, beside others on the same. Nothing is trained. */
import path from 'node:path';
import type { Clock } from '../../base/clock.js';
import { hashFile } from '../data/passport.js';
import { type ReadExamplesOptions, readExamples } from './read-examples.js';
import { type Peer, answersOf, reportOf } from './run-task.js';
import type { TaskReport } from './task-report.js';
import type { Predictor, Task, TaskSettings } from './task.js';

export interface MeasureOptions<Example, Output> extends ReadExamplesOptions {
  /** Records with what is to be answered. */
  readonly file: string;
  /** A few records with their answers, for models that have to be shown what is wanted; not measured. */
  readonly shotsFile?: string | undefined;
  readonly model: () => Promise<Predictor<Example, Output>>;
  /** Whether the model was trained on a text. */
  readonly isSeen?: (text: string) => boolean;
  readonly peers: readonly Peer<Example, Output>[];
  readonly seed: number;
  readonly clock: Clock;
  readonly resamples?: number;
  readonly onProgress?: (fraction: number, text: string) => void;
}

export type Measured = Omit<TaskReport, 'name' | 'versions' | 'cost' | 'model' | 'trainedTokens'>;

/** @throws MoatError those of `readExamples`, of the model and of its peers */
export async function measureModel<Example, Output, Settings extends TaskSettings>(
  task: Task<Example, Output, Settings>,
  {
    file,
    shotsFile,
    model,
    isSeen,
    peers,
    seed,
    clock,
    resamples,
    onProgress,
    ...reading
  }: MeasureOptions<Example, Output>,
): Promise<Measured> {
  const { examples, places, leftOut } = await readExamples(file, task, reading);
  const shots = shotsFile === undefined ? [] : (await readExamples(shotsFile, task, reading)).examples;
  const ours = await answersOf([{ name: 'this model', kind: 'peer', open: model }], examples, clock);
  const [answers] = ours;
  if (answers === undefined) throw new Error('the model was asked');
  const others = await answersOf(
    peers.map(({ name, open }) => ({
      name,
      kind: 'peer' as const,
      open: () => open({ train: shots, validation: [], test: examples }),
    })),
    examples,
    clock,
    (name) => onProgress?.(1, name),
  );
  const facts = {
    files: [{ file: path.basename(file), ...(await hashFile(file)) }],
    records: examples.length + leftOut.count,
    leftOut,
    sameTwice: 0,
    removedCopies: 0,
    alsoTrainedOn: isSeen === undefined ? 0 : examples.filter((example) => isSeen(task.textOf(example))).length,
    train: 0,
    validation: 0,
    test: examples.length,
  };
  const settings = resamples === undefined ? { seed } : { seed, resamples };
  const report = reportOf(task, { test: examples, testPlaces: places, facts }, answers.outputs, others, settings);
  return { ...report, time: { fitSeconds: 0, predictSeconds: answers.seconds } };
}
