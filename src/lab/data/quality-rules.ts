import { codePoints } from './code-points.js';
import type { TextStatistics } from './text-statistics.js';

/** One published reason to drop a document, by the name its reference implementation gives it. */
export interface QualityRule {
  readonly name: string;
  readonly family: 'gopher-repetition' | 'gopher-quality' | 'c4' | 'fineweb' | 'chinese' | 'toxicity';
  readonly threshold: number;
  /** Whether the measure must not exceed the threshold, or not fall below it. */
  readonly bound: 'at-most' | 'at-least';
  /** Paper or program the rule and its threshold are from. */
  readonly source: string;
  /** `basic` drops only what is broken at any length; the rest is meant for web pages. */
  readonly set: 'basic' | 'web';
  /** Rules that need spaces between words, rules for writing without them, and rules for both. */
  readonly writing: 'spaced' | 'unspaced' | 'any';
  /** NaN or undefined: the rule has nothing to say about this text. */
  measure(statistics: TextStatistics): number | undefined;
}

const GOPHER = 'Gopher, arXiv:2112.11446, appendix A1.1';
const C4 = 'C4, arXiv:1910.10683, section 2.2';
const FINEWEB = 'FineWeb, arXiv:2406.17557, section 3.6';
const DATA_JUICER = 'Data-Juicer, arXiv:2309.02033, Chinese recipe';
const OWN = 'Moat: chosen by hand';

type Draft = Omit<QualityRule, 'family' | 'source' | 'set' | 'writing'> &
  Partial<Pick<QualityRule, 'source' | 'set' | 'writing'>>;

function family(
  name: QualityRule['family'],
  defaults: Pick<QualityRule, 'source' | 'writing'>,
  rules: readonly Draft[],
): readonly QualityRule[] {
  return rules.map((rule) => ({ set: 'web', ...defaults, ...rule, family: name }));
}

const shareOf = <T>(items: readonly T[], matches: (item: T) => boolean): number =>
  items.filter((item) => matches(item)).length / items.length;

/** Items seen before, and their characters. */
function duplicates(items: readonly string[]): { count: number; characters: number } {
  const seen = new Set<string>();
  let characters = 0;
  let count = 0;
  for (const item of items) {
    if (seen.has(item)) {
      count++;
      characters += codePoints(item);
    } else seen.add(item);
  }
  return { count, characters };
}

const blocksOf = (text: string): readonly string[] => text.split(/\n+/);
const filledLines = (text: string): readonly string[] => text.split('\n').filter((line) => line.trim() !== '');

const REPETITION_NGRAMS: readonly Draft[] = [
  ...(
    [
      [2, 0.2],
      [3, 0.18],
      [4, 0.16],
    ] as const
  ).map(([n, threshold]): Draft => ({
    name: `top_${n}_gram`,
    threshold,
    bound: 'at-most',
    writing: 'spaced',
    measure: (s) => (s.repetition().topCharacters[n] ?? 0) / s.length(),
  })),
  ...(
    [
      [5, 0.15],
      [6, 0.14],
      [7, 0.13],
      [8, 0.12],
      [9, 0.11],
      [10, 0.1],
    ] as const
  ).map(([n, threshold]): Draft => ({
    name: `duplicated_${n}_n_grams`,
    threshold,
    bound: 'at-most',
    writing: 'spaced',
    measure: (s) => (s.repetition().duplicateCharacters[n] ?? 0) / s.length(),
  })),
];

const GOPHER_REPETITION = family('gopher-repetition', { source: `${GOPHER}, table A1`, writing: 'any' }, [
  {
    name: 'dup_para_frac',
    threshold: 0.3,
    bound: 'at-most',
    set: 'basic',
    measure: (s) => duplicates(s.paragraphs()).count / s.paragraphs().length,
  },
  {
    name: 'dup_para_char_frac',
    threshold: 0.2,
    bound: 'at-most',
    measure: (s) => duplicates(s.paragraphs()).characters / s.length(),
  },
  {
    name: 'dup_line_frac',
    threshold: 0.3,
    bound: 'at-most',
    set: 'basic',
    measure: (s) => {
      const lines = blocksOf(s.text);
      return duplicates(lines).count / lines.length;
    },
  },
  {
    name: 'dup_line_char_frac',
    threshold: 0.2,
    bound: 'at-most',
    measure: (s) => duplicates(blocksOf(s.text)).characters / s.length(),
  },
  ...REPETITION_NGRAMS,
]);

const GOPHER_QUALITY = family('gopher-quality', { source: GOPHER, writing: 'spaced' }, [
  {
    name: 'gopher_short_doc',
    threshold: 50,
    bound: 'at-least',
    writing: 'any',
    measure: (s) => s.ofWords().properWords,
  },
  {
    name: 'gopher_long_doc',
    threshold: 100_000,
    bound: 'at-most',
    writing: 'any',
    measure: (s) => s.ofWords().properWords,
  },
  {
    name: 'gopher_below_avg_threshold',
    threshold: 3,
    bound: 'at-least',
    measure: (s) => s.ofWords().properWordLength / s.ofWords().properWords,
  },
  {
    name: 'gopher_above_avg_threshold',
    threshold: 10,
    bound: 'at-most',
    measure: (s) => s.ofWords().properWordLength / s.ofWords().properWords,
  },
  {
    name: 'gopher_too_many_hashes',
    threshold: 0.1,
    bound: 'at-most',
    writing: 'any',
    measure: (s) => s.ofCharacters().hashSigns / s.words().length,
  },
  {
    name: 'gopher_too_many_ellipsis',
    threshold: 0.1,
    bound: 'at-most',
    measure: (s) => s.ellipses() / s.words().length,
  },
  {
    name: 'gopher_too_many_bullets',
    threshold: 0.9,
    bound: 'at-most',
    writing: 'any',
    measure: (s) => shareOf(s.lines(), (line) => /^\s*[•-]/.test(line)),
  },
  {
    name: 'gopher_too_many_end_ellipsis',
    threshold: 0.3,
    bound: 'at-most',
    writing: 'any',
    measure: (s) => shareOf(s.lines(), (line) => /(\.\.\.|…)$/.test(line.trimEnd())),
  },
  {
    name: 'gopher_below_alpha_threshold',
    threshold: 0.8,
    bound: 'at-least',
    measure: (s) => s.ofWords().alphabeticWords / s.words().length,
  },
  { name: 'gopher_enough_stop_words', threshold: 2, bound: 'at-least', measure: (s) => s.ofWords().stopWords },
]);

