/** Runs on a real Ray whose storage is a real S3 server: begun there or here, workers killed, stopped, resumed, brought back. */
import { execFile } from 'node:child_process';
import { cp, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/base/clock.js';
import type { RunEvent } from '../../src/base/run-events.js';
import { latestCheckpoint, listCheckpoints } from '../../src/lab/checkpoint/run-checkpoints.js';
import { verifyManifest } from '../../src/lab/checkpoint/manifest.js';
import { nodeFileSystem } from '../../src/lab/checkpoint/file-system.js';
import { httpSend } from '../../src/lab/distributed/http-send.js';
import { openObjectStore } from '../../src/lab/distributed/object-store.js';
import { openStorage } from '../../src/lab/distributed/open-storage.js';
import { type RayJobs, createRayJobs } from '../../src/lab/distributed/ray-jobs.js';
import { storeAccess } from '../../src/lab/distributed/store-access.js';
import { type RayRunOptions, trainOnRay } from '../../src/lab/distributed/train-on-ray.js';
import { readEvents } from '../../src/lab/train/run-directory.js';
import { type MotoServer, lacksMoto, startMoto } from './moto-server.js';
import { type RayCluster, startRay } from './ray-cluster.js';
import { type SmallProject, countedSteps, losses, makeSmallProject } from './small-run.js';

const PYTHON = process.env['MOAT_PYTHON'] ?? 'python3';
const lacking = await lacksMoto(PYTHON);
if (lacking !== undefined) console.log(lacking);

// enough for a stop to come in time: step events reach the store with the next checkpoint, or after five seconds
const STEPS = 600;
const LIMIT_MS = 900_000;
const PLACE = 's3://team/runs';

describe.skipIf(lacking !== undefined)('S3', () => {
  let moto: MotoServer;
  let project: SmallProject;
  let cluster: RayCluster;
  let jobs: RayJobs;
  /** The losses of the same run, trained here, without a break. */
  let expected: number[];
  const before = { ...process.env };

  const config = () =>
    project.config({
      loop: { maxSteps: STEPS, checkpointEvery: 30, evalEvery: STEPS },
      optimizer: {
        kind: 'adamw',
        learningRate: 1e-3,
        embeddingLearningRate: 1e-3,
        headLearningRate: 1e-3,
        vectorLearningRate: 1e-3,
      },
    });

  beforeAll(async () => {
    moto = await startMoto(PYTHON);
    // the workers' own keys: what Ray is started with
    Object.assign(process.env, moto.owner);
    project = await makeSmallProject();
    cluster = await startRay(4);
    jobs = createRayJobs(cluster.base, { send: httpSend });
    expected = losses(await project.trainHere('here', { config: config(), resume: undefined }));
  }, LIMIT_MS);
  afterAll(async () => {
    process.env = before;
    await cluster?.stop();
    await project?.remove();
    await moto?.stop();
  });

  const storageOf = (name: string, env = moto.owner) =>
    openStorage(PLACE, project.runDirectory(name), { env, send: httpSend, clock: systemClock, wait });

  async function train(name: string, workers: number, { resume, ...more }: Partial<RayRunOptions> = {}) {
    const storage = storageOf(name);
    return trainOnRay({
      jobs,
      runDirectory: project.runDirectory(name),
      storage,
      place: { on: jobs.address, workers, workerCpus: null, storage: PLACE, install: false },
      config: config(),
      resume,
      checkpointBytes: 1_000_000,
      async writeJob(folder) {
        const made = await project.writeJob(`${name}-${workers}`, {
          config: config(),
          runName: name,
          runDirectory: storage.location,
          shardsThere: await storage.placeShards(path.join(project.folder, 'shards')),
          workers,
          travels: true,
          resume: resume === undefined ? null : { fromStep: resume.fromStep ?? null },
        });
        await cp(made, folder, { recursive: true });
      },
      requirements: [],
      detach: false,
      clock: systemClock,
      wait,
      signal: new AbortController().signal,
      onEvent: () => {},
      onStatus: () => {},
      onNotice: () => {},
      ...more,
    });
  }

  /** Every step once, with the losses of an unbroken run, and checkpoints here that are what was saved. */
  async function expectWhole(name: string): Promise<RunEvent[]> {
    const events = await readEvents(project.runDirectory(name));
    const found = countedSteps(events);
    expect(found.map(({ step }) => step)).toEqual(Array.from({ length: STEPS }, (_, at) => at + 1));
    const furthest = Math.max(...found.map(({ loss, step }) => Math.abs(loss - (expected[step - 1] ?? Number.NaN))));
    expect(furthest).toBeLessThan(1e-3);
    expect(events.at(-1)).toMatchObject({ type: 'done', reason: 'finished', step: STEPS });
    const checkpoints = await listCheckpoints(project.runDirectory(name));
    expect(checkpoints.at(-1)?.step).toBe(STEPS);
    for (const { directory } of checkpoints) await verifyManifest(nodeFileSystem, directory);
    return events;
  }

  test(
    'two workers, one of them killed; stopped, resumed on one, and brought back',
    { timeout: LIMIT_MS },
    async () => {
      const stop = new AbortController();
      let killed = false;
      let begun = 0;
      await train('killed', 2, {
        signal: stop.signal,
        onEvent(event) {
          if (event.type === 'start') begun++;
          if (event.type === 'checkpoint' && !killed) {
            cluster.killWorker();
            killed = true;
          }
          if (begun === 2 && event.type === 'step') stop.abort();
        },
      });
      const stopped = await readEvents(project.runDirectory('killed'));
      expect(stopped.at(-1)).toMatchObject({ type: 'done', reason: 'stopped' });
      expect(stopped.filter(({ type }) => type === 'start')).toHaveLength(2);
      const at = countedSteps(stopped).length;
      expect((await latestCheckpoint(project.runDirectory('killed')))?.step).toBe(at);
      await train('killed', 1, { resume: { fromStep: undefined } });
      const events = await expectWhole('killed');
      expect(events.flatMap((event) => (event.type === 'start' ? [event.resumedFromStep] : [])).at(-1)).toBe(at);
      // nothing of the jobs is left beside the run
      const there = openObjectStore(storeAccess(`${PLACE}/killed`, moto.owner), {
        send: httpSend,
        clock: systemClock,
        wait,
      });
      const names = (await there.list('')).map(({ name }) => name.split('/')[0]);
      expect([...new Set(names)].sort()).toEqual(['attempts', 'checkpoints', 'config.json', 'events.jsonl']);
    },
  );

  test('begun here, gone on with there, and ended here', { timeout: LIMIT_MS }, async () => {
    const run = project.runDirectory('both');
    const pause = new AbortController();
    await project.trainHere('both', {
      config: config(),
      resume: undefined,
      signal: pause.signal,
      onEvent: (event) => {
        if (event.type === 'step' && event.step === 30) pause.abort();
      },
    });
    const here = countedSteps(await readEvents(run)).length;
    expect(here).toBeLessThan(STEPS);
    const stop = new AbortController();
    await train('both', 2, {
      resume: { fromStep: undefined },
      signal: stop.signal,
      onEvent: (event) => {
        if (event.type === 'step' && event.step >= here + 5) stop.abort();
      },
    });
    const there = countedSteps(await readEvents(run)).length;
    expect(there).toBeGreaterThan(here);
    await project.trainHere('both', { config: config(), resume: { fromStep: undefined } });
    await expectWhole('both');
  });

  test('first weights that are too large to travel come from the store', { timeout: 120_000 }, async () => {
    const file = path.join(project.folder, 'start.safetensors');
    await writeFile(file, 'drawn here');
    const where = (await storageOf('large').sendStart?.(file)) ?? '';
    const fetch = `
import sys
sys.path.insert(0, "distributed")
from pathlib import Path
from storage import fetch_start
print(fetch_start(sys.argv[1], Path("job"), Path(sys.argv[2])).read_text())
`;
    const env = { ...process.env, ...moto.owner };
    const { stdout } = await promisify(execFile)(PYTHON, ['-c', fetch, where, path.join(project.folder, 'scratch')], {
      env,
    });
    expect(stdout).toBe('drawn here\n');
  });

  describe('what the store refuses is one line, here and from the workers', () => {
    const SAVE = `
import sys
sys.path.insert(0, "distributed")
from problem import MoatError
from storage import open_place
try: open_place(sys.argv[1]).write("config.json", b"{}")
except MoatError as error: print(error.code + ": " + error.what)
`;
    const none = { AWS_ACCESS_KEY_ID: undefined, AWS_SECRET_ACCESS_KEY: undefined };
    test.each([
      ['no keys', 'team', none, 'store-no-credentials'],
      ['an unknown key', 'team', { AWS_ACCESS_KEY_ID: 'AKIANOBODY' }, 'store-wrong-key'],
      ['a wrong secret', 'team', { AWS_SECRET_ACCESS_KEY: 'guess' }, 'store-wrong-key'],
      ['no permission', 'team', 'reader', 'store-forbidden'],
      ['no such bucket', 'teem', {}, 'store-no-bucket'],
      ['no server', 'team', { AWS_ENDPOINT_URL: 'http://127.0.0.1:1' }, 'store-unreachable'],
    ] as const)('%s', { timeout: 120_000 }, async (_what, bucket, change, code) => {
      const env = change === 'reader' ? moto.reader : { ...moto.owner, ...change };
      const place = `s3://${bucket}/refused`;
      const connection = { send: httpSend, clock: systemClock, wait };
      await expect(
        (async () => openObjectStore(storeAccess(place, env), connection).write('config.json', '{}'))(),
      ).rejects.toMatchObject({ code });
      // no file of keys of the one who runs this test
      const alone = { PATH: process.env['PATH'], HOME: '/nowhere', ...env };
      const { stdout } = await promisify(execFile)(PYTHON, ['-c', SAVE, place], { env: alone });
      expect(stdout).toMatch(new RegExp(`^${code}: s3://${bucket}/refused: .+\\n$`));
    });
  });
});
