/**
 * A text generator on an LSTM (Hochreiter & Schmidhuber 1997; Graves 2013, "Generating Sequences With Recurrent Neural
 * Networks"): embedding, LSTM, linear layer over the vocabulary, named as torch.nn names them.
 */
import { z } from 'zod';
import { defineArchitecture } from './model.js';
import {
  type RecurrentConfig,
  recurrenceOf,
  recurrentKeys,
  recurrentLanguageModel,
  recurrentSizes,
} from './recurrent-language-model.js';

export const textGenerator = defineArchitecture<RecurrentConfig, 'causal'>({
  modelType: 'text_generator',
  className: 'TextGenerator',
  title: 'LSTM text generator',
  source: 'https://arxiv.org/abs/1308.0850',
  kind: 'causal',
  configSchema: z.looseObject({ model_type: z.literal('text_generator'), ...recurrentKeys }),
  sized: recurrentSizes,
  build: (config) => recurrentLanguageModel(config, recurrenceOf(config, 'lstm', 'lstm')),
  example: {
    name: 'characters, 2 × 256',
    config: { vocab_size: 5000, embedding_size: 128, hidden_size: 256, num_layers: 2, dropout: 0.2 },
  },
});
