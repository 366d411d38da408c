/**
 * What two sentences are compared by, as numbers: words (cut to their beginnings, which stands in for stemming), pairs of
 * characters where words are not kept apart, figures, code, addresses and the kind of the last mark.
 */

/** The distinct features of one side's sentences. */
export interface SideFeatures {
  /** Sentences of this side that have the feature, by feature. */
  readonly frequency: Uint32Array;
  /** By feature: its share of all features of this side. */
  readonly probability: Float64Array;
  /** By sentence: its features, each once. */
  readonly bySentence: readonly Uint32Array[];
  /** By sentence: Unicode characters without space. */
  readonly lengths: Float64Array;
  readonly ids: ReadonlyMap<string, number>;
}

const UNSPACED = String.raw`\p{sc=Han}\p{sc=Hira}\p{sc=Kana}\p{sc=Thai}\p{sc=Laoo}\p{sc=Khmr}\p{sc=Mymr}`;
const RUN_OF_SYLLABLES = new RegExp(`[${UNSPACED}]+`, 'gu');
const WORD = new RegExp(
  `(?:(?![${UNSPACED}])[\\p{L}\\p{M}\\p{N}_])+(?:[./:@~-]+(?:(?![${UNSPACED}])[\\p{L}\\p{M}\\p{N}_])+)*`,
  'gu',
);

/** "install", "installed" and "installing" begin alike. */
const STEM_CHARACTERS = 6;

/** More features than this are not looked at in one sentence. */
const MOST_FEATURES = 256;

/** Features of a sentence, each once. */
export function featuresOf(sentence: string): string[] {
  const text = sentence.normalize('NFKC').toLowerCase();
  const features = new Set<string>();
  for (const [word] of text.matchAll(WORD)) {
    const parts = word.split(/[./:@~-]+/);
    // a name with dots or slashes (a file, an address, a version) is one thing, and its parts are words too
    if (parts.length > 1) features.add(word);
    for (const part of parts) features.add(/\d/.test(part) ? part : part.slice(0, STEM_CHARACTERS));
  }
  for (const [run] of text.matchAll(RUN_OF_SYLLABLES)) {
    const characters = [...run];
    if (characters.length === 1) features.add(run);
    for (let i = 1; i < characters.length; i++) features.add(`${characters[i - 1]}${characters[i]}`);
  }
  const mark = /([?!:])["'”’)\]」』》]*\s*$/u.exec(text)?.[1];
  if (mark !== undefined) features.add(mark);
  return [...features].slice(0, MOST_FEATURES);
}

/** Reads one side of the text. */
export function measureSide(sentences: readonly string[]): SideFeatures {
  const ids = new Map<string, number>();
  const bySentence = sentences.map((sentence) =>
    Uint32Array.from(featuresOf(sentence), (feature) => {
      const known = ids.get(feature);
      if (known !== undefined) return known;
      ids.set(feature, ids.size);
      return ids.size - 1;
    }),
  );
  const frequency = new Uint32Array(ids.size);
  for (const features of bySentence) for (const feature of features) increase(frequency, feature);
  const total = frequency.reduce((sum, count) => sum + count, 0);
  return {
    frequency,
    probability: Float64Array.from(frequency, (count) => count / total),
    bySentence,
    lengths: Float64Array.from(sentences, (sentence) => [...sentence.replaceAll(/\s/g, '')].length),
    ids,
  };
}

function increase(counts: Uint32Array, at: number): void {
  counts[at] = (counts[at] as number) + 1;
}
