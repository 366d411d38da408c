/** Reads Hugging Face's `tokenizer.json` and `tokenizer_config.json`. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { MoatError, systemCode } from '../../base/errors.js';
import { addedTokenSchema } from './added-tokens.js';
import { decoderSchema } from './decoder.js';
import { normalizerSchema } from './normalizer.js';
import { paddingSchema, truncationSchema } from './encode-batch.js';
import { endsInBytes, preTokenizerSchema } from './pre-tokenizer.js';

export const TOKENIZER_FILE = 'tokenizer.json';
export const CONFIG_FILE = 'tokenizer_config.json';
/** Where `transformers` keeps the template since 2025; it wins over the one in `tokenizer_config.json`. */
const TEMPLATE_FILE = 'chat_template.jinja';

const none = z.literal(['', false]).nullish();
const id = z.int().min(0);

const bpeSchema = z.object({
  type: z.literal('BPE'),
  dropout: z.null().optional(),
  unk_token: z.string().nullish(),
  continuing_subword_prefix: none,
  end_of_word_suffix: none,
  fuse_unk: z.boolean().optional(),
  byte_fallback: z.boolean().optional(),
  ignore_merges: z.boolean().default(false),
  vocab: z.record(z.string(), id),
  merges: z.array(z.union([z.tuple([z.string(), z.string()]), z.string()])),
});
const unigramSchema = z.object({
  type: z.literal('Unigram'),
  unk_id: id.nullish(),
  byte_fallback: z.boolean().default(false),
  vocab: z.array(z.tuple([z.string(), z.number()])).min(1),
});
const wordPieceModelSchema = z.object({
  type: z.literal('WordPiece'),
  unk_token: z.string(),
  continuing_subword_prefix: z.string(),
  max_input_chars_per_word: z.int().positive(),
  vocab: z.record(z.string(), id),
});

/** What stands around a text that a model reads: all of it in `post-processor.ts`, here what stands before it. */
const postProcessorSchema = z
  .looseObject({ type: z.string(), single: z.array(z.record(z.string(), z.object({ id: z.string() }))).optional() })
  .nullish()
  .catch(undefined);

const sharedSchema = z.object({
  added_tokens: z.array(addedTokenSchema).default([]),
  normalizer: normalizerSchema.nullish(),
  post_processor: postProcessorSchema,
  truncation: truncationSchema.nullish(),
  padding: paddingSchema.nullish(),
});

/** Tokens are spelled in bytes: GPT-2, Llama 3, Qwen, SmolLM, and what Moat trains by default. */
const byteLevelSchema = sharedSchema.extend({
  pre_tokenizer: preTokenizerSchema.refine(endsInBytes, 'ByteLevel must be the last step, and only that'),
  decoder: z.object({ type: z.literal('ByteLevel') }),
  model: bpeSchema.extend({ byte_fallback: z.literal(false).optional() }),
});
/** Tokens are spelled in characters: T5, XLM-R, Llama 2, Gemma, BERT. */
const characterSchema = sharedSchema.extend({
  pre_tokenizer: preTokenizerSchema
    .refine((chain) => !endsInBytes(chain), 'ByteLevel goes with a decoder of the same name')
    .nullish(),
  decoder: decoderSchema.nullish(),
  model: z.discriminatedUnion('type', [bpeSchema, unigramSchema, wordPieceModelSchema]),
});

const specialSchema = z.union([z.string(), z.object({ content: z.string() })]).nullish();
const configSchema = z.object({
  bos_token: specialSchema,
  add_bos_token: z.boolean().optional().catch(undefined),
  eos_token: specialSchema,
  pad_token: specialSchema,
  chat_template: z.string().optional().catch(undefined),
});
/** Of `generation_config.json` and `config.json`. */
const idsSchema = z.object({ eos_token_id: z.union([z.int(), z.array(z.int()).min(1)]) });

export type ByteLevelFile = z.infer<typeof byteLevelSchema>;
export type CharacterFile = z.infer<typeof characterSchema>;
export type TokenizerFile = ByteLevelFile | CharacterFile;

const decodesBytes = z.object({ decoder: z.object({ type: z.literal('ByteLevel') }) });

export function isByteLevel(file: TokenizerFile): file is ByteLevelFile {
  return decodesBytes.safeParse(file).success;
}

/**
 * @throws MoatError `tokenizer-missing`, `tokenizer-damaged` (not JSON: cut off or no tokenizer), `tokenizer-unsupported`
 *   naming the field that asks for something unknown here
 */
export async function readTokenizerFile(folder: string): Promise<TokenizerFile> {
  const file = path.join(folder, TOKENIZER_FILE);
  const content = await readJson(file);
  const schema = decodesBytes.safeParse(content).success ? byteLevelSchema : characterSchema;
  const parsed = schema.safeParse(content);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new MoatError('tokenizer-unsupported', `${file}: ${issue?.path.join('.')}: ${issue?.message}`, {
    fix: 'Moat runs BPE, Unigram and WordPiece as GPT-2, Llama, Qwen, T5 and BERT have them; make one with moat tokenizer.',
    cause: parsed.error,
  });
}

/** What the files beside `tokenizer.json` say about its special tokens. */
export interface SpecialNames {
  readonly startOfText?: string | undefined;
  /** Whether every text begins with it. */
  readonly addsStart?: boolean | undefined;
  readonly endOfText?: string | undefined;
  readonly pad?: string | undefined;
  /** Where no name is given: the id that ends a text, from the model's own configuration. */
  readonly endOfTextId?: number | undefined;
  readonly chatTemplate?: string | undefined;
}

/** Reads `tokenizer_config.json`; where it names no end of text, `generation_config.json` and `config.json` too. */
export async function readSpecialNames(folder: string): Promise<SpecialNames> {
  const config = configSchema.safeParse(await readOptionalJson(path.join(folder, CONFIG_FILE))).data;
  const names = {
    startOfText: nameOf(config?.bos_token),
    addsStart: config?.add_bos_token,
    endOfText: nameOf(config?.eos_token),
    pad: nameOf(config?.pad_token),
    chatTemplate: (await readOptional(path.join(folder, TEMPLATE_FILE))) ?? config?.chat_template,
  };
  if (names.endOfText !== undefined) return names;
  for (const file of ['generation_config.json', 'config.json']) {
    const ids = idsSchema.safeParse(await readOptionalJson(path.join(folder, file))).data?.eos_token_id;
    if (ids !== undefined) return { ...names, endOfTextId: Array.isArray(ids) ? ids[0] : ids };
  }
  return names;
}

function nameOf(token: z.infer<typeof specialSchema>): string | undefined {
  return typeof token === 'object' && token !== null ? token.content : (token ?? undefined);
}

async function readOptionalJson(file: string): Promise<unknown> {
  try {
    return await readJson(file);
  } catch (error) {
    if (error instanceof MoatError && error.code === 'tokenizer-missing') return undefined;
    throw error;
  }
}

/** A file's text, or undefined where there is no such file. */
async function readOptional(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (systemCode(error) !== 'ENOENT' && systemCode(error) !== 'ENOTDIR') throw error;
    return undefined;
  }
}

async function readJson(file: string): Promise<unknown> {
  const content = await readOptional(file);
  if (content === undefined)
    throw new MoatError('tokenizer-missing', `${file}: no such file`, { fix: 'Make one with moat tokenizer.' });
  try {
    return JSON.parse(content);
  } catch (error) {
    throw new MoatError('tokenizer-damaged', `${file}: not JSON, or cut off`, {
      fix: 'Make it again with moat tokenizer, or copy it again.',
      cause: error,
    });
  }
}
