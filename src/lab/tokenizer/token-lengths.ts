/**
 * How long the documents of a corpus are in tokens, and what any cut of them would lose: a context that is too short, or a
 * smallest length that is too long. Exact: lengths are counted one by one.
 */

export interface MeasuredDocument {
  readonly text: string;
  /** BCP 47 tag; `und` when unknown. */
  readonly language: string;
}

export interface TokenLengths {
  /** What was counted: tokens of the project's tokenizer, or characters where there is none yet. */
  readonly unit: 'tokens' | 'characters';
  readonly documents: number;
  readonly total: number;
  readonly mean: number;
  /** By share of the documents that are no longer: `0.5` is the median. */
  readonly quantiles: Readonly<Record<number, number>>;
  readonly longest: number;
  /** Documents by length, each bin twice as wide as the one before; `from` is part of it, `to` is not. */
  readonly histogram: readonly { readonly from: number; readonly to: number; readonly documents: number }[];
  readonly languages: Readonly<Record<string, { readonly documents: number; readonly total: number }>>;
  /** For each context length: what lies beyond it, when longer documents are cut at it. */
  readonly cuts: readonly LengthCut[];
  /** For each smallest length: what is lost when shorter documents are left out. */
  readonly minima: readonly { readonly length: number; readonly documents: number; readonly lost: number }[];
}

export interface LengthCut {
  readonly length: number;
  /** Documents that are longer. */
  readonly documents: number;
  readonly lost: number;
  /** Of all. */
  readonly lostShare: number;
}

const QUANTILES = [0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99];
const CONTEXTS = [64, 128, 256, 512, 1024, 2048, 4096, 8192, 16_384, 32_768];
const MINIMA = [8, 16, 32, 64, 128, 256];

/** @param encode to tokens; undefined: characters (code points) are counted */
export async function measureLengths(
  documents: AsyncIterable<MeasuredDocument> | Iterable<MeasuredDocument>,
  encode: ((text: string) => { readonly length: number }) | undefined,
): Promise<TokenLengths> {
  const counts = new Map<number, number>();
  const languages: Record<string, { documents: number; total: number }> = {};
  let total = 0;
  let documentCount = 0;
  for await (const { text, language } of documents) {
    const { length } = encode === undefined ? Array.from(text) : encode(text);
    counts.set(length, (counts.get(length) ?? 0) + 1);
    const tally = (languages[language] ??= { documents: 0, total: 0 });
    tally.documents++;
    tally.total += length;
    total += length;
    documentCount++;
  }
  const lengths = [...counts].sort(([a], [b]) => a - b);
  return {
    unit: encode === undefined ? 'characters' : 'tokens',
    documents: documentCount,
    total,
    mean: total / Math.max(1, documentCount),
    quantiles: quantilesOf(lengths, documentCount),
    longest: lengths.at(-1)?.[0] ?? 0,
    histogram: histogramOf(lengths),
    languages: Object.fromEntries(Object.entries(languages).sort(([, a], [, b]) => b.total - a.total)),
    cuts: cutsOf(lengths, total),
    minima: MINIMA.map((length) => {
      const shorter = lengths.filter(([each]) => each < length);
      return {
        length,
        documents: shorter.reduce((sum, [, count]) => sum + count, 0),
        lost: shorter.reduce((sum, [each, count]) => sum + each * count, 0),
      };
    }),
  };
}

type Counts = readonly (readonly [length: number, documents: number])[];

/** The least length that at least this share of the documents does not exceed. */
function quantilesOf(lengths: Counts, documents: number): Record<number, number> {
  const quantiles: Record<number, number> = {};
  let seen = 0;
  let next = 0;
  for (const [length, count] of lengths) {
    seen += count;
    while (next < QUANTILES.length && seen >= (QUANTILES[next] as number) * documents) {
      quantiles[QUANTILES[next++] as number] = length;
    }
  }
  return quantiles;
}

function histogramOf(lengths: Counts): { from: number; to: number; documents: number }[] {
  const bins: { from: number; to: number; documents: number }[] = [];
  for (const [length, count] of lengths) {
    const from = length === 0 ? 0 : 2 ** Math.floor(Math.log2(length));
    const to = length === 0 ? 1 : 2 * from;
    let last = bins.at(-1);
    // empty bins between are shown
    while (last !== undefined && last.to < to) bins.push((last = { from: last.to, to: 2 * last.to, documents: 0 }));
    if (last === undefined) bins.push((last = { from, to, documents: 0 }));
    last.documents += count;
  }
  return bins;
}

/** Up to the first context that holds everything. */
function cutsOf(lengths: Counts, total: number): LengthCut[] {
  const cuts = CONTEXTS.map((length) => {
    const longer = lengths.filter(([each]) => each > length);
    const lost = longer.reduce((sum, [each, count]) => sum + (each - length) * count, 0);
    const documents = longer.reduce((sum, [, count]) => sum + count, 0);
    return { length, documents, lost, lostShare: lost / Math.max(1, total) };
  });
  const enough = cuts.findIndex(({ lost }) => lost === 0);
  return enough === -1 ? cuts : cuts.slice(0, enough + 1);
}
