/**
 * How well a tokenizer suits texts, by language: what a text costs in tokens decides what training and every answer cost.
 * Bytes per token compare tokenizers on the same texts; fertility (tokens per word) and the share of split characters show
 * a language that the vocabulary hardly knows (Rust et al. 2021; Petrov et al. 2023).
 */
import type { Tokenizer } from './tokenizer.js';

/** One text and what it is written in. */
export interface ReportedText {
  readonly text: string;
  /** BCP 47 tag; `und` when unknown. */
  readonly language: string;
}

export interface LanguageFit {
  readonly documents: number;
  readonly bytes: number;
  readonly characters: number;
  readonly words: number;
  readonly tokens: number;
  /** UTF-8 bytes of text per token. */
  readonly bytesPerToken: number;
  readonly charactersPerToken: number;
  /** Tokens per word, words as Unicode (and the dictionary of ICU, for Chinese) cuts them. */
  readonly fertility: number;
  /** Share of tokens that stand for text the vocabulary does not know. */
  readonly unknownRate: number;
  /** Share of tokens that are not whole characters: parts of one that the vocabulary has to spell in bytes. */
  readonly splitCharacterRate: number;
}

export interface TokenizerReport {
  readonly vocabularySize: number;
  readonly total: LanguageFit;
  /** Most text first. */
  readonly languages: Readonly<Record<string, LanguageFit>>;
  readonly vocabulary: {
    /** Tokens that the texts use at least once. */
    readonly used: number;
    /** Tokens that they use fewer than `RARE_BELOW` times, those never used among them. */
    readonly rare: number;
    /** Share of the vocabulary that is used. */
    readonly usedShare: number;
    /** The longest tokens that are used, as text. */
    readonly longest: readonly string[];
    /** The last of the tokens that are never used, single bytes apart: room for others. */
    readonly neverUsed: readonly string[];
  };
}

/** A token seen fewer times than this has an embedding that was hardly trained. */
export const RARE_BELOW = 20;
const MAX_EXAMPLES = 12;

interface Counts {
  documents: number;
  bytes: number;
  characters: number;
  words: number;
  tokens: number;
  unknown: number;
  split: number;
}

const noCounts = (): Counts => ({ documents: 0, bytes: 0, characters: 0, words: 0, tokens: 0, unknown: 0, split: 0 });

export async function reportTokenizer(
  tokenizer: Tokenizer,
  texts: AsyncIterable<ReportedText> | Iterable<ReportedText>,
): Promise<TokenizerReport> {
  const uses = new Float64Array(tokenizer.vocabSize);
  const isSplit = splitCharacters(tokenizer);
  const byLanguage = new Map<string, Counts>();
  const countWords = createWordCounter();
  for await (const { text, language } of texts) {
    const counts = byLanguage.get(language) ?? noCounts();
    byLanguage.set(language, counts);
    counts.documents++;
    counts.bytes += Buffer.byteLength(text);
    counts.characters += lengthInCodePoints(text);
    counts.words += countWords(text, language);
    for (const id of tokenizer.encode(text)) {
      uses[id] = (uses[id] as number) + 1;
      counts.tokens++;
      if (id === tokenizer.unknown) counts.unknown++;
      if (isSplit[id] === 1) counts.split++;
    }
  }
  const sorted = [...byLanguage].sort(([, a], [, b]) => b.bytes - a.bytes);
  return {
    vocabularySize: tokenizer.vocabSize,
    total: fitOf(sorted.map(([, counts]) => counts).reduce(add, noCounts())),
    languages: Object.fromEntries(sorted.map(([language, counts]) => [language, fitOf(counts)])),
    vocabulary: vocabularyUse(tokenizer, uses),
  };
}

/** 1 for tokens that are no whole characters. */
function splitCharacters(tokenizer: Tokenizer): Uint8Array {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  return Uint8Array.from({ length: tokenizer.vocabSize }, (_, id) => {
    try {
      decoder.decode(tokenizer.tokenBytes(id));
      return 0;
    } catch {
      return 1;
    }
  });
}

function lengthInCodePoints(text: string): number {
  let count = 0;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0xdc00 || unit > 0xdfff) count++;
  }
  return count;
}

function createWordCounter(): (text: string, language: string) => number {
  const segmenters = new Map<string, Intl.Segmenter>();
  return (text, language) => {
    let segmenter = segmenters.get(language);
    if (segmenter === undefined) {
      segmenter = new Intl.Segmenter(language, { granularity: 'word' });
      segmenters.set(language, segmenter);
    }
    let words = 0;
    for (const { isWordLike } of segmenter.segment(text)) if (isWordLike === true) words++;
    return words;
  };
}

function add(a: Counts, b: Counts): Counts {
  return {
    documents: a.documents + b.documents,
    bytes: a.bytes + b.bytes,
    characters: a.characters + b.characters,
    words: a.words + b.words,
    tokens: a.tokens + b.tokens,
    unknown: a.unknown + b.unknown,
    split: a.split + b.split,
  };
}

function fitOf({ documents, bytes, characters, words, tokens, unknown, split }: Counts): LanguageFit {
  const perToken = (amount: number): number => amount / Math.max(1, tokens);
  return {
    documents,
    bytes,
    characters,
    words,
    tokens,
    bytesPerToken: perToken(bytes),
    charactersPerToken: perToken(characters),
    fertility: tokens / Math.max(1, words),
    unknownRate: perToken(unknown),
    splitCharacterRate: perToken(split),
  };
}

function vocabularyUse(tokenizer: Tokenizer, uses: Float64Array): TokenizerReport['vocabulary'] {
  const used: number[] = [];
  const neverUsed: number[] = [];
  let rare = 0;
  for (const [id, count] of uses.entries()) {
    if (count < RARE_BELOW) rare++;
    if (count > 0) used.push(id);
    // special tokens have no bytes, and the single bytes are there for what no text held yet
    else if (tokenizer.tokenBytes(id).length > 1) neverUsed.push(id);
  }
  const textOf = (id: number): string => Buffer.from(tokenizer.tokenBytes(id)).toString();
  const byLength = [...used].sort((a, b) => tokenizer.tokenBytes(b).length - tokenizer.tokenBytes(a).length || a - b);
  return {
    used: used.length,
    rare,
    usedShare: used.length / tokenizer.vocabSize,
    longest: byLength.slice(0, MAX_EXAMPLES).map(textOf),
    neverUsed: neverUsed
      .filter((id) => !textOf(id).includes('\uFFFD'))
      .slice(-MAX_EXAMPLES)
      .map(textOf),
  };
}
