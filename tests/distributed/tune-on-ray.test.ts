/** An adapter tuned on a real Ray: over a folder that both sides see, with the losses and the result of a run here. */
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../src/base/clock.js';
import type { RunEvent } from '../../src/base/run-events.js';
import { tuneThere } from '../../src/cli/stages/tune-there-stage.js';
import { loadModelOrAdapter } from '../../src/lab/generate/load-adapted-model.js';
import { readEvents } from '../../src/lab/train/run-directory.js';
import { type RayCluster, startRay } from './ray-cluster.js';
import { losses } from './small-run.js';
import { type TuningProject, makeTuningProject, silentReporter } from './small-tuning.js';

const LIMIT_MS = 900_000;
let project: TuningProject;
let cluster: RayCluster;
beforeAll(async () => {
  project = await makeTuningProject();
  cluster = await startRay(4);
}, LIMIT_MS);
afterAll(async () => {
  await cluster.stop();
  await project.remove();
});

test(
  'two workers of a cluster: the losses of the local tuner, and an adapter that loads here',
  { timeout: LIMIT_MS },
  async () => {
    const { tuning } = await project.tuning({ adapter: {}, packed: true });
    const { events: here, result: expected } = await project.here('here', tuning);
    const out = project.out('there');
    const seen: RunEvent[] = [];
    const { result } = await tuneThere(
      {
        out,
        resume: false,
        clock: systemClock,
        signal: new AbortController().signal,
        reporter: silentReporter,
        onEvent: (event) => seen.push(event),
        there: {
          cluster: cluster.base,
          workers: 2,
          workerCpus: undefined,
          storage: path.join(project.folder, 'shared'),
          detach: false,
          install: false,
          env: {},
        },
      },
      tuning,
    );
    const events = await readEvents(out);
    expect(seen).toEqual(events);
    expect(losses(events)).toHaveLength(20);
    const furthest = losses(events).map((loss, index) => Math.abs(loss - (losses(here)[index] ?? Number.NaN)));
    expect(Math.max(...furthest)).toBeLessThan(1e-3);
    expect(result).toMatchObject({ reason: 'finished', steps: 20, keptStep: expected.keptStep });
    expect(Math.abs((result?.lossAfter ?? 0) - (expected.lossAfter ?? 1))).toBeLessThan(1e-3);
    const names = ['adapter_config.json', 'adapter_model.safetensors', 'events.jsonl', 'held-out.jsonl', 'tuning.json'];
    expect((await readdir(out)).sort()).toEqual(names);
    await loadModelOrAdapter(out);
  },
);
