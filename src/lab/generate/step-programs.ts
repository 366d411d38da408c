/** The two programs of generation: `decode`, one token of many sequences, and `prefill`, many tokens of one. */
import { createInferenceOptimizer } from '../graph/optimize-inference.js';
import { createQuantizer } from '../graph/quantize.js';
import { type Tensor, constant, input } from '../graph/tensor.js';
import type { CausalModel, StepInputs } from '../models/model.js';
import { type CompileOptions, type Program, type Value, compile } from '../runtime/program.js';
import { newRowsName } from './key-value-cache.js';
import { nextStateName, stateName } from './recurrent-states.js';
import { type Quantization, quantizationPolicy } from './weight-quantization.js';

export interface StepPrograms {
  /** Feeds `tokens`, `positions` `[batch, 1]` and the cache; gives `logits` `[batch, vocabulary]` and new cache rows. */
  readonly decode: Program;
  /** Feeds also `causalMask` `[time, time]` and `lastRow` `[1]`; gives the logits of that row. */
  readonly prefill: Program;
  close(): Promise<void>;
}

export interface StepProgramOptions extends CompileOptions {
  /** Default `none`. */
  readonly quantization?: Quantization;
}

/** @param weights every parameter by its Hugging Face name; kept inside the programs, so the arrays may be dropped */
export async function compileStepPrograms(
  model: CausalModel,
  weights: ReadonlyMap<string, Value>,
  { quantization = 'none', ...options }: StepProgramOptions = {},
): Promise<StepPrograms> {
  const parameters = new Map<string, Tensor>();
  for (const { name } of model.parameters) {
    const value = weights.get(name);
    if (value === undefined) throw new Error(`the weights lack ${name}`);
    parameters.set(name, constant(value.data, value.dims));
  }
  const optimize = createInferenceOptimizer(
    quantization === 'none'
      ? undefined
      : createQuantizer(quantizationPolicy(quantization, model.parameters, parameters)),
  );
  const build = (kind: 'decode' | 'prefill'): Promise<Program> => {
    const { inputs, stepInputs } = stepGraphInputs(model, kind);
    const outputs = model.step((name) => parameters.get(name) as Tensor, stepInputs);
    const named: Record<string, Tensor> = { logits: outputs.logits };
    for (const [layer, rows] of outputs.cache.entries()) {
      named[newRowsName(`keys${layer}`)] = rows.keys;
      named[newRowsName(`values${layer}`)] = rows.values;
    }
    for (const [index, state] of outputs.states.entries()) named[nextStateName(index)] = state;
    const optimized = optimize(Object.values(named));
    return compile(
      Object.fromEntries(Object.keys(named).map((name, i) => [name, optimized[i] as Tensor])),
      inputs,
      options,
    );
  };
  return both(await build('decode'), await build('prefill'));
}

/** Apart from `compileStepPrograms`, so that `close` does not keep alive, with the scope it was made in, the weights. */
function both(decode: Program, prefill: Program): StepPrograms {
  return {
    decode,
    prefill,
    async close() {
      await decode.close();
      await prefill.close();
    },
  };
}

function stepGraphInputs(
  { cacheShape }: CausalModel,
  kind: 'decode' | 'prefill',
): { inputs: Tensor[]; stepInputs: StepInputs } {
  const { layerCount, keyValueHeads, headSize } = cacheShape;
  const [batch, time] = kind === 'decode' ? (['batch', 1] as const) : ([1, 'time'] as const);
  const tokens = input('tokens', [batch, time], 'int64');
  const positions = input('positions', [batch, time], 'int64');
  const pastMask = input('pastMask', [batch, 1, 1, 'past']);
  const cache = Array.from({ length: layerCount }, (_, layer) => ({
    keys: input(`keys${layer}`, [batch, keyValueHeads, 'past', headSize]),
    values: input(`values${layer}`, [batch, keyValueHeads, 'past', headSize]),
  }));
  const states = cacheShape.states.map((shape, index) => input(stateName(index), [batch, ...shape]));
  const shared = [tokens, positions, pastMask, ...cache.flatMap(({ keys, values }) => [keys, values]), ...states];
  if (kind === 'decode') {
    return { inputs: shared, stepInputs: { tokens, positions, pastMask, cache, states } };
  }
  const causalMask = input('causalMask', ['time', 'time']);
  const lastRow = input('lastRow', [1], 'int64');
  const stepInputs = { tokens, positions, pastMask, cache, states, prefill: { causalMask, lastRow } };
  return { inputs: [...shared, causalMask, lastRow], stepInputs };
}
