/** The model of make.py beside this: an embedding, tanh, a head. */
import { tanh } from '../../../src/lab/graph/ops/arithmetic.js';
import { gather } from '../../../src/lab/graph/ops/indexing.js';
import { linear } from '../../../src/lab/graph/ops/matmul.js';
import { reshape } from '../../../src/lab/graph/ops/reshape.js';
import type { CausalModel } from '../../../src/lab/models/model.js';
import { type Value, floats } from '../../../src/lab/runtime/program.js';

export function twoMatrices(vocabulary: number, width: number): CausalModel {
  const initializer = { kind: 'zeros' } as const;
  return {
    kind: 'causal',
    config: { model_type: 'two-matrices', vocab_size: vocabulary, max_position_embeddings: 64 },
    parameters: [
      { name: 'embedding', shape: [vocabulary, width], initializer, role: 'embedding' },
      { name: 'head', shape: [vocabulary, width], initializer, role: 'head' },
    ],
    cacheShape: { layerCount: 0, keyValueHeads: 1, headSize: 1, states: [] },
    forward(parameters, { tokens }, pass) {
      const [batch, time] = tokens.shape as readonly [number, number];
      const hidden = tanh(gather(parameters('embedding'), tokens));
      pass.boundary(hidden);
      return { logits: linear(reshape(hidden, [batch * time, width]), parameters('head')), states: [] };
    },
    step: () => {
      throw new Error('this model only reads');
    },
  };
}

/** Its weights as the golden files list them. */
export function weightsFor(model: CausalModel, flat: readonly (readonly number[])[]): Map<string, Value> {
  return new Map(model.parameters.map(({ name, shape }, i) => [name, floats(Float32Array.from(flat[i] ?? []), shape)]));
}
