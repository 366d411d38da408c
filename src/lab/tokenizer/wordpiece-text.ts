/**
 * What BERT does to a text before its vocabulary sees it (Devlin et al. 2018; Hugging Face's BertNormalizer and
 * BertPreTokenizer): cleaning, spaces around Chinese characters, accents, case, then words and single punctuation marks.
 */
export interface TextRules {
  /** Drops control characters and turns every white space into a space. */
  readonly cleanText: boolean;
  /** A space before and after every Chinese character, so that each is a word. */
  readonly separateChinese: boolean;
  readonly stripAccents: boolean;
  readonly lowercase: boolean;
}

// Unassigned characters (Cn) are kept by the reference; lone surrogates cannot occur there.
const CONTROL = /[\0\uFFFD\p{Cc}\p{Cf}\p{Co}\p{Cs}]/gu;
const WHITE_SPACE = /\p{White_Space}/gu;
/** The blocks of BERT's own list, not all of Unicode's Han script. */
const CHINESE =
  /[\u4E00-\u9FFF\u3400-\u4DBF\u{20000}-\u{2A6DF}\u{2A700}-\u{2B73F}\u{2B740}-\u{2B81F}\u{2B920}-\u{2CEAF}\uF900-\uFAFF\u{2F800}-\u{2FA1F}]/gu;
const WORDS = /[!-/:-@[-`{-~\p{P}]|[^\p{White_Space}!-/:-@[-`{-~\p{P}]+/gu;

/** The text as the vocabulary spells it. */
export function normalizeText(text: string, rules: TextRules): string {
  let result = text;
  if (rules.cleanText) {
    result = result
      .replace(CONTROL, (character) => (character === '\t' || character === '\n' || character === '\r' ? ' ' : ''))
      .replace(WHITE_SPACE, ' ');
  }
  if (rules.separateChinese) result = result.replace(CHINESE, ' $& ');
  if (rules.stripAccents) result = result.normalize('NFD').replace(/\p{Mn}/gu, '');
  if (rules.lowercase) result = lowercase(result);
  return result;
}

/** Words, and every punctuation mark alone; white space goes. */
export function splitWords(normalized: string): string[] {
  return normalized.match(WORDS) ?? [];
}

/** Letter by letter: a final Σ becomes σ, where `toLowerCase` of a whole text looks around and writes ς. */
export function lowercase(text: string): string {
  return text.includes('Σ') ? Array.from(text, (letter) => letter.toLowerCase()).join('') : text.toLowerCase();
}
