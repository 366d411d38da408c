/** A loss as a running program: what is fed, the loss, and a gradient for every parameter that is trained. */
import { grad } from '../graph/grad.js';
import { type Tensor, input } from '../graph/tensor.js';
import type { ParameterSpec, Parameters, Pass } from '../models/model.js';
import { type CompileOptions, type Program, compile } from '../runtime/program.js';
import { type DropoutSite, createTrainingPass } from './training-pass.js';

export interface Objective {
  /** Fed with every batch, beside the parameters. */
  readonly inputs: readonly Tensor[];
  /** A scalar. Those of micro-batches add up, so it is a sum over examples with weights that make it a mean. */
  readonly loss: Tensor;
  /** Further results the caller wants back. */
  readonly outputs?: Readonly<Record<string, Tensor>>;
}

/** Builds the loss of a batch; called once. */
export type BuildObjective = (parameters: Parameters, pass: Pass) => Objective;

export interface ObjectiveOptions extends CompileOptions {
  /** Compute blocks again in the backward pass instead of keeping what they computed: less memory, more time. */
  readonly recompute?: boolean;
}

export interface ObjectiveProgram {
  /** Outputs `loss`, `gradient:NAME`, `update:NAME` for statistics, and those of the objective. */
  readonly program: Program;
  readonly sites: readonly DropoutSite[];
  /** Statistics the pass updates. */
  readonly updated: readonly string[];
  readonly outputNames: readonly string[];
}

/** The output under which a parameter's gradient is returned. */
export const gradientName = (parameter: string): string => `gradient:${parameter}`;
/** The output under which a statistic's next value is returned. */
export const updateName = (parameter: string): string => `update:${parameter}`;

/** Every parameter as an input of the graph, found by name. */
export function parameterInputs(specs: readonly ParameterSpec[]): { lookUp: Parameters; tensors: readonly Tensor[] } {
  const byName = new Map(specs.map((spec) => [spec.name, input(spec.name, spec.shape)]));
  const lookUp = (name: string): Tensor => {
    const parameter = byName.get(name);
    if (parameter === undefined) throw new Error(`the model uses ${name}, which it does not declare`);
    return parameter;
  };
  return { lookUp, tensors: [...byName.values()] };
}

/** What an objective is before it is compiled. */
export interface ObjectiveGraph {
  readonly inputs: readonly Tensor[];
  readonly outputs: Readonly<Record<string, Tensor>>;
  readonly sites: readonly DropoutSite[];
  readonly updated: readonly string[];
  readonly outputNames: readonly string[];
}

/** @param trained which parameters get a gradient; statistics never do */
export function objectiveGraph(
  specs: readonly ParameterSpec[],
  trained: readonly ParameterSpec[],
  build: BuildObjective,
  recompute = false,
): ObjectiveGraph {
  const { lookUp, tensors } = parameterInputs(specs);
  const pass = createTrainingPass();
  const { inputs, loss, outputs: further = {} } = build(lookUp, pass);
  const gradients = grad(
    loss,
    trained.map(({ name }) => lookUp(name)),
    recompute ? { boundaries: pass.boundaries } : {},
  );
  const outputs: Record<string, Tensor> = { ...further, loss };
  for (const [index, { name }] of trained.entries()) outputs[gradientName(name)] = gradients[index] as Tensor;
  for (const [name, value] of pass.updates) outputs[updateName(name)] = value;
  const { sites, updates } = pass;
  return {
    inputs: [...inputs, ...tensors, ...sites.map(({ mask }) => mask)],
    outputs,
    sites,
    updated: [...updates.keys()],
    outputNames: Object.keys(further),
  };
}

export async function compileObjective(
  specs: readonly ParameterSpec[],
  trained: readonly ParameterSpec[],
  build: BuildObjective,
  { recompute = false, ...options }: ObjectiveOptions = {},
): Promise<ObjectiveProgram> {
  const { inputs, outputs, ...facts } = objectiveGraph(specs, trained, build, recompute);
  return { program: await compile(outputs, inputs, options), ...facts };
}