const C4_RULES = family('c4', { source: C4, writing: 'any' }, [
  {
    name: 'lorem_ipsum',
    threshold: 0,
    bound: 'at-most',
    set: 'basic',
    // the rules of lines matter only where the phrase is
    measure: (s) => (/lorem ipsum/i.test(s.text) ? s.c4().loremIpsum : 0),
  },
  {
    name: 'curly_bracket',
    threshold: 0,
    bound: 'at-most',
    measure: (s) => s.c4().curlyBrackets,
  },
  {
    name: 'too_few_sentences',
    threshold: 5,
    bound: 'at-least',
    measure: (s) => s.c4().sentences,
  },
]);

const FINEWEB_RULES = family('fineweb', { source: FINEWEB, writing: 'any' }, [
  {
    name: 'line_punct_ratio',
    threshold: 0.12,
    bound: 'at-least',
    measure: (s) => shareOf(filledLines(s.text), (line) => /[\p{Sentence_Terminal}．]$/u.test(line)),
  },
  {
    name: 'short_line_ratio',
    threshold: 0.67,
    bound: 'at-most',
    writing: 'spaced',
    measure: (s) => shareOf(filledLines(s.text), (line) => codePoints(line) <= 30),
  },
  {
    name: 'char_dup_ratio',
    threshold: 0.01,
    bound: 'at-most',
    measure: (s) => duplicates(filledLines(s.text)).characters / (s.length() - s.ofCharacters().lineFeeds),
  },
  {
    name: 'list_ratio',
    threshold: 0.3,
    bound: 'at-most',
    writing: 'spaced',
    measure: (s) => s.ofCharacters().lineFeeds / s.words().length,
  },
]);

const CHINESE_RULES = family('chinese', { source: OWN, writing: 'unspaced' }, [
  {
    name: 'zh_alphanumeric_ratio',
    threshold: 0.1,
    bound: 'at-least',
    source: DATA_JUICER,
    set: 'basic',
    measure: (s) => s.ofCharacters().alphanumeric / s.length(),
  },
  {
    name: 'zh_character_repetition',
    threshold: 0.6,
    bound: 'at-most',
    source: DATA_JUICER,
    set: 'basic',
    measure: (s) => characterRepetition(s.text),
  },
  {
    name: 'zh_han_ratio',
    threshold: 0.4,
    bound: 'at-least',
    measure: (s) => s.ofCharacters().han / s.ofCharacters().visible,
  },
  {
    name: 'zh_punctuation_ratio',
    threshold: 0.3,
    bound: 'at-most',
    measure: (s) => s.ofCharacters().punctuation / s.ofCharacters().visible,
  },
  {
    name: 'zh_mean_line_length',
    threshold: 8,
    bound: 'at-least',
    measure: (s) => (s.length() - s.ofCharacters().lineFeeds) / filledLines(s.text).length,
  },
]);

/** N of the character n-grams whose repetition Data-Juicer measures. */
const REPETITION_SIZE = 10;

/** Data-Juicer `character_repetition_filter`: the share of n-grams that the √(number of kinds) most repeated ones make. */
function characterRepetition(text: string): number {
  const counts = new Map<string, number>();
  for (let i = 0; i + REPETITION_SIZE <= text.length; i++) {
    const ngram = text.slice(i, i + REPETITION_SIZE);
    counts.set(ngram, (counts.get(ngram) ?? 0) + 1);
  }
  if (counts.size === 0) return 0;
  const repeated = [...counts.values()].filter((count) => count > 1).sort((a, b) => b - a);
  const most = repeated.slice(0, Math.floor(Math.sqrt(counts.size)));
  return most.reduce((sum, count) => sum + count, 0) / (text.length - REPETITION_SIZE + 1);
}

const TOXICITY_RULES = family(
  'toxicity',
  { source: `Data-Juicer, arXiv:2309.02033, flagged words; lists and thresholds are Moat's`, writing: 'any' },
  [
    {
      name: 'flagged_words',
      threshold: 0.01,
      bound: 'at-most',
      set: 'basic',
      writing: 'spaced',
      measure: (s) => s.flaggedShare(),
    },
    {
      name: 'zh_flagged_words',
      threshold: 0.017,
      bound: 'at-most',
      set: 'basic',
      writing: 'unspaced',
      measure: (s) => s.flaggedShare(),
    },
  ],
);

/** Every rule, in the order FineWeb applies the families; the Chinese counterparts and flagged words come last. */
export const QUALITY_RULES: readonly QualityRule[] = [
  ...GOPHER_REPETITION,
  ...GOPHER_QUALITY,
  ...C4_RULES,
  ...FINEWEB_RULES,
  ...CHINESE_RULES,
  ...TOXICITY_RULES,
];
