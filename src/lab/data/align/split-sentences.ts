/**
 * Sentences of a plain text or of Markdown, for aligning it with its translation. Rules only: a full stop ends a sentence
 * unless it belongs to an abbreviation, an initial, a number or a bracket that is still open; 。！？； and … end one in the
 * languages that write them. What closes a quotation stays with its sentence.
 */

/** One sentence with the paragraph it stands in, counted from 0. */
export interface Sentence {
  readonly text: string;
  readonly paragraph: number;
}

/** A longer sentence is a table, a dump or a text without marks: it is cut here, so that no step meets one without end. */
const LONGEST_SENTENCE = 2000;

/** A bracket that has not closed after this many characters is taken for a slip, and sentences may end again. */
const LONGEST_BRACKET = 300;

/** Never at the end of a sentence, or so seldom that not cutting is right. In lower case, without the last full stop. */
const ABBREVIATIONS = new Set(
  (
    'mr mrs ms dr prof st mt sen rep gov gen col sgt capt lt hon rev pres e.g i.e cf viz vs ca approx resp al ' +
    'no nos vol vols pp p fig figs eq eqs ch chap sec sect ed eds trans jan feb mar apr jun jul aug sep sept oct nov ' +
    'dec dept univ assn bros tel ext ave blvd max min incl excl z.b d.h u.a bzw usw ggf vgl nr hr fr mme mlle av art sr ' +
    'sra srta ud uds p.ej pág núm'
  ).split(' '),
);

/** Often at the end of a sentence: one is taken to end there when a capital letter follows. */
const CLOSING_ABBREVIATIONS = new Set('etc inc ltd corp co jr sr u.s u.k u.s.a a.m p.m'.split(' '));

