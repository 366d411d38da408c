/** `moat train --stop`: a run is asked to save and end, wherever it trains and whoever started it. */
import { setTimeout as wait } from 'node:timers/promises';
import { MoatError } from '../../base/errors.js';
import { httpSend } from '../../lab/distributed/http-send.js';
import { readClaim } from '../../lab/distributed/run-claim.js';
import { openStorage } from '../../lab/distributed/open-storage.js';
import { isTraining, requestStop } from '../../lab/train/run-lock.js';
import { runDirectoryOf } from '../stages/model-files.js';
import { type RayStageOptions, type RayStageResult, runRayStage } from '../stages/ray-stage.js';
import { trainTarget } from './train-target.js';

type StopOptions = Pick<RayStageOptions, 'project' | 'runName' | 'reporter' | 'clock' | 'env'>;

/**
 * A process that trains the run here, or follows its job, is asked and not waited for; a job that nobody follows is
 * followed to its end, and what it made is brought back.
 * @returns undefined where a process was asked
 * @throws MoatError `not-training`, those of `runRayStage`
 */
export async function stopRun(options: StopOptions): Promise<RayStageResult | undefined> {
  const runDirectory = runDirectoryOf(options.project, options.runName);
  if ((await isTraining(runDirectory)) === true) {
    await requestStop(runDirectory);
    return undefined;
  }
  const claim = await readClaim(runDirectory);
  const target = trainTarget(claim?.address);
  if (claim === undefined || target.kind !== 'ray') {
    throw new MoatError('not-training', `${runDirectory}: nothing is training this run`);
  }
  const storage = claim.location === runDirectory ? undefined : claim.location.replace(/\/[^/]*$/, '');
  // workers that go on without their cluster hear of it, too
  const connection = { env: options.env, send: httpSend, clock: options.clock, wait };
  await openStorage(storage, runDirectory, connection)
    .askToStop()
    .catch(() => {});
  return runRayStage({
    ...options,
    address: target.address,
    storage,
    resume: { fromStep: undefined },
    signal: AbortSignal.abort(),
    // nothing is begun that these would be for
    workers: 1,
    workerCpus: undefined,
    install: false,
    detach: false,
  });
}
