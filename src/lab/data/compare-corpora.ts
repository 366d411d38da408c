/** What differs between two corpora: what went in, how it was cleaned, and which documents came out. */
import { createHash } from 'node:crypto';
import { readCorpus, readPassport } from './corpus.js';
import { comparePassports } from './passport.js';
import { type Side, SIDES } from './split.js';

export interface CorpusDifference {
  /** Files, settings and results that differ, a line each; empty when both are the same corpus. */
  readonly lines: readonly string[];
  readonly documents: {
    /** Same text on the same side, wherever it stands. */
    readonly same: number;
    /** Same text, but it trains in one and measures in the other. */
    readonly moved: number;
    /** Same id, another text. */
    readonly changed: number;
    readonly onlyInFirst: number;
    readonly onlyInSecond: number;
  };
  /** The first few of each. */
  readonly examples: Readonly<Record<'moved' | 'changed' | 'onlyInFirst' | 'onlyInSecond', readonly string[]>>;
}

const MAX_EXAMPLES = 5;

/** @param first and `second`: corpus folders. @throws MoatError `corpus-missing`, `corpus-damaged` */
export async function compareCorpora(first: string, second: string): Promise<CorpusDifference> {
  const lines = comparePassports(await readPassport(first), await readPassport(second));
  const before = await fingerprintsOf(first);
  const counts = { same: 0, moved: 0, changed: 0, onlyInFirst: 0, onlyInSecond: 0 };
  const examples = { moved: [], changed: [], onlyInFirst: [], onlyInSecond: [] } as Record<
    Exclude<keyof typeof counts, 'same'>,
    string[]
  >;
  const note = (kind: Exclude<keyof typeof counts, 'same'>, id: string): void => {
    counts[kind]++;
    if (examples[kind].length < MAX_EXAMPLES) examples[kind].push(id);
  };
  const met = new Set<string>();
  for (const side of SIDES) {
    for await (const { id, text } of readCorpus(second, side)) {
      const digest = digestOf(text);
      const was = before.byText.get(digest);
      if (was !== undefined) {
        met.add(digest);
        if (was.side === side) counts.same++;
        else note('moved', id);
      } else if (before.textOf.has(id)) {
        note('changed', id);
        met.add(before.textOf.get(id) as string);
      } else note('onlyInSecond', id);
    }
  }
  for (const [digest, { id }] of before.byText) if (!met.has(digest)) note('onlyInFirst', id);
  return { lines, documents: counts, examples };
}

interface Fingerprints {
  readonly byText: ReadonlyMap<string, { readonly id: string; readonly side: Side }>;
  readonly textOf: ReadonlyMap<string, string>;
}

async function fingerprintsOf(folder: string): Promise<Fingerprints> {
  const byText = new Map<string, { id: string; side: Side }>();
  const textOf = new Map<string, string>();
  for (const side of SIDES) {
    for await (const { id, text } of readCorpus(folder, side)) {
      const digest = digestOf(text);
      byText.set(digest, { id, side });
      textOf.set(id, digest);
    }
  }
  return { byText, textOf };
}

/** 96 bits: two texts of a billion fall together with odds of one in 10^11. */
function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('base64').slice(0, 16);
}
