/** A training run on many GPUs: how much of the time is lost to sending gradients, to failures and to checkpoints. */
import { Rng } from '../../src/base/rng.js';
import { TRAINING_BYTES } from '../../src/lab/planning/devices.js';

export interface Cluster {
  readonly gpus: number;
  readonly parameters: number;
  /** Of a GPU, in one step. */
  readonly tokensPerGpu: number;
  readonly flopsPerGpu: number;
  /** Bytes a second that a GPU sends: inside a node of eight, and between nodes. */
  readonly bandwidth: { readonly node: number; readonly network: number };
  /** Bytes a second that checkpoints are written with, all together. */
  readonly storage: number;
  readonly gpuHoursBetweenFailures: number;
  /** Until the run goes on after a failure, before it repeats what was lost. */
  readonly restartSeconds: number;
}

export interface TrainingOutcome {
  readonly stepSeconds: number;
  /** Share of a step that computes while gradients are not waited for. */
  readonly parallel: number;
  /** Share of the hours that made progress; the rest went to checkpoints, failures and what they undid. */
  readonly useful: number;
  readonly checkpointMinutes: number;
  readonly failures: number;
  readonly tokensPerSecond: number;
}

const GPUS_OF_NODE = 8;
/** Gradients travel while the backward pass, two thirds of a step, still computes. */
const OVERLAP = 2 / 3;
const GRADIENT_BYTES = 2;

/** @param hours of the clock that are played */
export function simulateTraining(cluster: Cluster, hours: number, seed: number): TrainingOutcome {
  const { gpus, parameters, bandwidth, tokensPerGpu } = cluster;
  const compute = (6 * parameters * tokensPerGpu) / cluster.flopsPerGpu;
  // a ring sends and receives each gradient once: 2 (n − 1) ÷ n of its bytes
  const line = gpus <= GPUS_OF_NODE ? bandwidth.node : bandwidth.network;
  const exchange = (2 * ((gpus - 1) / gpus) * GRADIENT_BYTES * parameters) / line;
  const stepSeconds = compute + Math.max(0, exchange - OVERLAP * compute);
  const saveSeconds = (TRAINING_BYTES * parameters) / cluster.storage;
  const betweenFailures = (cluster.gpuHoursBetweenFailures / gpus) * 3600;
  // Young 1974: √(2 · time to save · time between failures)
  const interval = Math.sqrt(2 * saveSeconds * betweenFailures);
  const { useful, failures } = play(
    { interval, saveSeconds, betweenFailures, restart: cluster.restartSeconds },
    hours,
    seed,
  );
  return {
    stepSeconds,
    parallel: compute / stepSeconds,
    useful,
    checkpointMinutes: interval / 60,
    failures,
    tokensPerSecond: (gpus * tokensPerGpu * useful) / stepSeconds,
  };
}

function play(
  run: {
    readonly interval: number;
    readonly saveSeconds: number;
    readonly betweenFailures: number;
    readonly restart: number;
  },
  hours: number,
  seed: number,
): { useful: number; failures: number } {
  const rng = Rng.fromSeed(seed);
  const nextFailure = (): number => -Math.log(1 - rng.uniform()) * run.betweenFailures;
  const end = hours * 3600;
  let [now, kept, failures] = [0, 0, 0];
  let failsAt = nextFailure();
  while (now < end) {
    const savedAt = now + run.interval + run.saveSeconds;
    if (savedAt <= failsAt) {
      kept += Math.min(run.interval, Math.max(0, end - now));
      now = savedAt;
      continue;
    }
    if (failsAt >= end) break;
    failures++;
    now = failsAt + run.restart;
    failsAt = now + nextFailure();
  }
  return { useful: Math.min(1, kept / end), failures };
}
