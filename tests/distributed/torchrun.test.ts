import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { RunEvent } from '../../src/base/run-events.js';
import { checkpointDirectory } from '../../src/lab/checkpoint/run-checkpoints.js';
import { loadTextModel } from '../../src/lab/generate/load-model.js';
import { readEvents } from '../../src/lab/train/run-directory.js';
import { type SmallProject, killWorker, losses, makeSmallProject } from './small-run.js';

let project: SmallProject;
beforeAll(async () => {
  project = await makeSmallProject();
});
afterAll(() => project.remove());
