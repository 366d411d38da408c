/** A test set whose texts must not be in the training data. */
export interface NamedTestSet {
  readonly name: string;
  readonly texts: Iterable<string>;
}

export interface Contamination {
  readonly testSet: string;
  /** Share of the document's n-grams that the test set has. */
  readonly share: number;
  /** One of the n-grams found, as normalised. */
  readonly example: string;
}

export interface ContaminationIndex {
  /** N-grams held. */
  readonly size: number;
  /** Test texts shorter than one n-gram: nothing can be said about them. */
  readonly tooShort: number;
  /** Test sets that share an n-gram with the document, the largest share first. */
  find(document: string): readonly Contamination[];
}

/** Words of an n-gram (GPT-3, arXiv:2005.14165, appendix C). */
const WORDS_PER_NGRAM = 13;
/** A Chinese word has about two characters, so a Han character, kana or Thai letter weighs half a word. */
const UNSPACED_UNITS = 2 * WORDS_PER_NGRAM;
const UNIT =
  /[\p{sc=Han}\p{sc=Hira}\p{sc=Kana}\p{sc=Thai}]|(?:(?![\p{sc=Han}\p{sc=Hira}\p{sc=Kana}\p{sc=Thai}])[\p{L}\p{M}\p{N}])+/gu;
const UNSPACED_UNIT = /^[\p{sc=Han}\p{sc=Hira}\p{sc=Kana}\p{sc=Thai}]/u;

/**
 * An index of the n-grams of test sets: 13 words where words are spaced, 26 characters where they are not. Case, marks
 * and space do not count. N-grams are kept as 53-bit hashes: with 10^8 of them a chance hit has odds of 1 in 10^8.
 */
export function createContaminationIndex(testSets: Iterable<NamedTestSet>): ContaminationIndex {
  const names: string[] = [];
  const holders = new Map<number, number[]>(); // hash -> test sets
  let tooShort = 0;
  for (const { name, texts } of testSets) {
    const set = names.push(name) - 1;
    for (const text of texts) {
      let count = 0;
      for (const { hash } of ngramsOf(text)) {
        count++;
        const sets = holders.get(hash);
        if (sets === undefined) holders.set(hash, [set]);
        else if (!sets.includes(set)) sets.push(set);
      }
      if (count === 0) tooShort++;
    }
  }
  return { size: holders.size, tooShort, find: (document) => findIn(document, names, holders) };
}

function findIn(
  document: string,
  names: readonly string[],
  holders: ReadonlyMap<number, readonly number[]>,
): readonly Contamination[] {
  const hits = new Map<number, { count: number; example: string }>();
  let total = 0;
  for (const { hash, text } of ngramsOf(document)) {
    total++;
    for (const set of holders.get(hash) ?? []) {
      const hit = hits.get(set);
      if (hit === undefined) hits.set(set, { count: 1, example: text() });
      else hit.count++;
    }
  }
  return [...hits]
    .map(([set, { count, example }]) => ({ testSet: names[set] ?? '', share: count / total, example }))
    .sort((a, b) => b.share - a.share);
}

interface Ngram {
  readonly hash: number;
  text(): string;
}

/** The n-gram that starts at every unit; its length in units depends on the writing of its first unit. */
function* ngramsOf(text: string): Generator<Ngram> {
  const units = text.normalize('NFKC').toLowerCase().match(UNIT) ?? [];
  const hashes = units.map((unit) => hashOf(unit));
  for (let start = 0; start < units.length; start++) {
    const length = UNSPACED_UNIT.test(units[start] ?? '') ? UNSPACED_UNITS : WORDS_PER_NGRAM;
    const end = start + length;
    if (end > units.length) continue;
    let high = length;
    let low = length;
    for (let i = start; i < end; i++) {
      high = Math.imul(high ^ (hashes[i] ?? 0), 0x9e3779b1) ^ (high >>> 15);
      low = Math.imul(low + (hashes[i] ?? 0), 0x85ebca6b) ^ (low >>> 13);
    }
    yield {
      hash: (high >>> 11) * 2 ** 32 + (low >>> 0),
      text: () => units.slice(start, end).join(length === UNSPACED_UNITS ? '' : ' '),
    };
  }
}

/** FNV-1a over UTF-16 units. */
function hashOf(unit: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < unit.length; i++) hash = Math.imul(hash ^ unit.charCodeAt(i), 0x01000193);
  return hash;
}
