/**
 * Muon (Jordan et al. 2024): momentum whose update is orthogonalised before it is applied, for the matrices inside the
 * blocks. Momentum and the final update run in the WebAssembly kernels, Newton–Schulz as one program on the engine.
 */
import type { FloatArray, Kernels } from '../runtime/kernels.js';
import { floats } from '../runtime/program.js';
import { compileOrthogonalization } from './newton-schulz.js';
import type { Optimizer, OptimizerState } from './optimizer.js';
import type { MatrixStack } from './parameter-store.js';

export interface MuonSettings {
  /** Multiplied by √max(1, rows/columns), so that one rate serves every shape. */
  readonly learningRate: number;
  readonly momentum: number;
  readonly weightDecay: number;
  readonly threads?: number;
}

interface Buffers {
  readonly momentum: FloatArray;
  readonly update: FloatArray;
}

export async function createMuon(
  kernels: Kernels,
  stacks: readonly MatrixStack[],
  settings: MuonSettings,
): Promise<Optimizer> {
  const threads = settings.threads === undefined ? {} : { threads: settings.threads };
  const program = await compileOrthogonalization(stacks, threads);
  const state = new Map<string, OptimizerState>();
  const buffers = stacks.map(({ value, members, shape: [, rows, columns] }): Buffers => {
    const momentum = kernels.allocate(value.length);
    for (const [index, { spec }] of members.entries()) {
      state.set(`${spec.name}.momentum`, {
        array: momentum.part(index * rows * columns, rows * columns),
        shape: spec.shape,
      });
    }
    return { momentum, update: kernels.allocate(value.length) };
  });
  return {
    state,
    close: () => program.close(),
    async step(scale) {
      for (const [index, { gradient }] of stacks.entries()) {
        const { momentum, update } = buffers[index] as Buffers;
        kernels.nesterovMomentum({ gradient, momentum, update, factor: settings.momentum });
      }
      const feeds = stacks.map(
        ({ name, shape }, i) => [name, floats((buffers[i] as Buffers).update.view(), shape)] as const,
      );
      const results = await program.run(Object.fromEntries(feeds));
      for (const [index, { name, value, shape }] of stacks.entries()) {
        const [, rows, columns] = shape;
        const { update } = buffers[index] as Buffers;
        update.view().set(results[`${name}:orthogonal`]?.data as Float32Array);
        const rate = settings.learningRate * scale.learningRate * Math.sqrt(Math.max(1, rows / columns));
        kernels.decayAndAdd({ parameter: value, update, decay: settings.weightDecay * rate, factor: -rate });
      }
    },
  };
}
