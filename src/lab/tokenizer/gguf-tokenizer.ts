/**
 * The tokenizer of a GGUF file (`tokenizer.ggml.*`) as the two files of Hugging Face, and back. Byte-level BPE alone, which llama.cpp
 * calls "gpt2"; what it calls "llama" is SentencePiece.
 */
import { MoatError } from '../../base/errors.js';
import { quoted } from '../checkpoint/gguf-cursor.js';
import type { GgufFields } from '../checkpoint/gguf-fields.js';
import type { GgufValue } from '../checkpoint/gguf-values.js';
import {
  type GgufPreTokenizer,
  GGUF_PRE_TOKENIZERS,
  preTokenizerLike,
  preTokenizerNamed,
} from './gguf-pre-tokenizers.js';
import { END_OF_TEXT, USUAL_ENDS } from './special-tokens.js';
import { type ByteLevelFile, isByteLevel, type SpecialNames, type TokenizerFile } from './tokenizer-file.js';

const MODEL = 'tokenizer.ggml.model';
const PRE = 'tokenizer.ggml.pre';
const TOKENS = 'tokenizer.ggml.tokens';
const TYPES = 'tokenizer.ggml.token_type';
const MERGES = 'tokenizer.ggml.merges';
const ADD_BOS = 'tokenizer.ggml.add_bos_token';
const CHAT_TEMPLATE = 'tokenizer.chat_template';
const idKey = (role: string): string => `tokenizer.ggml.${role}_token_id`;

/** `llama_token_type` in `llama.h`. */
const NORMAL = 1;
const CONTROL = 3;
const USER_DEFINED = 4;
const UNUSED = 5;
const BYTE = 6;

export interface ImportedTokenizer {
  /** Content of `tokenizer.json` and `tokenizer_config.json`. */
  readonly tokenizer: object;
  readonly config: object;
  /** What `config.json` and `generation_config.json` say of tokens. */
  readonly ids: Readonly<Record<string, number | readonly number[]>>;
}

/**
 * @param vocabularySize rows of the embedding
 * @throws MoatError `tokenizer-unsupported` for another kind of tokenizer or an unknown cut; `bad-gguf` naming the key
 */
export function tokenizerFromGguf(file: string, fields: GgufFields, vocabularySize: number): ImportedTokenizer {
  const cut = cutOf(file, fields);
  const { tokens, types } = tokensOf(fields, vocabularySize);
  const idOf = (role: string): number | undefined => {
    const id = fields.optionalWhole(idKey(role));
    if (id !== undefined && id >= tokens.length) fields.fail(idKey(role), `${id}, with ${tokens.length} tokens`);
    return id;
  };
  const ids = { bos: idOf('bos'), eos: idOf('eos'), pad: idOf('padding'), unknown: idOf('unknown') };
  const ends = [ids.eos, idOf('eot'), idOf('eom')].filter((id) => id !== undefined);
  const special = new Set([ids.bos, ids.pad, ...ends]);
  const added = tokens.flatMap((content, id) => {
    const isText = types[id] === USER_DEFINED && !special.has(id);
    const isAdded = isText || special.has(id) || ![NORMAL, BYTE].includes(types[id] as number);
    const flags = { single_word: false, lstrip: false, rstrip: false, normalized: false, special: !isText };
    return isAdded ? [{ id, content, ...flags }] : [];
  });
  const addsStart = ids.bos !== undefined && fields.flag(ADD_BOS, cut.addsStart);
  const nameOf = (id: number | undefined): string | undefined => (id === undefined ? undefined : tokens[id]);
  return {
    tokenizer: describe(cut, tokens, mergesOf(fields, tokens), added, addsStart ? nameOf(ids.bos) : undefined),
    config: withoutGaps({
      add_bos_token: addsStart,
      add_prefix_space: false,
      bos_token: nameOf(ids.bos),
      chat_template: fields.has(CHAT_TEMPLATE) ? fields.text(CHAT_TEMPLATE) : undefined,
      clean_up_tokenization_spaces: false,
      eos_token: nameOf(ids.eos),
      pad_token: nameOf(ids.pad),
      unk_token: nameOf(ids.unknown),
      tokenizer_class: 'PreTrainedTokenizerFast',
    }),
    ids: withoutGaps({
      bos_token_id: ids.bos,
      eos_token_id: ends.length > 1 ? [...new Set(ends)] : ends[0],
      pad_token_id: ids.pad,
    }),
  };
}

