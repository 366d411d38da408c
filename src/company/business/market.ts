/** We beside the others: one table, one map of two of its columns, and the checklist of what keeps them out. */
import type { Micros } from '../../base/money.js';
import type { BusinessFile, CanvasEntry, Competitor } from './business-file.js';
import { type LinkedEntry, linkEntry } from './canvas.js';
import { approximateUnits } from './estimates.js';
import type { BusinessPicture } from './picture.js';

export interface MarketRow {
  readonly name: string;
  readonly isUs: boolean;
  /** Of a million tokens. */
  readonly inputMicros: Micros | null;
  readonly outputMicros: Micros | null;
  readonly quality: number | null;
  readonly latencyMs: number | null;
  readonly limits: string | null;
  readonly evidence: readonly string[];
}

export type Axis = 'price' | 'quality' | 'latency';

export interface MarketPoint {
  readonly name: string;
  readonly isUs: boolean;
  readonly x: number;
  readonly y: number;
}

export const MOAT_ITEMS = ['data', 'evaluation', 'switching', 'licences'] as const;
export type MoatItem = (typeof MOAT_ITEMS)[number];

export interface Market {
  /** Ours first, then as they are written down. */
  readonly rows: readonly MarketRow[];
  readonly axes: { readonly x: Axis; readonly y: Axis };
  /** Rows of which both figures are known. */
  readonly points: readonly MarketPoint[];
  readonly moat: Readonly<Record<MoatItem, readonly LinkedEntry[]>>;
}

/** @throws MoatError `unknown-fact` */
export function marketOf({ market }: BusinessFile, picture: BusinessPicture): Market {
  const rows = [ours(picture), ...market.competitors.map(theirs)];
  const axes = market.positioning;
  const points = rows.flatMap((row) => {
    const [x, y] = [along(row, axes.x), along(row, axes.y)];
    return x === null || y === null ? [] : [{ name: row.name, isUs: row.isUs, x, y }];
  });
  const link = (item: MoatItem): LinkedEntry[] =>
    market.moat[item].map((entry: CanvasEntry) => linkEntry(entry, picture, `market.moat.${item}`));
  const moat = {
    data: link('data'),
    evaluation: link('evaluation'),
    switching: link('switching'),
    licences: link('licences'),
  };
  return { rows, axes, points, moat };
}

function ours({ facts, capacity }: BusinessPicture): MarketRow {
  return {
    name: facts.project,
    isUs: true,
    inputMicros: facts.price?.inputMicros ?? null,
    outputMicros: facts.price?.outputMicros ?? null,
    quality: facts.quality?.value ?? null,
    latencyMs: capacity?.firstTokenMs.p50 ?? null,
    limits: null,
    evidence: [],
  };
}

const theirs = (competitor: Competitor): MarketRow => ({
  name: competitor.name,
  isUs: false,
  inputMicros: competitor.inputPrice ?? null,
  outputMicros: competitor.outputPrice ?? null,
  quality: competitor.quality ?? null,
  latencyMs: competitor.latencyMs ?? null,
  limits: competitor.limits ?? null,
  evidence: competitor.evidence,
});

function along(row: MarketRow, axis: Axis): number | null {
  if (axis === 'quality') return row.quality;
  if (axis === 'latency') return row.latencyMs;
  return row.outputMicros === null ? null : approximateUnits(row.outputMicros);
}
