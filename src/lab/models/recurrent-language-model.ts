/**
 * Language models on a recurrent layer: an embedding, the recurrence, a linear layer over the vocabulary. The hidden
 * states are all they keep of the past, so they are carried from one chunk of text to the next, in training and when
 * generating.
 */
import { z } from 'zod';
import { MoatError } from '../../base/errors.js';
import { type Dim, productOf } from '../graph/dims.js';
import { add } from '../graph/ops/arithmetic.js';
import { gather } from '../graph/ops/indexing.js';
import { linear } from '../graph/ops/matmul.js';
import { reshape, transpose } from '../graph/ops/reshape.js';
import type { Tensor } from '../graph/tensor.js';
import { tokenKeys } from './decoder-config.js';
import {
  type CausalModel,
  type ModelSizes,
  type ParameterSpec,
  type Parameters,
  type Pass,
  type SequenceInputs,
  type TokenModelConfig,
} from './model.js';
import { type RecurrencePlan, recurrenceParameters, runRecurrence, stateShapes } from './recurrence.js';

const count = z.int().positive();

/** Keys of `config.json` that all of them share. */
export const recurrentKeys = {
  vocab_size: count,
  embedding_size: count,
  hidden_size: count,
  num_layers: count.default(1),
  /** No limit of the architecture: of the text trained on and answered at once. */
  max_position_embeddings: count.default(1024),
  /** Between the layers, as torch has it. */
  dropout: z.number().min(0).lt(1).default(0),
  ...tokenKeys,
} as const;
export type RecurrentConfig = z.infer<z.ZodObject<typeof recurrentKeys>> & TokenModelConfig;

/** A model in these sizes; the embedding is as wide as the hidden state. */
export function recurrentSizes(sizes: ModelSizes) {
  return {
    vocab_size: sizes.vocabularySize,
    embedding_size: sizes.hiddenSize,
    hidden_size: sizes.hiddenSize,
    num_layers: sizes.layers,
    max_position_embeddings: sizes.contextLength,
    dropout: sizes.dropout,
  };
}

/** The recurrence of a language model: one direction, or it would see what it is to predict. */
export function recurrenceOf(config: RecurrentConfig, module: string, cell: RecurrencePlan['cell']): RecurrencePlan {
  const { embedding_size: inputSize, hidden_size: hiddenSize, num_layers: layers } = config;
  return { module, cell, inputSize, hiddenSize, layers, bidirectional: false };
}

/** As torch.nn.Embedding starts. */
export function embeddingParameter(vocabulary: number, width: number): ParameterSpec {
  const initializer = { kind: 'normal', standardDeviation: 1 } as const;
  return { name: 'embedding.weight', shape: [vocabulary, width], initializer, role: 'embedding' };
}

/** As torch.nn.Linear starts. */
export function headParameters(inputSize: number, outputSize: number): ParameterSpec[] {
  const initializer = { kind: 'uniform', bound: 1 / Math.sqrt(inputSize) } as const;
  return [
    { name: 'fc.weight', shape: [outputSize, inputSize], initializer, role: 'head' },
    { name: 'fc.bias', shape: [outputSize], initializer, role: 'vector' },
  ];
}

/** Rows of the embedding, time first: `[time, batch, width]`. @param tokens `[batch, time]` */
export function embedTimeFirst(p: Parameters, tokens: Tensor): Tensor {
  return gather(p('embedding.weight'), transpose(tokens, [1, 0]));
}

/** `[time, batch, width]` → `[batch · time, width]`. */
export function rowsByBatch(hidden: Tensor): Tensor {
  const [time, batch, width] = hidden.shape as readonly [Dim, Dim, Dim];
  return reshape(transpose(hidden, [1, 0, 2]), [productOf([batch, time]), width]);
}

/** @param rows `[rows, hidden]` @returns `[rows, vocabulary]` */
export function headLogits(p: Parameters, rows: Tensor): Tensor {
  return add(linear(rows, p('fc.weight')), p('fc.bias'));
}

/** What the recurrence gives for whole sequences. @throws MoatError `no-packing` */
export function readSequence(
  p: Parameters,
  { tokens, states, packing }: SequenceInputs,
  plan: RecurrencePlan,
  { dropout, pass }: { dropout: number; pass: Pass },
): { hidden: Tensor; states: readonly Tensor[] } {
  if (packing !== undefined) {
    throw new MoatError('no-packing', 'a recurrent model cannot read several documents in one row', {
      fix: 'Turn packDocuments off: its state is carried on from one batch to the next instead.',
    });
  }
  const drop = (hidden: Tensor): Tensor => pass.dropout(hidden, dropout);
  const given = states === undefined || states.length === 0 ? undefined : states;
  return runRecurrence(p, plan, embedTimeFirst(p, tokens), { states: given, drop, boundary: pass.boundary });
}

/** @param plan of `config`, from `recurrenceOf` */
export function recurrentLanguageModel(config: RecurrentConfig, plan: RecurrencePlan): CausalModel {
  return {
    kind: 'causal',
    config,
    parameters: [
      embeddingParameter(config.vocab_size, config.embedding_size),
      ...recurrenceParameters(plan),
      ...headParameters(config.hidden_size, config.vocab_size),
    ],
    cacheShape: { layerCount: 0, keyValueHeads: 1, headSize: 1, states: stateShapes(plan) },
    forward(p, inputs, pass) {
      const { hidden, states } = readSequence(p, inputs, plan, { dropout: config.dropout, pass });
      return { logits: headLogits(p, rowsByBatch(hidden)), states };
    },
    step(p, { tokens, states: given, prefill }) {
      const { hidden, states } = runRecurrence(p, plan, embedTimeFirst(p, tokens), { states: given });
      const rows = rowsByBatch(hidden);
      const last = prefill === undefined ? rows : gather(rows, prefill.lastRow);
      return { logits: headLogits(p, last), cache: [], states };
    },
  };
}
