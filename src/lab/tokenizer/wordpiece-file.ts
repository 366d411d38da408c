/** Reads Hugging Face's `tokenizer.json` of a WordPiece tokenizer, and refuses what would give other ids. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { MoatError, systemCode } from '../../base/errors.js';
import { TOKENIZER_FILE } from './tokenizer-file.js';

const MAX_FILE_BYTES = 64 << 20;
const id = z.int().min(0);

const addedTokenSchema = z.object({
  id,
  content: z.string().min(1),
  single_word: z.literal(false),
  lstrip: z.boolean(),
  rstrip: z.boolean(),
  normalized: z.literal(false),
});
export type AddedToken = z.infer<typeof addedTokenSchema>;

const specialPiece = z.object({ SpecialToken: z.object({ id: z.string(), type_id: id }) });
const sequencePiece = z.object({ Sequence: z.object({ id: z.enum(['A', 'B']), type_id: id }) });
const template = z.array(z.union([specialPiece, sequencePiece]));
export type Template = z.infer<typeof template>;

const templateProcessing = z.object({ type: z.literal('TemplateProcessing'), single: template, pair: template });
const namedId = z.tuple([z.string(), id]);
const bertProcessing = z
  .object({ type: z.literal('BertProcessing'), sep: namedId, cls: namedId })
  .transform(({ sep: [sep], cls: [cls] }) => bertTemplates(cls, sep));

const wordPieceSchema = z.object({
  added_tokens: z.array(addedTokenSchema),
  normalizer: z.object({
    type: z.literal('BertNormalizer'),
    clean_text: z.boolean(),
    handle_chinese_chars: z.boolean(),
    strip_accents: z.boolean().nullish(),
    lowercase: z.boolean(),
  }),
  pre_tokenizer: z.object({ type: z.literal('BertPreTokenizer') }),
  post_processor: z.union([templateProcessing, bertProcessing]),
  model: z.object({
    type: z.literal('WordPiece').default('WordPiece'),
    unk_token: z.string(),
    continuing_subword_prefix: z.string(),
    max_input_chars_per_word: z.int().positive(),
    vocab: z.record(z.string(), id),
  }),
});
export type WordPieceFile = z.infer<typeof wordPieceSchema>;

/** `[CLS] A [SEP]` and `[CLS] A [SEP] B [SEP]`, the second text with type 1. */
function bertTemplates(cls: string, sep: string): { single: Template; pair: Template } {
  const special = (name: string, type: number) => ({ SpecialToken: { id: name, type_id: type } });
  const single: Template = [special(cls, 0), { Sequence: { id: 'A', type_id: 0 } }, special(sep, 0)];
  return { single, pair: [...single, { Sequence: { id: 'B', type_id: 1 } }, special(sep, 1)] };
}

/**
 * @throws MoatError `tokenizer-missing`, `tokenizer-damaged` (no JSON), `tokenizer-unsupported` naming the field that
 *   asks for something else than BERT's kind of WordPiece
 */
export async function readWordPieceFile(folder: string): Promise<WordPieceFile> {
  const file = path.join(folder, TOKENIZER_FILE);
  const parsed = wordPieceSchema.safeParse(parseJson(await readText(file), file));
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new MoatError('tokenizer-unsupported', `${file}: ${issue?.path.join('.')}: ${issue?.message}`, {
    fix: 'Encoders are read with WordPiece tokenizers as BERT has them.',
    cause: parsed.error,
  });
}

async function readText(file: string): Promise<string> {
  let bytes: Buffer;
  try {
    bytes = await readFile(file);
  } catch (error) {
    if (systemCode(error) !== 'ENOENT' && systemCode(error) !== 'ENOTDIR') throw error;
    throw new MoatError('tokenizer-missing', `${file}: no such file`, {
      fix: 'Copy the whole model folder, tokenizer.json included.',
    });
  }
  if (bytes.byteLength > MAX_FILE_BYTES)
    throw new MoatError('tokenizer-damaged', `${file}: ${bytes.byteLength} bytes, more than any vocabulary takes`);
  return bytes.toString('utf8');
}

function parseJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new MoatError('tokenizer-damaged', `${file}: not JSON, or cut off`, {
      fix: 'Copy it again.',
      cause: error,
    });
  }
}
