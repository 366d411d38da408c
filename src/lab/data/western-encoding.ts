import iconv from 'iconv-lite';
import { identifyLanguage } from './language.js';

/**
 * Letters over ASCII in the languages that windows-1252 was made for; of English, those of words it borrowed, without those
 * whose bytes are letters of names in windows-1250 (ñ could be the ń of Gdańsk).
 */
const ALPHABETS: Readonly<Record<string, string>> = {
  en: 'éëáàâäçöüïîôóíúå',
  fr: 'àâæçéèêëîïôœùûüÿ',
  de: 'äöüßé',
  es: 'áéíñóúüª',
  pt: 'ãáâàçéêíóôõúüª',
  it: 'àèéìîòùóí',
  nl: 'éèëêïöüáóíç',
  sv: 'åäöéàü',
  da: 'æøåéöäôò',
  fi: 'äöåé',
};
/** Marks that Western text has, beside letters: in windows-1251 and KOI8 the same bytes are letters. */
const MARKS = new Set('€‚„…†‡‰‹›‘’“”•–—™ ¡£§©«®°·»¿²³½¼¾×ºª');
/** A mark between two letters is a letter of another encoding, but for these. */
const MARKS_IN_WORDS = new Set('‘’–—…·\u00AD');
const LETTER = /[^\P{L}ªº]/u;
const MIN_CONFIDENCE = 0.8;
/** German and French have about 5 in 100 letters, Finnish 8; Cyrillic nearly all. */
const MAX_SHARE = 0.2;

/**
 * Whether bytes that are not UTF-8 are windows-1252 (or Latin-1, which is part of it). They are when the text so read is
 * plainly in one of its languages and has no letter that this language has not, none in a row of three, and no mark that is
 * strange in it. The bytes of KOI8, windows-1251 and windows-1250 read so make other letters, or other words.
 */
export function isWestern(sample: Buffer): boolean {
  const text = iconv.decode(sample, 'windows-1252');
  const { language, confidence } = identifyLanguage(text);
  const alphabet = ALPHABETS[language];
  if (alphabet === undefined || confidence < MIN_CONFIDENCE) return false;
  let letters = 0;
  let highLetters = 0;
  let run = 0;
  for (let at = 0; at < text.length; at++) {
    const character = text.charAt(at);
    if (LETTER.test(character)) {
      letters++;
      run = character > '\u007F' ? run + 1 : 0;
      if (run === 0) continue;
      if (!alphabet.includes(character.toLowerCase()) || run > 2) return false;
      highLetters++;
    } else {
      run = 0;
      if (character > '\u007F' && !isMark(text, at)) return false;
    }
  }
  return highLetters <= MAX_SHARE * letters;
}

function isMark(text: string, at: number): boolean {
  const mark = text.charAt(at);
  if (MARKS_IN_WORDS.has(mark)) return true;
  return MARKS.has(mark) && !(LETTER.test(text.charAt(at - 1)) && LETTER.test(text.charAt(at + 1)));
}