const STOP = /[.!?。！？；…｡]/u;
const CLOSERS = /["'”’»›」』）)\]】》〉]/u;
const OPENING_BRACKETS = new Map([
  ['(', ')'],
  ['（', '）'],
  ['[', ']'],
  ['【', '】'],
]);

/** `- item`, `* item`, `1. item`, `（二）`, `一、`, `# Heading`, `> quotation`, `| table`. */
const LINE_OF_ITS_OWN =
  /^\s*(?:[-*+•·]\s|#{1,6}\s|>|\||\d{1,3}[.)、]\s?\D|[（(][\d一二三四五六七八九十]{1,3}[)）]|[一二三四五六七八九十]{1,3}、)/u;

/**
 * @param text lines end in `\n`; a blank line ends a paragraph. A line break ends a sentence where one ends anyway, beside
 *   headings and list items, and after a line much shorter than the longest; elsewhere the line was only wrapped.
 */
export function splitSentences(text: string): Sentence[] {
  const sentences: Sentence[] = [];
  let paragraph = 0;
  for (const block of text.replaceAll(/\r\n?/g, '\n').split(/\n[ \t\u3000]*\n+/)) {
    const before = sentences.length;
    for (const line of unwrapped(block)) {
      for (const sentence of splitLine(line)) sentences.push({ text: sentence, paragraph });
    }
    if (sentences.length > before) paragraph++;
  }
  return sentences;
}

/** Lines of a block with those joined that a fixed width had broken. */
function unwrapped(block: string): string[] {
  const lines = block.split('\n').filter((line) => line.trim() !== '');
  const widest = lines.reduce((widest, line) => Math.max(widest, line.length), 0);
  const joined: string[] = [];
  for (const [index, line] of lines.entries()) {
    const previous = lines[index - 1];
    const last = joined.at(-1);
    const isOwn =
      previous === undefined ||
      last === undefined ||
      LINE_OF_ITS_OWN.test(line) ||
      /^\s*#{1,6}\s/.test(previous) ||
      /[.!?。！？；…:：]["'”’」』）)]*\s*$/u.test(previous) ||
      previous.length < 0.6 * widest ||
      widest < 40;
    if (isOwn) joined.push(line);
    else joined[joined.length - 1] = join(last, line.trimStart());
  }
  return joined;
}

/** Words of Chinese, Japanese and Thai are not kept apart by a space. */
function join(before: string, after: string): string {
  const touching = /[\p{sc=Han}\p{sc=Hira}\p{sc=Kana}\p{sc=Thai}，、。：；]$/u.test(before);
  return touching && /^[\p{sc=Han}\p{sc=Hira}\p{sc=Kana}\p{sc=Thai}，、。：；“「《（]/u.test(after)
    ? before.trimEnd() + after
    : `${before.trimEnd()} ${after}`;
}

function splitLine(line: string): string[] {
  const sentences: string[] = [];
  const take = (from: number, to: number): number => {
    const sentence = line.slice(from, to).trim();
    if (sentence !== '') sentences.push(sentence);
    return to;
  };
  let start = 0;
  let at = 0;
  let bracketEnd = -1;
  while (at < line.length) {
    const character = line[at] as string;
    if (at - start >= LONGEST_SENTENCE) start = take(start, cutBefore(line, start, at));
    else if (at > bracketEnd && OPENING_BRACKETS.has(character)) bracketEnd = closingOf(line, at);
    if (!STOP.test(character)) {
      at++;
      continue;
    }
    const end = endOfMarks(line, at);
    if (end - 1 > bracketEnd && endsSentence(line, start, at, end)) {
      start = take(start, end);
      bracketEnd = -1;
    }
    at = end;
  }
  take(start, line.length);
  return sentences;
}

/** Where an overlong sentence is cut: after its last space or comma, never inside a surrogate pair. */
function cutBefore(line: string, start: number, at: number): number {
  for (let cut = at; cut > start + LONGEST_SENTENCE / 2; cut--)
    if (/[\s,，、]/.test(line[cut - 1] as string)) return cut;
  return (line.charCodeAt(at) & 0xfc00) === 0xdc00 ? at - 1 : at;
}

/** The index of the bracket that closes the one at `at`, or `at` when there is none near. */
function closingOf(line: string, at: number): number {
  const closing = OPENING_BRACKETS.get(line[at] as string) as string;
  const end = line.indexOf(closing, at + 1);
  return end === -1 || end - at > LONGEST_BRACKET ? at : end;
}

/** The index after all marks in a row and what closes quotations and brackets behind them. */
function endOfMarks(line: string, at: number): number {
  let end = at + 1;
  while (end < line.length && STOP.test(line[end] as string)) end++;
  while (end < line.length && CLOSERS.test(line[end] as string)) end++;
  return end;
}

/** @param at of the first mark @param end after the last */
function endsSentence(line: string, start: number, at: number, end: number): boolean {
  const marks = line.slice(at, end);
  const rest = line.slice(end, end + 12);
  if (/[。！？；｡]/u.test(marks)) return !/^[，、,]/u.test(rest);
  if (rest.trim() === '') return true;
  // Ellipses, ! and ? end a sentence when what follows does not go on in lower case; without a space, in Han only.
  const followsOn = /^\s*[\p{Ll},;:，、：)]/u.test(rest);
  const isApart = /^\s/.test(rest) || /^[\p{sc=Han}\p{sc=Hira}\p{sc=Kana}]/u.test(rest);
  if (followsOn || !isApart) return false;
  if (/^[.]["'”’)\]]*$/u.test(marks)) return !isAbbreviation(line.slice(Math.max(start, at - 20), at), rest);
  return true;
}

/** @param before up to the full stop */
function isAbbreviation(before: string, rest: string): boolean {
  const word = /[\p{L}\p{N}.]+$/u.exec(before)?.[0] ?? '';
  const lower = word.toLowerCase();
  if (CLOSING_ABBREVIATIONS.has(lower)) return !/^\s+["'“‘(]?\p{Lu}/u.test(rest);
  if (ABBREVIATIONS.has(lower)) return lower !== 'no' || /^\s+\d/.test(rest);
  // An initial (J. Smith) and the number of a list item (1. First).
  if (/^\p{Lu}$/u.test(word)) return word !== 'I';
  return /^\d{1,3}$/.test(word) && before.trim() === word;
}