function withoutGaps<T>(members: Readonly<Record<string, T | undefined>>): Record<string, T> {
  const result: Record<string, T> = {};
  for (const [name, value] of Object.entries(members)) if (value !== undefined) result[name] = value;
  return result;
}

function cutOf(file: string, fields: GgufFields): GgufPreTokenizer {
  const model = fields.text(MODEL);
  if (model !== 'gpt2') {
    const kind = model === 'llama' ? ' (SentencePiece)' : '';
    throw new MoatError(
      'tokenizer-unsupported',
      `${file}: key "${MODEL}": ${quoted(model)}${kind} is not byte-level BPE`,
      {
        fix: 'Import a model whose tokenizer is "gpt2", as those of Llama 3, Qwen and SmolLM are.',
      },
    );
  }
  const name = fields.text(PRE, 'default');
  const cut = preTokenizerNamed(name);
  if (cut !== undefined) return cut;
  throw new MoatError('tokenizer-unsupported', `${file}: key "${PRE}": ${quoted(name)} is no known way to cut text`, {
    fix: `Known are: ${GGUF_PRE_TOKENIZERS.flatMap(({ names }) => names).join(', ')}.`,
  });
}

function tokensOf(fields: GgufFields, vocabularySize: number): { tokens: readonly string[]; types: readonly number[] } {
  const tokens = fields.texts(TOKENS);
  if (tokens.length > vocabularySize)
    fields.fail(TOKENS, `${tokens.length} tokens, with ${vocabularySize} rows in "token_embd.weight"`);
  const types = fields.has(TYPES) ? fields.wholes(TYPES) : tokens.map(() => NORMAL);
  if (types.length !== tokens.length) fields.fail(TYPES, `${types.length} types for ${tokens.length} tokens`);
  const unknown = types.find((type) => type < NORMAL || type > BYTE);
  if (unknown !== undefined) fields.fail(TYPES, `type ${unknown} is unknown`);
  // names that only fill up the embedding's rows
  const count = types.findLastIndex((type) => type !== UNUSED) + 1;
  const used = tokens.slice(0, count);
  const seen = new Set<string>();
  for (const token of used) {
    if (token === '' || seen.has(token))
      fields.fail(TOKENS, `${quoted(token)} is ${token === '' ? 'empty' : 'given twice'}`);
    seen.add(token);
  }
  if (count === 0) fields.fail(TOKENS, 'no tokens');
  return { tokens: used, types: types.slice(0, count) };
}

function mergesOf(fields: GgufFields, tokens: readonly string[]): (readonly [string, string])[] {
  const known = new Set(tokens);
  return fields.texts(MERGES).map((merge) => {
    // the first character may itself be a space in files of old converters
    const space = merge.indexOf(' ', 1);
    const [left, right] = [merge.slice(0, space), merge.slice(space + 1)];
    if (space < 1 || ![left, right, left + right].every((part) => known.has(part)))
      fields.fail(MERGES, `${quoted(merge)} does not join two tokens to a third`);
    return [left, right] as const;
  });
}

function describe(
  cut: GgufPreTokenizer,
  tokens: readonly string[],
  merges: readonly (readonly [string, string])[],
  added: readonly object[],
  start: string | undefined,
): object {
  const sequence = (id: string): object => ({ Sequence: { id, type_id: 0 } });
  const startsWith = (name: string): object => ({
    type: 'TemplateProcessing',
    single: [{ SpecialToken: { id: name, type_id: 0 } }, sequence('A')],
    pair: [{ SpecialToken: { id: name, type_id: 0 } }, sequence('A'), sequence('B')],
    special_tokens: { [name]: { id: name, ids: [tokens.indexOf(name)], tokens: [name] } },
  });
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: added,
    normalizer: cut.normalizer === null ? null : { type: cut.normalizer },
    pre_tokenizer: cut.preTokenizer,
    post_processor: start === undefined ? null : startsWith(start),
    decoder: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true },
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: cut.ignoreMerges,
      vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
      merges,
    },
  };
}

