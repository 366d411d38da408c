import { hanWriting, JAPANESE, SIMPLIFIED, TRADITIONAL } from './han-variants.js';
import { identifyLatin, type LatinVerdict } from './latin-language.js';
import type { LatinLanguage } from './language-words.js';

/** BCP 47 tags; `und` is undetermined: code, numbers, names, too little text. */
export type Language = LatinLanguage | 'zh-Hans' | 'zh-Hant' | ScriptLanguage | 'und';
type ScriptLanguage =
  | 'ja'
  | 'ko'
  | 'ru'
  | 'uk'
  | 'bg'
  | 'sr'
  | 'ar'
  | 'fa'
  | 'ur'
  | 'he'
  | 'el'
  | 'th'
  | 'hi'
  | 'bn'
  | 'ta'
  | 'te'
  | 'ka'
  | 'hy';

export interface LanguageVerdict {
  readonly language: Language;
  /** 0 to 1: the share of the evidence that speaks for `language`, not a calibrated probability. */
  readonly confidence: number;
}

/** UTF-16 units looked at in full; of longer texts only this many, in pieces spread over the text, are. */
const SAMPLE_LENGTH = 8192;
const SAMPLE_PIECES = 8;

type Script = (typeof SCRIPTS)[number];
const SCRIPTS = [
  'other',
  'space',
  'symbol',
  'digit',
  'latin',
  'han',
  'kana',
  'cjkPunctuation',
  'hangul',
  'cyrillic',
  'arabic',
  'hebrew',
  'greek',
  'thai',
  'devanagari',
  'bengali',
  'tamil',
  'telugu',
  'georgian',
  'armenian',
] as const;

