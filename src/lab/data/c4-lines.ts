/** What C4 (arXiv:1910.10683, section 2.2) leaves of a text. */
export interface C4Result {
  /** The lines that are kept, without citation marks. */
  readonly text: string;
  /** Sentences in them. */
  readonly sentences: number;
  /** Lines that hold the phrase, and lines that hold `{`, and that no other rule removes: each condemns a document. */
  readonly loremIpsum: number;
  readonly curlyBrackets: number;
  /** Removed lines by rule, as the reference implementation names them. */
  readonly removed: Readonly<Record<C4LineRule, number>>;
}

export type C4LineRule = 'too_long_word' | 'no_terminal_punc' | 'too_few_words' | 'javascript' | 'policy';

const MAX_WORD_LENGTH = 1000;
const LONG_WORD = new RegExp(`\\S{${MAX_WORD_LENGTH + 1}}`);
const MIN_WORDS_PER_LINE = 3;
const THREE_WORDS = /^\S+\s+\S+\s+\S/;
const CITATION = /\[\d*\]|\[edit\]|\[citation needed\]/g;
const TERMINAL = /[.?!"'。？！”’」』]$/;
const SPACED_TERMINAL = /[.?!"']$/;
const POLICY = [
  'terms of use',
  'privacy policy',
  'cookie policy',
  'uses cookies',
  'use of cookies',
  'use cookies',
  '使用条款',
  '隐私政策',
  '使用cookie',
  '使用 cookie',
];
/** A terminal mark with its closing quotes and brackets, before white space or, in Chinese, before anything. */
const SENTENCE_END = /[.?!]+["'”’)\]]*(?=\s|$)|[。？！]+[”’」』）]*/g;

/**
 * Applies C4's line rules. @param options.isSpaced false for Chinese and Japanese: a line then needs three characters
 * where others need three words, and may end in the marks of that writing.
 */
export function keptByC4(text: string, options: { isSpaced: boolean }): C4Result {
  const removed = { too_long_word: 0, no_terminal_punc: 0, too_few_words: 0, javascript: 0, policy: 0 };
  const kept: string[] = [];
  let sentences = 0;
  let loremIpsum = 0;
  let curlyBrackets = 0;
  for (const raw of text.split(/\r\n|[\n\r]/)) {
    const line = raw.trim().replace(CITATION, '');
    const lower = line.toLowerCase();
    const shape = brokenShape(raw.trim(), line, options.isSpaced);
    if (shape !== undefined) {
      removed[shape]++;
      continue;
    }
    if (lower.includes('lorem ipsum')) loremIpsum++;
    if (lower.includes('javascript')) removed.javascript++;
    else {
      if (line.includes('{')) curlyBrackets++;
      if (POLICY.some((phrase) => lower.includes(phrase))) removed.policy++;
      else {
        sentences += sentenceCount(line);
        kept.push(line);
      }
    }
  }
  return { text: kept.join('\n').trim(), sentences, loremIpsum, curlyBrackets, removed };
}

/** Words are counted before the citations go, as the reference does. */
function brokenShape(raw: string, line: string, isSpaced: boolean): C4LineRule | undefined {
  if (isSpaced && raw.length > MAX_WORD_LENGTH && LONG_WORD.test(raw)) return 'too_long_word';
  if (!(isSpaced ? SPACED_TERMINAL : TERMINAL).test(line) || line.endsWith('...')) return 'no_terminal_punc';
  const isShort = isSpaced ? !THREE_WORDS.test(raw) : line.length < MIN_WORDS_PER_LINE;
  return isShort ? 'too_few_words' : undefined;
}

/** A line without an end of sentence inside is one. */
function sentenceCount(line: string): number {
  const ends = [...line.matchAll(SENTENCE_END)];
  const last = ends.at(-1);
  if (last === undefined) return 1;
  return ends.length + (last.index + last[0].length < line.trimEnd().length ? 1 : 0);
}
