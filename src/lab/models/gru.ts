/** A language model on a GRU (Cho et al. 2014, arXiv:1406.1078), in the form of cuDNN and torch.nn.GRU. */
import { z } from 'zod';
import { defineArchitecture } from './model.js';
import {
  type RecurrentConfig,
  recurrenceOf,
  recurrentKeys,
  recurrentLanguageModel,
  recurrentSizes,
} from './recurrent-language-model.js';

export const gru = defineArchitecture<RecurrentConfig, 'causal'>({
  modelType: 'gru',
  className: 'GruLanguageModel',
  title: 'GRU language model',
  source: 'https://arxiv.org/abs/1406.1078',
  kind: 'causal',
  configSchema: z.looseObject({ model_type: z.literal('gru'), ...recurrentKeys }),
  sized: recurrentSizes,
  build: (config) => recurrentLanguageModel(config, recurrenceOf(config, 'gru', 'gru')),
  example: {
    name: 'characters, 2 × 256',
    config: { vocab_size: 5000, embedding_size: 128, hidden_size: 256, num_layers: 2, dropout: 0.2 },
  },
});
