/** The encoder that several tasks share: a small one made for their texts, or one that was trained before. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { z } from 'zod';
import { MoatError } from '../../../base/errors.js';
import { readEncoder, readEncoderWeights } from '../../generate/load-encoder.js';
import { constantData } from '../../graph/tensor.js';
import type { EncoderModel } from '../../models/model.js';
import { readModelConfig } from '../../models/registry.js';
import { floats } from '../../runtime/program.js';
import { type Tokenizer, loadTokenizer } from '../../tokenizer/tokenizer.js';
import { TOKENIZER_FILE } from '../../tokenizer/tokenizer-file.js';
import { trainTokenizer } from '../../tokenizer/train-tokenizer.js';
import type { Weights } from '../../train/fit-objective.js';
import { type ReadText, createTextReader } from './text-rows.js';

export const encoderSettings = z.object({
  /** A folder in Hugging Face layout to begin with; sizes are then its own. */
  base: z.string().optional(),
  width: z.number().int().min(8).max(4096).default(96),
  layers: z.number().int().min(1).max(64).default(2),
  heads: z.number().int().min(1).max(64).default(4),
  vocabularySize: z.number().int().min(100).max(200_000).default(4000),
  /** Tokens of a text at most. */
  maxTokens: z.number().int().min(4).max(4096).default(64),
  dropout: z.number().min(0).max(0.9).default(0.1),
});
export type EncoderSettings = z.infer<typeof encoderSettings>;

export interface OpenedEncoder {
  readonly encoder: EncoderModel;
  readonly width: number;
  readonly maxTokens: number;
  readonly read: ReadText;
  readonly padToken: number;
  /** Weights to begin with; heads have none. */
  readonly initial: Weights | undefined;
  /** `config.json` and the tokenizer's, to be kept beside weights. */
  readonly files: Readonly<Record<string, string>>;
}

const TOKENIZER_CONFIG = 'tokenizer_config.json';

/** @throws MoatError `not-an-encoder` and those of the folder; `corpus-too-small` where the texts allow no vocabulary */
export async function openEncoder(settings: EncoderSettings, texts: readonly string[]): Promise<OpenedEncoder> {
  return settings.base === undefined ? makeEncoder(settings, texts) : loadEncoder(settings.base, settings.maxTokens);
}

/** An encoder's folder, ours or another's. */
export async function loadEncoder(folder: string, maxTokens: number): Promise<OpenedEncoder> {
  const encoder = await readEncoder(folder);
  const lookUp = await readEncoderWeights(folder, encoder);
  const initial = new Map(
    encoder.parameters.flatMap(({ name, shape }) => {
      const data = constantData(lookUp(name));
      return data instanceof Float32Array ? [[name, floats(data, shape)] as const] : [];
    }),
  );
  return opened(encoder, await loadTokenizer(folder), initial, {
    maxTokens,
    config: await readFile(path.join(folder, 'config.json'), 'utf8'),
    ...(await tokenizerFiles(folder)),
  });
}

async function makeEncoder(settings: EncoderSettings, texts: readonly string[]): Promise<OpenedEncoder> {
  const folder = await mkdtemp(path.join(tmpdir(), 'moat-tokenizer-'));
  try {
    const tokenizer = await tokenizerFor(folder, texts, settings.vocabularySize);
    const config = {
      model_type: 'bert',
      architectures: ['BertModel'],
      vocab_size: tokenizer.vocabSize,
      hidden_size: settings.width,
      intermediate_size: 4 * settings.width,
      num_hidden_layers: settings.layers,
      num_attention_heads: settings.heads,
      max_position_embeddings: settings.maxTokens,
      hidden_dropout_prob: settings.dropout,
      attention_probs_dropout_prob: settings.dropout,
      pad_token_id: tokenizer.pad,
    };
    const { model } = readModelConfig(config, 'the plan');
    if (model.kind !== 'encoder') throw new RangeError('BERT is an encoder');
    return opened(model, tokenizer, undefined, {
      maxTokens: settings.maxTokens,
      config: `${JSON.stringify(config, undefined, 2)}\n`,
      ...(await tokenizerFiles(folder)),
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** As large as asked, or half of it until the texts are enough. */
async function tokenizerFor(folder: string, texts: readonly string[], vocabularySize: number): Promise<Tokenizer> {
  for (let size = vocabularySize; ; size = Math.floor(size / 2)) {
    try {
      return await trainTokenizer(folder, texts, { vocabularySize: size, model: 'wordpiece' });
    } catch (error) {
      if (!(error instanceof MoatError) || error.code !== 'corpus-too-small') throw error;
    }
  }
}

interface OpenedFiles {
  readonly maxTokens: number;
  readonly config: string;
  readonly tokenizer: string;
  readonly tokenizerConfig: string;
}

async function tokenizerFiles(folder: string): Promise<Pick<OpenedFiles, 'tokenizer' | 'tokenizerConfig'>> {
  return {
    tokenizer: await readFile(path.join(folder, TOKENIZER_FILE), 'utf8'),
    tokenizerConfig: await readFile(path.join(folder, TOKENIZER_CONFIG), 'utf8').catch(() => '{}'),
  };
}

function opened(
  encoder: EncoderModel,
  tokenizer: Tokenizer,
  initial: Weights | undefined,
  { maxTokens, config, tokenizer: tokenizerFile, tokenizerConfig }: OpenedFiles,
): OpenedEncoder {
  const most = Math.min(maxTokens, encoder.config.max_position_embeddings);
  const { hidden_size: width } = z.looseObject({ hidden_size: z.int() }).parse(encoder.config);
  return {
    encoder,
    width,
    maxTokens: most,
    read: createTextReader(tokenizer, most),
    padToken: tokenizer.pad ?? tokenizer.endOfText,
    initial,
    files: { 'config.json': config, [TOKENIZER_FILE]: tokenizerFile, [TOKENIZER_CONFIG]: tokenizerConfig },
  };
}
