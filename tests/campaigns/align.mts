/**
 * Measures the aligner of sentences on real translations: consecutive pairs become two documents, in which a seed plants
 * removed, added and split sentences; what comes back is compared with what is known.
 *
 *     npx tsx tests/campaigns/align.mts PAIRS.jsonl [--seed 1] [--copies 1] [--least-score 0.05]
 *
 * PAIRS.jsonl has `en`, `zh` and `source` on each line. Two measurements: "records" aligns the lines as they are (a bead is
 * right when it is exactly the planted one); "sentences" cuts every record into sentences first (a bead is right when all
 * its sentences are of one record; recall is over the sentences of records that have both sides).
 */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { Rng } from '../../src/base/rng.js';
import { type Alignment, alignSentences } from '../../src/lab/data/align/align-sentences.js';
import { type Sentence, splitSentences } from '../../src/lab/data/align/split-sentences.js';

interface Pair {
  readonly en: string;
  readonly zh: string;
  readonly source: string;
}

/** A sentence with the record it came from; −1 for one planted. */
interface Piece {
  readonly text: string;
  readonly record: number;
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seed: { type: 'string', default: '1' },
    copies: { type: 'string', default: '1' },
    'least-score': { type: 'string', default: '0.05' },
    limit: { type: 'string', default: '1000000' },
    verbose: { type: 'boolean', default: false },
  },
});
const pairs = readFileSync(positionals[0] as string, 'utf8')
  .trimEnd()
  .split('\n')
  .map((line) => JSON.parse(line) as Pair);

const REMOVED = 0.05;
const ADDED = 0.03;
const SPLIT = 0.05;

function plant(records: readonly Pair[], strangers: readonly Pair[], rng: Rng): { en: Piece[]; zh: Piece[] } {
  const out: { en: Piece[]; zh: Piece[] } = { en: [], zh: [] };
  for (const [record, pair] of records.entries()) {
    for (const side of ['en', 'zh'] as const) {
      if (rng.uniform() < ADDED) {
        const stranger = strangers[rng.below(strangers.length)] as Pair;
        out[side].push({ text: stranger[side], record: -1 });
      }
      if (rng.uniform() < REMOVED) continue;
      const halves = rng.uniform() < SPLIT ? splitInTwo(pair[side]) : [pair[side]];
      out[side].push(...halves.map((text) => ({ text, record })));
    }
  }
  return out;
}

/** At the mark or space nearest the middle. */
function splitInTwo(text: string): string[] {
  const places = [...text.matchAll(/[，。；、,;.]\s*|\s+/g)].map((match) => match.index + match[0].length);
  const middle = text.length / 2;
  const place = places.sort((a, b) => Math.abs(a - middle) - Math.abs(b - middle))[0] ?? 0;
  return place < text.length * 0.25 || place > text.length * 0.75 ? [text] : [text.slice(0, place), text.slice(place)];
}

const single = (pieces: readonly Piece[]): Sentence[] => pieces.map(({ text }) => ({ text, paragraph: 0 }));
const cut = (pieces: readonly Piece[]): Piece[] =>
  pieces.flatMap(({ text, record }) => splitSentences(text).map((sentence) => ({ text: sentence.text, record })));

interface Counts {
  found: number;
  right: number;
  wanted: number;
  recalled: number;
}

function compare(en: readonly Piece[], zh: readonly Piece[], alignment: Alignment, whole: boolean): Counts {
  const both = new Set(en.map(({ record }) => record).filter((record) => record !== -1));
  const zhRecords = new Set(zh.map(({ record }) => record));
  for (const record of both) if (!zhRecords.has(record)) both.delete(record);
  const size = (pieces: readonly Piece[], record: number): number => pieces.filter((p) => p.record === record).length;
  const counts: Counts = { found: 0, right: 0, wanted: 0, recalled: 0 };
  counts.wanted = whole ? both.size : en.filter(({ record }) => both.has(record)).length;
  for (const bead of alignment.beads) {
    const [a, b] = [en.slice(bead.sourceStart, bead.sourceEnd), zh.slice(bead.targetStart, bead.targetEnd)];
    if (a.length === 0 || b.length === 0 || bead.score < Number(values['least-score'])) continue;
    counts.found++;
    const record = a[0]?.record as number;
    const isPure = record !== -1 && [...a, ...b].every((piece) => piece.record === record);
    const isRight = isPure && (!whole || (a.length === size(en, record) && b.length === size(zh, record)));
    if (values.verbose && !isRight) console.log(`  ${bead.score.toFixed(2)}`, a, b);
    if (!isRight) continue;
    counts.right++;
    counts.recalled += whole ? 1 : a.length;
  }
  return counts;
}

function report(name: string, { found, right, wanted, recalled }: Counts, alignment: Alignment, seconds: number): void {
  console.log(
    `${name}: precision ${(right / found).toFixed(4)} (${right}/${found}), recall ${(recalled / wanted).toFixed(4)} ` +
      `(${recalled}/${wanted}), mean score ${alignment.meanScore.toFixed(3)}, ${seconds.toFixed(2)} s`,
  );
}

for (const source of new Set(pairs.map((pair) => pair.source))) {
  const own = pairs.filter((pair) => pair.source === source).slice(0, Number(values.limit));
  const rng = Rng.fromSeed(Number(values.seed));
  // copies come in another order each, as a text that repeats itself has more than one right alignment
  const copies = Array.from({ length: Number(values.copies) }, (_, copy) => (copy === 0 ? own : rng.shuffle([...own])));
  const records = copies.flat();
  const strangers = pairs.filter((pair) => pair.source !== source);
  const planted = plant(records, strangers.length > 0 ? strangers : own, rng);
  for (const whole of [true, false]) {
    const [en, zh] = whole ? [planted.en, planted.zh] : [cut(planted.en), cut(planted.zh)];
    const started = performance.now();
    const alignment = alignSentences(single(en), single(zh));
    const seconds = (performance.now() - started) / 1000;
    const name = `${source}, ${whole ? 'records' : 'sentences'}, ${en.length} × ${zh.length}`;
    report(name, compare(en, zh, alignment, whole), alignment, seconds);
  }
}