/** First and last UTF-16 unit of each script's blocks (Unicode 15.1 Blocks.txt); surrogates are handled apart. */
const RANGES: readonly (readonly [Script, number, number])[] = [
  ['space', 0x09, 0x0d],
  ['space', 0x20, 0x20],
  ['space', 0xa0, 0xa0],
  ['space', 0x3000, 0x3000],
  ['digit', 0x30, 0x39],
  ['latin', 0x41, 0x5a],
  ['latin', 0x61, 0x7a],
  ['latin', 0xc0, 0xd6],
  ['latin', 0xd8, 0xf6],
  ['latin', 0xf8, 0x24f],
  ['latin', 0x300, 0x36f],
  ['latin', 0x1e00, 0x1eff],
  ['han', 0x3005, 0x3007],
  ['han', 0x3400, 0x4dbf],
  ['han', 0x4e00, 0x9fff],
  ['han', 0xf900, 0xfaff],
  ['cjkPunctuation', 0x3001, 0x3002],
  ['cjkPunctuation', 0xff01, 0xff1f],
  ['kana', 0x3041, 0x30fa],
  ['kana', 0x31f0, 0x31ff],
  ['kana', 0xff66, 0xff9f],
  ['hangul', 0x1100, 0x11ff],
  ['hangul', 0x3130, 0x318f],
  ['hangul', 0xac00, 0xd7af],
  ['cyrillic', 0x400, 0x52f],
  ['arabic', 0x600, 0x6ff],
  ['arabic', 0x750, 0x77f],
  ['arabic', 0xfb50, 0xfdff],
  ['arabic', 0xfe70, 0xfefc],
  ['hebrew', 0x590, 0x5ff],
  ['greek', 0x370, 0x3ff],
  ['greek', 0x1f00, 0x1fff],
  ['thai', 0xe00, 0xe7f],
  ['devanagari', 0x900, 0x97f],
  ['bengali', 0x980, 0x9ff],
  ['tamil', 0xb80, 0xbff],
  ['telugu', 0xc00, 0xc7f],
  ['georgian', 0x10a0, 0x10ff],
  ['armenian', 0x530, 0x58f],
];
/** Signs that prose seldom and code often uses. */
const CODE_SIGNS = '{}<>;=_\\|&*#$@+~^`';
/** A call (but neither a manual page, `ls(1)`, nor a plural, `file(s)`), a block's or statement's end, an operator of two signs, a key, a member. */
const CODE_SHAPES = /\w\((?!\d\w*\)|s\))|\)\s*[:{;]|[=!]=|[-=]>\s|::|":|\w;\n|\b\w+\.\w+\(/g;

const scriptOf = new Uint8Array(0x10000);
for (const [script, first, last] of RANGES) scriptOf.fill(SCRIPTS.indexOf(script), first, last + 1);
for (const sign of CODE_SIGNS) scriptOf[sign.charCodeAt(0)] = SCRIPTS.indexOf('symbol');

/**
 * A letter's weight against the Latin alphabet: what a script says in one character takes Latin writing several, and
 * Latin names and terms stand in text of every language, seldom the reverse.
 */
const WEIGHTS: Partial<Record<Script, number>> = {
  latin: 1,
  han: 10,
  kana: 10,
  cjkPunctuation: 4,
  hangul: 4,
  cyrillic: 2,
  arabic: 2,
  hebrew: 2,
  greek: 2,
  thai: 2,
  devanagari: 2,
  bengali: 2,
  tamil: 2,
  telugu: 2,
  georgian: 2,
  armenian: 2,
};

/** Languages of a script, told apart by letters only one of them has; the first is meant when none of these is seen. */
const BY_SCRIPT: Partial<Record<Script, readonly (readonly [ScriptLanguage, RegExp])[]>> = {
  cyrillic: [
    ['ru', /[ыэё]/gi],
    ['uk', /[іїєґ]/gi],
    ['sr', /[ђјљњћџ]/gi],
    ['bg', /ъ[а-я]{2}|[а-я]ът(?![а-я])/gi],
  ],
  arabic: [
    ['ar', /[ةىكي]/g],
    ['fa', /[پچژگکی]/g],
    ['ur', /[ٹڈڑےںہ]/g],
  ],
  hangul: [['ko', /[가-힣]/g]],
  hebrew: [['he', /[א-ת]/g]],
  greek: [['el', /[α-ω]/g]],
  thai: [['th', /[ก-๙]/g]],
  devanagari: [['hi', /[ऀ-ॿ]/g]],
  bengali: [['bn', /[ঀ-৿]/g]],
  tamil: [['ta', /[஀-௿]/g]],
  telugu: [['te', /[ఀ-౿]/g]],
  georgian: [['ka', /[ა-ჿ]/g]],
  armenian: [['hy', /[ա-ֆ]/g]],
};

const UNDETERMINED: LanguageVerdict = { language: 'und', confidence: 0 };

/**
 * The language a text is mostly written in. Scripts are counted first; Han is split into Chinese and Japanese by kana and
 * by characters only one way of writing has; Latin goes by frequent words and letter trigrams. Looks at no more than
 * 8192 UTF-16 units, so the cost of a long text does not grow with it.
 */
export function identifyLanguage(text: string): LanguageVerdict {
  const sample = sampleOf(text);
  const counts = countScripts(sample);
  const weighted = SCRIPTS.map((script, i) => (counts[i] ?? 0) * (WEIGHTS[script] ?? 0));
  const total = weighted.reduce((sum, weight) => sum + weight, 0);
  if (total === 0) return UNDETERMINED;
  const of = (script: Script): number => weighted[SCRIPTS.indexOf(script)] ?? 0;
  const characters = of('han') + of('kana');
  const cjk = characters + (characters > 0 ? of('cjkPunctuation') : 0);
  const best = SCRIPTS.reduce(
    (best, script) => (script !== 'cjkPunctuation' && of(script) > of(best) ? script : best),
    'other',
  );
  if (characters > 0 && cjk >= of(best)) return scaled(identifyHan(sample, of('kana') / characters), cjk / total);
  if (best === 'latin') return identifyLatinOrCode(sample, counts, of('latin') / total);
  return scaled(identifyByLetters(sample, BY_SCRIPT[best] ?? []), of(best) / total);
}

function sampleOf(text: string): string {
  if (text.length <= SAMPLE_LENGTH) return text;
  const length = SAMPLE_LENGTH / SAMPLE_PIECES;
  const step = (text.length - length) / (SAMPLE_PIECES - 1);
  return Array.from({ length: SAMPLE_PIECES }, (_, i) => {
    const start = Math.floor(i * step);
    return text.slice(start, start + length);
  }).join(' ');
}

function countScripts(sample: string): Uint32Array {
  const counts = new Uint32Array(SCRIPTS.length);
  const han = SCRIPTS.indexOf('han');
  for (let i = 0; i < sample.length; i++) {
    const unit = sample.charCodeAt(i);
    // High surrogates of the supplementary and tertiary ideographic planes (U+20000 to U+3FFFF).
    const script = unit >= 0xd840 && unit <= 0xd8bf ? han : (scriptOf[unit] ?? 0);
    counts[script] = (counts[script] ?? 0) + 1;
  }
  return counts;
}

function scaled(verdict: LanguageVerdict, factor: number): LanguageVerdict {
  return { language: verdict.language, confidence: verdict.confidence * factor };
}

/** A tenth of kana makes Japanese: Chinese has at most a の or a product's name. */
function identifyHan(sample: string, kanaShare: number): LanguageVerdict {
  if (kanaShare > 0.1) return { language: 'ja', confidence: Math.min(1, 0.8 + kanaShare) };
  let hans = 0;
  let hant = 0;
  let japanese = 0;
  for (let i = 0; i < sample.length; i++) {
    const writing = hanWriting[sample.charCodeAt(i)];
    if (writing === SIMPLIFIED) hans++;
    else if (writing === TRADITIONAL) hant++;
    else if (writing === JAPANESE) japanese++;
  }
  if (japanese > hans && japanese * 4 > hant) return { language: 'ja', confidence: 0.6 };
  // Without evidence: simplified is by far the more frequent on the web, and one half says that nothing was seen.
  const evidence = hans + hant;
  if (evidence === 0) return { language: 'zh-Hans', confidence: 0.5 };
  return hant > hans
    ? { language: 'zh-Hant', confidence: hant / evidence }
    : { language: 'zh-Hans', confidence: hans / evidence };
}

function identifyByLetters(sample: string, languages: readonly (readonly [ScriptLanguage, RegExp])[]): LanguageVerdict {
  const counts = languages.map(([language, letters]) => ({ language, count: sample.match(letters)?.length ?? 0 }));
  const first = counts[0];
  if (first === undefined) return UNDETERMINED;
  const best = counts.reduce((best, next) => (next.count > best.count ? next : best), first);
  const seen = counts.reduce((sum, { count }) => sum + count, 0);
  return { language: best.language, confidence: seen === 0 ? 0.6 : best.count / seen };
}

function identifyLatinOrCode(sample: string, counts: Uint32Array, share: number): LanguageVerdict {
  const of = (script: Script): number => counts[SCRIPTS.indexOf(script)] ?? 0;
  const letters = of('latin');
  const prose: LatinVerdict = identifyLatin(sample);
  // Prose that explains code is full of signs too, but its frequent words give it away.
  const shapes = /[(=>:;.]/.test(sample) ? (sample.match(CODE_SHAPES)?.length ?? 0) : 0;
  const isCode = of('symbol') + 3 * shapes > letters * (0.06 + 0.5 * prose.knownShare);
  if (prose.words === 0 || of('digit') > letters || isCode) return UNDETERMINED;
  return scaled({ language: prose.language, confidence: prose.confidence }, share);
}
