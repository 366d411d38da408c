import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it } from 'vitest';
import { manualClock } from '../../base/clock.js';
import { holdCheckpoint } from '../checkpoint/checkpoint-holds.js';
import { checkpointDirectory } from '../checkpoint/run-checkpoints.js';
import { assertNoneHeldAfter } from './run-directory.js';

it('a run does not go back behind a checkpoint that is held', async () => {
  const run = await mkdtemp(path.join(tmpdir(), 'moat-run-'));
  try {
    await assertNoneHeldAfter(run, 0, manualClock());
    await mkdir(checkpointDirectory(run, 20), { recursive: true });
    await holdCheckpoint(checkpointDirectory(run, 20));
    await assertNoneHeldAfter(run, 20, manualClock());
    await expect(assertNoneHeldAfter(run, 10, manualClock())).rejects.toMatchObject({
      code: 'checkpoint-held',
      message: expect.stringContaining('step 20 is promoted or being exported'),
      fix: expect.stringContaining('--with-weights --from-step 10'),
    });
  } finally {
    await rm(run, { recursive: true });
  }
});
