/** What a finished tuning run says of itself: in figures, and in the files beside the weights. */
import path from 'node:path';
import { writeFileAtomic } from '../../../base/atomic-file.js';
import type { TrainingOutcome } from '../trainer.js';
import type { HeldOutMeasure } from './held-out.js';

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
  readonly wallSeconds: number;
}

export interface RecordChange {
  readonly id: string;
  readonly tokens: number;
  readonly natsBefore: number;
  readonly natsAfter: number;
}

/** Of each id that was measured before and after. */
export function changedRecords(before: HeldOutMeasure | undefined, after: HeldOutMeasure | undefined): RecordChange[] {
  return [...(before?.byId ?? [])].flatMap(([id, { tokens, nats }]) => {
    const natsAfter = after?.byId.get(id)?.nats;
    return natsAfter === undefined ? [] : [{ id, tokens, natsBefore: nats, natsAfter }];
  });
}

/** What was asked for, and what came of it. */
const RECORD_FILE = 'tuning.json';
/** A line for each id that was measured. */
const HELD_OUT_FILE = 'held-out.jsonl';

/** @param asked what the run was asked to do @throws MoatError `disk-full`, `not-writable` */
export async function writeTuningRecord(folder: string, asked: object, result: TuneResult): Promise<void> {
  const { records, ...facts } = result;
  if (records.length > 0) {
    const lines = records.map((record) => `${JSON.stringify(record)}\n`).join('');
    await writeFileAtomic(path.join(folder, HELD_OUT_FILE), lines);
  }
  const record = { ...asked, result: { ...facts, heldOutIds: records.length } };
  await writeFileAtomic(path.join(folder, RECORD_FILE), `${JSON.stringify(record, undefined, 2)}\n`);
}
