/** Hugging Face's `tokenizer.json` and `tokenizer_config.json`: what Moat writes, and what it reads. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { writeFileAtomic } from '../../base/atomic-file.js';
import { MoatError, systemCode } from '../../base/errors.js';
import { characterOf } from './byte-alphabet.js';
import { CHAT_TEMPLATE, END_OF_TEXT, PAD } from './special-tokens.js';
import type { TrainedBpe } from './train-bpe.js';

export const TOKENIZER_FILE = 'tokenizer.json';
const CONFIG_FILE = 'tokenizer_config.json';

/**
 * Writes both files into a folder (made when absent), each whole or not at all.
 * @param specialTokens content of the tokens with the first ids
 */
export async function saveTokenizer(
  folder: string,
  trained: TrainedBpe,
  specialTokens: readonly string[],
): Promise<void> {
  const config = {
    add_prefix_space: false,
    chat_template: CHAT_TEMPLATE,
    clean_up_tokenization_spaces: false,
    eos_token: END_OF_TEXT,
    pad_token: PAD,
    tokenizer_class: 'PreTrainedTokenizerFast',
  };
  await writeFileAtomic(path.join(folder, CONFIG_FILE), `${JSON.stringify(config, null, 2)}\n`);
  const content = `${JSON.stringify(describe(trained, specialTokens), null, 1)}\n`;
  await writeFileAtomic(path.join(folder, TOKENIZER_FILE), content);
}

function describe({ tokens, merges }: TrainedBpe, specialTokens: readonly string[]) {
  const spell = (id: number): string => Array.from(tokens[id] as Uint8Array, characterOf).join('');
  const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true };
  const special = { single_word: false, lstrip: false, rstrip: false, normalized: false, special: true };
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: specialTokens.map((content, id) => ({ id, content, ...special })),
    normalizer: null,
    pre_tokenizer: byteLevel,
    post_processor: null,
    decoder: byteLevel,
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab: Object.fromEntries(tokens.map((_, id) => [specialTokens[id] ?? spell(id), id])),
      merges: merges.map(([left, right]) => [spell(left), spell(right)]),
    },
  };
}

const none = z.literal(['', false]).nullish();

const tokenizerSchema = z.object({
  added_tokens: z.array(z.object({ id: z.int().min(0), content: z.string().min(1), special: z.literal(true) })),
  normalizer: z.null().optional(),
  pre_tokenizer: z.object({
    type: z.literal('ByteLevel'),
    add_prefix_space: z.literal(false),
    use_regex: z.literal(true).optional(),
  }),
  decoder: z.object({ type: z.literal('ByteLevel') }),
  model: z.object({
    type: z.literal('BPE'),
    dropout: z.null().optional(),
    continuing_subword_prefix: none,
    end_of_word_suffix: none,
    byte_fallback: z.literal(false).optional(),
    ignore_merges: z.literal(false).optional(),
    vocab: z.record(z.string(), z.int().min(0)),
    merges: z.array(z.union([z.tuple([z.string(), z.string()]), z.string()])),
  }),
});

const specialSchema = z.union([z.string(), z.object({ content: z.string() })]).nullish();
const configSchema = z.object({ eos_token: specialSchema, pad_token: specialSchema });

export type TokenizerFile = z.infer<typeof tokenizerSchema>;

/**
 * @throws MoatError `tokenizer-missing`, `tokenizer-damaged` (not JSON: cut off or no tokenizer), `tokenizer-unsupported`
 *   naming the field that asks for something else than GPT-2's kind of byte-level BPE
 */
export async function readTokenizerFile(folder: string): Promise<TokenizerFile> {
  const file = path.join(folder, TOKENIZER_FILE);
  const parsed = tokenizerSchema.safeParse(await readJson(file));
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new MoatError('tokenizer-unsupported', `${file}: ${issue?.path.join('.')}: ${issue?.message}`, {
    fix: "Moat runs byte-level BPE with GPT-2's split pattern and special tokens only; make one with moat tokenizer.",
    cause: parsed.error,
  });
}

/** Names of the end-of-text and padding tokens from `tokenizer_config.json`, where it has them. */
export async function readSpecialNames(folder: string): Promise<{ endOfText?: string; pad?: string }> {
  let content: unknown;
  try {
    content = await readJson(path.join(folder, CONFIG_FILE));
  } catch (error) {
    if (error instanceof MoatError && error.code === 'tokenizer-missing') return {};
    throw error;
  }
  const config = configSchema.safeParse(content);
  if (!config.success) return {};
  const nameOf = (token: z.infer<typeof specialSchema>): string | undefined =>
    typeof token === 'object' && token !== null ? token.content : (token ?? undefined);
  const endOfText = nameOf(config.data.eos_token);
  const pad = nameOf(config.data.pad_token);
  return { ...(endOfText === undefined ? {} : { endOfText }), ...(pad === undefined ? {} : { pad }) };
}

async function readJson(file: string): Promise<unknown> {
  let content: string;
  try {
    content = await readFile(file, 'utf8');
  } catch (error) {
    if (systemCode(error) !== 'ENOENT' && systemCode(error) !== 'ENOTDIR') throw error;
    throw new MoatError('tokenizer-missing', `${file}: no such file`, { fix: 'Make one with moat tokenizer.' });
  }
  try {
    return JSON.parse(content);
  } catch (error) {
    throw new MoatError('tokenizer-damaged', `${file}: not JSON, or cut off`, {
      fix: 'Make it again with moat tokenizer, or copy it again.',
      cause: error,
    });
  }
}
