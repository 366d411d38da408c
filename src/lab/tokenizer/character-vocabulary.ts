/** The vocabulary of Unigram, WordPiece and SentencePiece's BPE: tokens spelled in characters. */
import { createHash } from 'node:crypto';
import { encodeByPieces } from './bpe-encoder.js';
import { createCharacterBpe } from './character-bpe.js';
import { byteOfToken, createDecode, type Decoder } from './decoder.js';
import { createMergePairs, type MergePair, type MergePairs } from './merge-pairs.js';
import { createNormalize } from './normalizer.js';
import { createCut } from './pre-tokenizer.js';
import type { CharacterFile } from './tokenizer-file.js';
import { createUnigramEncoder } from './unigram.js';
import { type Vocabulary, checkIds, unsupported } from './vocabulary.js';
import { createWordCutter } from './wordpiece.js';

/** @throws MoatError `tokenizer-unsupported` */
export function createCharacterVocabulary(file: CharacterFile, folder: string): Vocabulary {
  const spellings = spellingTable(file, folder);
  const special = new Set(file.added_tokens.flatMap(({ id, special: isSpecial }) => (isSpecial ? [id] : [])));
  const decodeSpellings = createDecode(file.decoder);
  return {
    tokens: spellings.map((spelling, id) => (special.has(id) ? new Uint8Array(0) : bytesIn(spelling, file.decoder))),
    encodeText: encodeByPieces(createCut(file.pre_tokenizer), createPieceEncoder(file, folder)),
    decode: (ids) => decodeSpellings(ids.flatMap((id) => (special.has(id) ? [] : [spellings[id] as string]))),
    unknown: unknownOf(file),
    start: startOf(file),
    hash: createHash('sha256')
      .update(JSON.stringify({ ...file, added_tokens: file.added_tokens.map(({ id, content }) => [content, id]) }))
      .digest('hex'),
  };
}

function spellingTable({ added_tokens: added, model, normalizer }: CharacterFile, folder: string): string[] {
  const normalize = createNormalize(normalizer);
  const spellings: string[] = [];
  const vocabulary: readonly (readonly [string, number])[] =
    model.type === 'Unigram' ? model.vocab.map(([piece], id) => [piece, id]) : Object.entries(model.vocab);
  for (const [spelling, id] of vocabulary) {
    if (spellings[id] !== undefined) throw unsupported(folder, `two tokens have the id ${id}`);
    spellings[id] = spelling;
  }
  for (const { id, content: given, special, normalized } of added) {
    // as it is looked for in a normalised text, and as the reference decodes it
    const content = normalized && !special ? normalize(given) : given;
    if ((spellings[id] ?? content) !== content) throw unsupported(folder, `two tokens have the id ${id}`);
    spellings[id] = content;
  }
  checkIds(spellings, vocabulary.length + added.length, folder);
  return spellings;
}

/** What a token adds to a text: decoded behind a letter that is then taken away again. */
function bytesIn(spelling: string, decoder: Decoder | null | undefined): Uint8Array {
  const byte = byteOfToken(spelling);
  const steps = decoder?.type === 'Sequence' ? decoder.decoders : [decoder];
  if (byte !== undefined && steps.some((step) => step?.type === 'ByteFallback')) return Uint8Array.of(byte);
  return new Uint8Array(Buffer.from(createDecode(decoder)(['a', spelling]).slice(1)));
}

function createPieceEncoder({ model }: CharacterFile, folder: string): (piece: string) => readonly number[] {
  if (model.type === 'Unigram') {
    const unknownId = model.unk_id ?? undefined;
    if (unknownId !== undefined && unknownId >= model.vocab.length)
      throw unsupported(folder, `unk_id ${unknownId} is no token of the model`);
    return createUnigramEncoder({ pieces: model.vocab, unknownId, byteFallback: model.byte_fallback });
  }
  const idOf = new Map(Object.entries(model.vocab));
  const unknown = model.unk_token ?? undefined;
  const unknownId = unknown === undefined ? undefined : idOf.get(unknown);
  if (unknown !== undefined && unknownId === undefined)
    throw unsupported(folder, `unk_token "${unknown}" is not in the vocabulary`);
  if (model.type === 'WordPiece') return createWordCutter(model, idOf, unknownId as number);
  return createCharacterBpe({
    idOf,
    merges: mergesOf(model.merges, idOf, folder),
    unknownId,
    fuseUnknown: model.fuse_unk === true,
    byteFallback: model.byte_fallback === true,
    ignoreMerges: model.ignore_merges,
  });
}

function mergesOf(
  pairs: readonly (string | readonly [string, string])[],
  idOf: ReadonlyMap<string, number>,
  folder: string,
): MergePairs {
  const known = (spelling: string): number => {
    const id = idOf.get(spelling);
    if (id === undefined) throw unsupported(folder, `"${spelling}" is missing in the vocabulary`);
    return id;
  };
  const merges: MergePair[] = [];
  for (const [rank, pair] of pairs.entries()) {
    const [left = '', right = ''] = typeof pair === 'string' ? pair.split(' ') : pair;
    merges.push({ left: known(left), right: known(right), rank, id: known(left + right) });
  }
  return createMergePairs(merges);
}

/** Where bytes stand in for it, it is never used. */
function unknownOf({ model }: CharacterFile): number | undefined {
  if (model.type === 'WordPiece') return model.vocab[model.unk_token];
  if (model.byte_fallback === true) return undefined;
  return model.type === 'Unigram' ? (model.unk_id ?? undefined) : model.vocab[model.unk_token ?? ''];
}

/** `[CLS]` of BERT, `<s>` of Llama 2: what a template puts before the text. */
function startOf({ post_processor: processor }: CharacterFile): string[] {
  const pieces = processor?.type === 'TemplateProcessing' ? (processor.single ?? []) : [];
  const text = pieces.findIndex((piece) => 'Sequence' in piece);
  return pieces.slice(0, Math.max(0, text)).flatMap((piece) => piece['SpecialToken']?.id ?? []);
}
