/** Group `optimizer`: one AdamW step over 14 million parameters against PyTorch's fused AdamW. */
import { Rng } from '../src/base/rng.js';
import { allocationBytes, createKernels } from '../src/lab/runtime/kernels.js';
import { startPeer } from './peer.js';
import { type BenchResult, compare } from './result.js';
import { THREADS } from './training.js';

const COUNT = 14_000_000;

export async function optimizerGroup(): Promise<BenchResult[]> {
  const kernels = createKernels(allocationBytes([COUNT, COUNT, COUNT, COUNT]));
  const [parameter, gradient, firstMoment, secondMoment] = [0, 1, 2, 3].map(() => kernels.allocate(COUNT)) as [
    ReturnType<typeof kernels.allocate>,
    ReturnType<typeof kernels.allocate>,
    ReturnType<typeof kernels.allocate>,
    ReturnType<typeof kernels.allocate>,
  ];
  const rng = Rng.fromSeed(1);
  for (const array of [parameter, gradient]) {
    const view = array.view();
    for (let i = 0; i < COUNT; i++) view[i] = rng.uniform() - 0.5;
  }
  let step = 0;
  const milliseconds = (): number => {
    const started = performance.now();
    kernels.adamw({
      parameter,
      gradient,
      firstMoment,
      secondMoment,
      learningRate: 1e-3,
      beta1: 0.9,
      beta2: 0.95,
      epsilon: 1e-8,
      weightDecay: 0.1,
      gradientScale: 1,
      step: ++step,
    });
    return performance.now() - started;
  };
  const peer = await startPeer('adamw.py', { count: COUNT, threads: THREADS });
  milliseconds();
  const result = await compare({
    group: 'optimizer',
    name: 'AdamW over 14 million parameters (one thread, the fastest of five)',
    unit: 'ms',
    better: 'lower',
    target: 1,
    runs: 9,
    ours: async () => Math.min(...Array.from({ length: 5 }, milliseconds)),
    peer: peer && { name: `PyTorch ${peer.version} fused AdamW`, measure: () => peer.measure('ms') },
  });
  peer?.close();
  if (!Number.isFinite(parameter.view()[0])) throw new Error('the benchmark diverged');
  return [result];
}
