/**
 * The peak memory of training, measured in a process of its own: `trainingPeak` starts this same file, which trains
 * a few steps and prints what the system says it held at most.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { readCausalModel } from '../src/lab/models/registry.js';
import { prepareTraining } from './training.js';

const file = fileURLToPath(import.meta.url);
const STEPS = 4;

export interface TrainingShape {
  readonly batchSize: number;
  readonly sequenceLength: number;
}

/** Bytes resident: at most, and before training was prepared; Node and ONNX Runtime themselves included. */
export interface TrainingPeak {
  readonly peakBytes: number;
  readonly baseBytes: number;
}

export function trainingPeak(config: object, shape: TrainingShape): TrainingPeak {
  const printed = execFileSync(process.execPath, ['--import', 'tsx', file, JSON.stringify({ config, shape })], {
    encoding: 'utf8',
  });
  return JSON.parse(printed) as TrainingPeak;
}

/** Not `resourceUsage().maxRSS`: that of a child begins with what its parent held when it was started. */
function peakBytes(): number {
  const kilobytes = /VmHWM:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
  if (kilobytes === undefined) throw new Error('/proc/self/status has no VmHWM: this measurement needs Linux');
  return Number(kilobytes) * 1024;
}

async function trainAndPrint(json: string): Promise<void> {
  const { config, shape } = JSON.parse(json) as { config: object; shape: TrainingShape };
  const baseBytes = process.memoryUsage.rss();
  const bench = await prepareTraining(readCausalModel(config, 'bench').model, shape, 'adamw');
  for (let step = 0; step < STEPS; step++) await bench.step();
  console.log(JSON.stringify({ peakBytes: peakBytes(), baseBytes }));
}

if (process.argv[1] === file) await trainAndPrint(process.argv[2] ?? '{}');
