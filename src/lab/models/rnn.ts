/** A language model on a plain recurrent layer (Elman 1990, "Finding Structure in Time"): h' = tanh(W·x + U·h + b). */
import { z } from 'zod';
import { defineArchitecture } from './model.js';
import {
  type RecurrentConfig,
  recurrenceOf,
  recurrentKeys,
  recurrentLanguageModel,
  recurrentSizes,
} from './recurrent-language-model.js';

interface RnnConfig extends RecurrentConfig {
  readonly nonlinearity: 'tanh' | 'relu';
}

export const rnn = defineArchitecture<RnnConfig, 'causal'>({
  modelType: 'rnn',
  className: 'RnnLanguageModel',
  title: 'RNN language model',
  source: 'https://doi.org/10.1207/s15516709cog1402_1',
  kind: 'causal',
  configSchema: z.looseObject({
    model_type: z.literal('rnn'),
    ...recurrentKeys,
    nonlinearity: z.enum(['tanh', 'relu']).default('tanh'),
  }),
  sized: recurrentSizes,
  build: (config) => recurrentLanguageModel(config, recurrenceOf(config, 'rnn', config.nonlinearity)),
  example: {
    name: 'characters, 1 × 256',
    config: { vocab_size: 5000, embedding_size: 128, hidden_size: 256, num_layers: 1 },
  },
});
