/** What a tuning run says of itself: what it was asked to do, and what came of it, in the files beside the weights. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { writeFileAtomic } from '../../../base/atomic-file.js';
import { MoatError, systemCode } from '../../../base/errors.js';
import type { TrainingOutcome } from '../trainer.js';
import type { HeldOutMeasure } from './held-out.js';
import { type TuningTask, learnedTokens } from './tuning-task.js';

export interface TuneResult {
  readonly reason: TrainingOutcome['reason'];
  readonly steps: number;
  /** The step the weights are from. */
  readonly keptStep: number;
  readonly trainedParameters: number;
  /** Mean training loss over the last steps. */
  readonly trainingLoss: number;
  /** Held-out loss of the model as it was, and of the weights kept; undefined when nothing is held out. */
  readonly lossBefore: number | undefined;
  readonly lossAfter: number | undefined;
  /** UTF-8 bytes of held-out answers a learned token; undefined where the loss is no probability of a text. */
  readonly heldOutBytesPerToken: number | undefined;
  /** Of preferences: the share of held-out pairs whose better answer gained on the worse. */
  readonly preferredAfter: number | undefined;
  /** By id, of the model as it was and of the weights kept: for intervals. Empty where nothing is measured by record. */
  readonly records: readonly RecordChange[];
  readonly tokensSeen: number;
  /** Of this process, from start to finish. */
  readonly wallSeconds: number;
}

export interface RecordChange {
  readonly id: string;
  readonly tokens: number;
  readonly natsBefore: number;
  readonly natsAfter: number;
}

/** Of each id that was measured before and after; records that share one are taken together. */
export function changedRecords(
  { heldOutIds, examples }: Pick<TuningTask, 'heldOutIds' | 'examples'>,
  before: Pick<HeldOutMeasure, 'nats'> | null,
  after: Pick<HeldOutMeasure, 'nats'> | null,
): RecordChange[] {
  const byId = new Map<string, RecordChange>();
  for (const [index, id] of heldOutIds.entries()) {
    const [example, was, is] = [examples.sides['heldOut']?.[index], before?.nats[index], after?.nats[index]];
    if (example === undefined || was === undefined || is === undefined) continue;
    const { tokens, natsBefore, natsAfter } = byId.get(id) ?? { tokens: 0, natsBefore: 0, natsAfter: 0 };
    byId.set(id, {
      id,
      tokens: tokens + learnedTokens([example]),
      natsBefore: natsBefore + was,
      natsAfter: natsAfter + is,
    });
  }
  return [...byId.values()];
}

/** What was asked for, and what came of it. */
export const RECORD_FILE = 'tuning.json';
/** A line for each id that was measured. */
const HELD_OUT_FILE = 'held-out.jsonl';

/**
 * @param asked what the run was asked to do
 * @param result undefined when it begins
 * @throws MoatError `disk-full`, `not-writable`
 */
export async function writeTuningRecord(folder: string, asked: object, result?: TuneResult): Promise<void> {
  const { records = [], ...facts } = result ?? {};
  if (records.length > 0) {
    const lines = records.map((record) => `${JSON.stringify(record)}\n`).join('');
    await writeFileAtomic(path.join(folder, HELD_OUT_FILE), lines);
  }
  const record = result === undefined ? asked : { ...asked, result: { ...facts, heldOutIds: records.length } };
  await writeFileAtomic(path.join(folder, RECORD_FILE), `${JSON.stringify(record, undefined, 2)}\n`);
}

/** @returns what `writeTuningRecord` wrote @throws MoatError `no-such-run`, `bad-run-config` */
export async function readTuningRecord(folder: string): Promise<unknown> {
  const file = path.join(folder, RECORD_FILE);
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    if (systemCode(error) !== 'ENOENT') throw error;
    throw new MoatError('no-such-run', `${folder}: no tuning run was begun here`, {
      fix: 'Name its folder with --out, or begin one without --resume.',
    });
  });
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new MoatError('bad-run-config', `${file}: not valid JSON`, {
      cause: error,
      fix: 'Tune anew, into another folder.',
    });
  }
}
