import { mkdir, mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { checkpointDirectory } from '../../lab/checkpoint/run-checkpoints.js';
import { findModel, freeRunName } from './find-run.js';

test('the model of the newest run that has one: a run that has only begun does not stand before it', async () => {
  const runs = await mkdtemp(path.join(tmpdir(), 'moat-find-'));
  try {
    await expect(findModel(runs, undefined)).rejects.toMatchObject({ code: 'no-model' });
    for (const [seconds, name] of ['run-1', 'run-2', 'run-4'].entries()) {
      await mkdir(path.join(runs, name));
      const events = path.join(runs, name, 'events.jsonl');
      await writeFile(events, '{}\n');
      await utimes(events, 1000 + seconds, 1000 + seconds);
    }
    for (const name of ['run-1', 'run-2'])
      await mkdir(checkpointDirectory(path.join(runs, name), 3), { recursive: true });
    expect(await findModel(runs, undefined)).toBe(checkpointDirectory(path.join(runs, 'run-2'), 3));
    expect(await findModel(runs, 'run-1')).toBe(checkpointDirectory(path.join(runs, 'run-1'), 3));
    await expect(findModel(runs, 'run-4')).rejects.toMatchObject({ code: 'no-model' });
    expect(await freeRunName(runs)).toBe('run-5');
  } finally {
    await rm(runs, { recursive: true });
  }
});