/** What `config.json` says of tokens. */
export interface ConfiguredIds {
  readonly bos_token_id?: number | null | undefined;
  readonly eos_token_id?: number | readonly number[] | null | undefined;
}

/**
 * @param vocabularySize rows of the embedding, which may be more than there are tokens
 * @throws MoatError `not-exportable` for a cut that llama.cpp has no name for
 */
export function ggufTokenizerKeys(
  file: TokenizerFile,
  names: SpecialNames,
  configured: ConfiguredIds,
  vocabularySize: number,
): ReadonlyMap<string, GgufValue> {
  if (!isByteLevel(file)) throw notExportable();
  const cut = cutLike(file);
  const { tokens, types } = tokenTypes(file, vocabularySize);
  const idOf = (name: string | undefined): number | undefined => {
    const id = name === undefined ? -1 : tokens.indexOf(name);
    return id < 0 ? undefined : id;
  };
  const usual = USUAL_ENDS.find((name) => idOf(name) !== undefined) ?? END_OF_TEXT;
  const endId = names.endOfText === undefined ? (names.endOfTextId ?? idOf(usual)) : idOf(names.endOfText);
  const keys = new Map<string, GgufValue>();
  keys.set(MODEL, { type: 'string', value: 'gpt2' });
  keys.set(PRE, { type: 'string', value: cut.names[0] as string });
  keys.set(TOKENS, { type: 'array', elementType: 'string', value: tokens });
  keys.set(TYPES, { type: 'array', elementType: 'int32', value: Int32Array.from(types) });
  const merges = file.model.merges.map((merge) => (typeof merge === 'string' ? merge : merge.join(' ')));
  keys.set(MERGES, { type: 'array', elementType: 'string', value: merges });
  const startId = idOf(names.startOfText) ?? configured.bos_token_id ?? undefined;
  // a model may stop at several tokens: the end of a turn beside that of a text
  const others = [configured.eos_token_id ?? []].flat().filter((id) => id !== endId);
  const roles = { bos: startId, eos: endId, eot: others[0], eom: others[1], padding: idOf(names.pad) };
  for (const [role, id] of Object.entries(roles))
    if (id !== undefined) keys.set(idKey(role), { type: 'uint32', value: id });
  keys.set(ADD_BOS, { type: 'bool', value: names.startOfText !== undefined && (names.addsStart ?? cut.addsStart) });
  if (names.chatTemplate !== undefined) keys.set(CHAT_TEMPLATE, { type: 'string', value: names.chatTemplate });
  return keys;
}

function cutLike({ normalizer, pre_tokenizer: preTokenizer, model }: ByteLevelFile): GgufPreTokenizer {
  const forms = normalizer == null ? [] : normalizer.type === 'Sequence' ? normalizer.normalizers : [normalizer];
  const form = forms.length === 0 ? null : forms.map(({ type }) => type).join(', ');
  const cut = preTokenizerLike(preTokenizer, form, model.ignore_merges);
  if (cut !== undefined) return cut;
  throw notExportable();
}

function notExportable(): MoatError {
  return new MoatError('not-exportable', 'this tokenizer cuts text in a way that llama.cpp has no name for', {
    fix: 'Those of Moat, GPT-2, SmolLM, Llama 3 and Qwen can be exported.',
  });
}

function tokenTypes(
  { added_tokens: added, model }: ByteLevelFile,
  vocabularySize: number,
): { tokens: string[]; types: number[] } {
  const tokens = Array.from({ length: vocabularySize }, (_, id) => `[PAD${id}]`);
  const types = tokens.map(() => UNUSED);
  for (const [token, id] of Object.entries(model.vocab)) [tokens[id], types[id]] = [token, NORMAL];
  for (const { id, content, special } of added) [tokens[id], types[id]] = [content, special ? CONTROL : USER_DEFINED];
  return { tokens, types };
}
