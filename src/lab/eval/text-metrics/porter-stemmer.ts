/**
 * Porter's stemmer (Porter 1980, "An algorithm for suffix stripping") with the extensions of NLTK, as rouge-score uses it: `ies`
 * of four letters, `y` after consonants, `logi`, `alli`, `fulli`, and a pool of irregular forms.
 */

/** NLTK's irregular forms, by their stem. */
const IRREGULAR = new Map(
  Object.entries({
    sky: ['sky', 'skies'],
    die: ['dying'],
    lie: ['lying'],
    tie: ['tying'],
    news: ['news'],
    inning: ['innings', 'inning'],
    outing: ['outings', 'outing'],
    canning: ['cannings', 'canning'],
    howe: ['howe'],
    proceed: ['proceed'],
    exceed: ['exceed'],
    succeed: ['succeed'],
  }).flatMap(([stem, words]) => words.map((word) => [word, stem] as const)),
);

function isConsonant(word: string, at: number): boolean {
  const letter = word[at] as string;
  if ('aeiou'.includes(letter)) return false;
  if (letter !== 'y') return true;
  return at === 0 || !isConsonant(word, at - 1);
}

/** The m of [C](VC)^m[V]. */
function measure(stem: string): number {
  let count = 0;
  for (let at = 1; at < stem.length; at++) if (isConsonant(stem, at) && !isConsonant(stem, at - 1)) count++;
  return count;
}

const hasVowel = (stem: string): boolean => Array.from(stem, (_, at) => at).some((at) => !isConsonant(stem, at));

const endsDouble = (word: string): boolean =>
  word.length >= 2 && word.at(-1) === word.at(-2) && isConsonant(word, word.length - 1);

/** Consonant, vowel, consonant other than w, x, y; of NLTK, vowel and consonant where there are two letters. */
function endsShort(word: string): boolean {
  const last = word.length - 1;
  if (word.length >= 3) {
    return (
      isConsonant(word, last - 2) &&
      !isConsonant(word, last - 1) &&
      isConsonant(word, last) &&
      !'wxy'.includes(word[last] as string)
    );
  }
  return word.length === 2 && !isConsonant(word, 0) && isConsonant(word, 1);
}

type Rule = readonly [suffix: string, replacement: string, applies: (stem: string, word: string) => boolean];

/** The first suffix that is there decides, whether its condition holds or not. */
function applyRules(word: string, rules: readonly Rule[]): string {
  for (const [suffix, replacement, applies] of rules) {
    if (suffix === '*d') {
      if (endsDouble(word)) return applies(word.slice(0, -2), word) ? word.slice(0, -2) + replacement : word;
      continue;
    }
    if (!word.endsWith(suffix)) continue;
    const stem = word.slice(0, word.length - suffix.length);
    return applies(stem, word) ? stem + replacement : word;
  }
  return word;
}

const always = (): boolean => true;
const positive = (stem: string): boolean => measure(stem) > 0;
const long = (stem: string): boolean => measure(stem) > 1;

function plurals(word: string): string {
  if (word.endsWith('ies') && word.length === 4) return `${word.slice(0, -3)}ie`;
  return applyRules(word, [
    ['sses', 'ss', always],
    ['ies', 'i', always],
    ['ss', 'ss', always],
    ['s', '', always],
  ]);
}

function pastAndProgressive(word: string): string {
  if (word.endsWith('ied')) return word.slice(0, -3) + (word.length === 4 ? 'ie' : 'i');
  if (word.endsWith('eed')) return positive(word.slice(0, -3)) ? `${word.slice(0, -3)}ee` : word;
  const suffix = ['ed', 'ing'].find((each) => word.endsWith(each) && hasVowel(word.slice(0, -each.length)));
  if (suffix === undefined) return word;
  const stem = word.slice(0, -suffix.length);
  return applyRules(stem, [
    ['at', 'ate', always],
    ['bl', 'ble', always],
    ['iz', 'ize', always],
    ['*d', stem.at(-1) ?? '', (_, whole) => !'lsz'.includes(whole.at(-1) ?? '')],
    ['', 'e', (of) => measure(of) === 1 && endsShort(of)],
  ]);
}

/** NLTK: only after a consonant that is not the first letter. */
const finalY = (word: string): string =>
  applyRules(word, [['y', 'i', (stem) => stem.length > 1 && isConsonant(stem, stem.length - 1)]]);

function doubleSuffixes(word: string): string {
  if (word.endsWith('alli') && positive(word.slice(0, -4))) return doubleSuffixes(`${word.slice(0, -4)}al`);
  return applyRules(word, [
    ['ational', 'ate', positive],
    ['tional', 'tion', positive],
    ['enci', 'ence', positive],
    ['anci', 'ance', positive],
    ['izer', 'ize', positive],
    ['bli', 'ble', positive],
    ['alli', 'al', positive],
    ['entli', 'ent', positive],
    ['eli', 'e', positive],
    ['ousli', 'ous', positive],
    ['ization', 'ize', positive],
    ['ation', 'ate', positive],
    ['ator', 'ate', positive],
    ['alism', 'al', positive],
    ['iveness', 'ive', positive],
    ['fulness', 'ful', positive],
    ['ousness', 'ous', positive],
    ['aliti', 'al', positive],
    ['iviti', 'ive', positive],
    ['biliti', 'ble', positive],
    ['fulli', 'ful', positive],
    ['logi', 'log', (stem) => positive(`${stem}l`)],
  ]);
}

const furtherSuffixes = (word: string): string =>
  applyRules(word, [
    ['icate', 'ic', positive],
    ['ative', '', positive],
    ['alize', 'al', positive],
    ['iciti', 'ic', positive],
    ['ical', 'ic', positive],
    ['ful', '', positive],
    ['ness', '', positive],
  ]);

const LAST = 'al ance ence er ic able ible ant ement ment ent ion ou ism ate iti ous ive ize'.split(' ');

const lastSuffixes = (word: string): string =>
  applyRules(
    word,
    LAST.map((suffix): Rule => [
      suffix,
      '',
      suffix === 'ion' ? (stem) => long(stem) && 'st'.includes(stem.at(-1) ?? ' ') : long,
    ]),
  );

function finalE(word: string): string {
  if (!word.endsWith('e')) return word;
  const stem = word.slice(0, -1);
  return long(stem) || (measure(stem) === 1 && !endsShort(stem)) ? stem : word;
}

const doubleL = (word: string): string => (word.endsWith('ll') && long(word.slice(0, -1)) ? word.slice(0, -1) : word);

const STEPS = [plurals, pastAndProgressive, finalY, doubleSuffixes, furtherSuffixes, lastSuffixes, finalE, doubleL];

/** @param word in lower case; two letters and fewer stay as they are */
export function porterStem(word: string): string {
  const irregular = IRREGULAR.get(word);
  if (irregular !== undefined) return irregular;
  return word.length <= 2 ? word : STEPS.reduce((stem, step) => step(stem), word);
}
