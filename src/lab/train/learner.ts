/**
 * Parameters that learn one objective: runs the program on micro-batches, gathers gradients, clips, and lets the
 * optimizer move the parameters. It knows no data, no schedule, no files; the training loop and the examples drive it.
 * Several learners may share a store, each with its own objective and its own share of the parameters.
 */
import type { ParameterSpec } from '../models/model.js';
import { type Value, floats } from '../runtime/program.js';
import { createDropoutMasks } from './dropout-masks.js';
import { type BuildObjective, type ObjectiveOptions, compileObjective, gradientName, updateName } from './objective.js';
import type { Optimizer } from './optimizer.js';
import { type OptimizerSettings, clippedParameters, createOptimizer } from './optimizers.js';
import type { ParameterStore, StoredParameter } from './parameter-store.js';

export interface LearnerOptions extends ObjectiveOptions {
  readonly store: ParameterStore;
  /** Which of the store's parameters this learner moves; all by default. Statistics are never trained. */
  readonly trained?: (spec: ParameterSpec) => boolean;
  readonly objective: BuildObjective;
  readonly optimizer: OptimizerSettings;
  /** The largest global norm of the clipped gradients; 0, the default, turns clipping off. */
  readonly clipNorm?: number;
  /** Decides the dropout masks. */
  readonly seed: number;
}

/** Where in a run a micro-batch stands; its dropout masks depend on this and the seed alone. */
export interface MicroBatchPlace {
  /** 1-based. */
  readonly step: number;
  readonly micro: number;
}

export interface LearnerStep {
  readonly loss: number;
  /** Over everything this learner trains, before clipping. */
  readonly gradientNorm: number;
  /** Those of the objective, of the last micro-batch. */
  readonly outputs: Readonly<Record<string, Value>>;
}

export interface Learner {
  readonly optimizer: Optimizer;
  /** The gradient of a micro-batch, put in place of the store's (micro 0) or added to it. @returns its loss and outputs */
  accumulate(
    feeds: Readonly<Record<string, Value>>,
    place: MicroBatchPlace,
  ): Promise<{ loss: number; outputs: Readonly<Record<string, Value>> }>;
  gradientNorm(): number;
  /** Moves the parameters by the gathered gradients. @param learningRate the schedule's factor of every rate */
  update(step: number, learningRate: number): Promise<void>;
  /** `accumulate` and `update` of one batch, counting steps by itself. */
  step(feeds: Readonly<Record<string, Value>>, learningRate?: number): Promise<LearnerStep>;
  /** The parameters as they are, read in place. */
  parameters(): ReadonlyMap<string, Value>;
  close(): Promise<void>;
}

export async function createLearner(options: LearnerOptions): Promise<Learner> {
  const { store, trained = () => true, objective, optimizer: settings, clipNorm = 0, seed, ...compiling } = options;
  const { kernels } = store;
  const mine = store.parameters.filter(({ spec }) => spec.role !== 'statistic' && trained(spec));
  const specs = store.parameters.map(({ spec }) => spec);
  const compiled = await compileObjective(
    specs,
    mine.map(({ spec }) => spec),
    objective,
    compiling,
  );
  const { program, sites, updated, outputNames } = compiled;
  const share = shareOf(store, mine, settings);
  const optimizer = await createOptimizer(kernels, share, settings, options.threads);
  const clipped = clippedParameters(share, settings);
  const masks = createDropoutMasks(sites);
  const feedable = parameterFeeds(store);
  const statistics = store.parameters.filter(({ spec }) => updated.includes(spec.name));
  const normOf = (parameters: readonly StoredParameter[]): number =>
    Math.sqrt(parameters.reduce((total, { gradient }) => total + kernels.sumOfSquares(gradient), 0));
  let taken = 0;
  const learner: Learner = {
    optimizer,
    async accumulate(feeds, { step, micro }) {
      const drawn = masks(Math.imul(seed + 1, 0x9e3779b1) ^ Math.imul(step, 0x85ebca6b) ^ Math.imul(micro, 0xc2b2ae35));
      const results = await program.run({ ...feedable, ...feeds, ...drawn });
      for (const { spec, gradient } of mine) gather(gradient.view(), results[gradientName(spec.name)], micro === 0);
      for (const { spec, value } of statistics) value.view().set(results[updateName(spec.name)]?.data as Float32Array);
      const outputs = Object.fromEntries(outputNames.map((name) => [name, results[name] as Value]));
      return { loss: Number(results['loss']?.data[0]), outputs };
    },
    gradientNorm: () => normOf(mine),
    async update(step, learningRate) {
      const norm = clipNorm > 0 ? normOf(clipped) : 0;
      await optimizer.step({ step, learningRate, gradient: norm > clipNorm ? clipNorm / norm : 1 });
    },
    async step(feeds, learningRate = 1) {
      taken++;
      const { loss, outputs } = await learner.accumulate(feeds, { step: taken, micro: 0 });
      const gradientNorm = learner.gradientNorm();
      await learner.update(taken, learningRate);
      return { loss, gradientNorm, outputs };
    },
    parameters: () => new Map(Object.entries(parameterFeeds(store))),
    async close() {
      await program.close();
      await optimizer.close();
    },
  };
  return learner;
}

/** The parameters as program feeds, read in place. */
export function parameterFeeds(store: ParameterStore): Record<string, Value> {
  return Object.fromEntries(store.parameters.map(({ spec, value }) => [spec.name, floats(value.view(), spec.shape)]));
}

function gather(total: Float32Array, result: Value | undefined, isFirst: boolean): void {
  const share = result?.data as Float32Array;
  if (isFirst) total.set(share);
  else for (let i = 0; i < total.length; i++) total[i] = (total[i] as number) + (share[i] as number);
}

/** The part of a store that some of its parameters make up. @throws RangeError when it would cut a stack in two */
function shareOf(
  store: ParameterStore,
  parameters: readonly StoredParameter[],
  { kind }: OptimizerSettings,
): ParameterStore {
  if (kind !== 'muon') return { ...store, parameters };
  if (parameters.length === store.parameters.length) return store;
  const mine = new Set(parameters);
  const stacks = store.stacks.filter(({ members }) => members.some((member) => mine.has(member)));
  const cut = stacks.find(({ members }) => !members.every((member) => mine.has(member)));
  if (cut !== undefined) throw new RangeError(`the matrices of shape ${cut.name} are trained by several learners`);
  return { kernels: store.kernels, parameters, stacks };
}
