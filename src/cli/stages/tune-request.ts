/** What a tuning run was asked to do, in its folder, and whether it is still asked of the same records and the same base. */
import { createHash } from 'node:crypto';
import path from 'node:path';
import { MoatError } from '../../base/errors.js';
import type { TrainableWeights } from '../../lab/train/supervised/trainable-weights.js';
import { RECORD_FILE, readTuningRecord } from '../../lab/train/supervised/tuning-record.js';
import type { TuningExamples } from '../../lab/train/supervised/tuning-task.js';
import { type TuneRequest, tuneRequestSchema } from './tune-options.js';

/** What marks the records and the base; the base's only where an adapter stands beside it. */
interface Marks {
  readonly examplesSha256: string;
  readonly baseSha256?: string | undefined;
}

export function marksOf({ sides }: TuningExamples, { layout }: Pick<TrainableWeights, 'layout'>): Marks {
  const hash = createHash('sha256');
  for (const [side, examples] of Object.entries(sides)) {
    hash.update(`${side} ${examples.length}\n`);
    for (const { tokens, mask } of examples) {
      hash.update(`${tokens.length}\n`);
      hash.update(new Uint8Array(tokens.buffer, tokens.byteOffset, tokens.byteLength));
      hash.update(mask);
    }
  }
  return { examplesSha256: hash.digest('hex'), baseSha256: layout.metadata['base_sha256'] };
}

/** As `tuning.json` keeps it, beside the settings. */
export function askedOf(request: TuneRequest, marks: Marks): object {
  return { request: { ...request, settings: undefined }, ...marks };
}

/** @throws MoatError `no-such-run`, `bad-run-config`, `run-finished` */
export async function readTuneRequest(folder: string): Promise<TuneRequest> {
  const record = (await readTuningRecord(folder)) as {
    request?: object;
    settings?: object;
    result?: { reason?: string };
  };
  const parsed = tuneRequestSchema.safeParse({ ...record.request, settings: record.settings });
  if (!parsed.success) {
    const where = parsed.error.issues[0]?.path.join('.') ?? '';
    throw new MoatError(
      'bad-run-config',
      `${path.join(folder, RECORD_FILE)}: ${where}: not what a run was asked to do`,
      {
        fix: 'Tune anew, into another folder.',
      },
    );
  }
  const reason = record.result?.reason;
  if (reason === undefined || reason === 'stopped') return parsed.data;
  throw new MoatError('run-finished', `${folder}: this run has come to its end`, {
    fix: 'Tune on from it with --from, into another folder.',
  });
}

/** @throws MoatError `other-records`, `other-base` where the run was begun with others */
export async function checkMarks(folder: string, { data, from }: TuneRequest, marks: Marks): Promise<void> {
  const begun = (await readTuningRecord(folder)) as Partial<Marks>;
  if (begun.examplesSha256 !== marks.examplesSha256) {
    throw new MoatError('other-records', `${data}: these are not the records the run in ${folder} was begun with`, {
      fix: 'Put the file back as it was, or tune anew, into another folder.',
    });
  }
  if (begun.baseSha256 === marks.baseSha256) return;
  throw new MoatError('other-base', `${from}: not the weights that the adapter in ${folder} was begun beside`, {
    fix: 'Put the base back as it was, or tune anew, into another folder.',
  });
}
