/**
 * The part of the table of all pairs that is looked at. Small texts are compared whole; long ones in a band along what
 * both sides have once (a number, an address, a name), so that time and memory grow with the length and not its square.
 */
import type { SideFeatures } from './features.js';

/** For each number of source sentences passed (0 to n): the least and the largest number of target sentences passed. */
export interface Corridor {
  readonly least: Uint32Array;
  readonly most: Uint32Array;
  readonly cells: number;
}

/** A place both texts pass, in sentences. */
export type Waypoint = readonly [source: number, target: number];

/** Texts whose whole table is not larger than this are compared whole. */
export const WHOLE_TABLE_CELLS = 2_000_000;
/** What a table may hold at most: one byte a cell. */
export const MOST_CELLS = 60_000_000;

/** @throws RangeError never; a band that would be too large is made narrower */
export function corridorAround(
  waypoints: readonly Waypoint[],
  rows: number,
  columns: number,
  halfWidth: number,
): Corridor {
  const width = Math.min(halfWidth, Math.floor(MOST_CELLS / (2 * (rows + 1))));
  const least = new Uint32Array(rows + 1).fill(columns);
  const most = new Uint32Array(rows + 1);
  const path: Waypoint[] = [[0, 0], ...waypoints, [rows, columns]];
  for (let k = 1; k < path.length; k++) {
    const [fromRow, fromColumn] = path[k - 1] as Waypoint;
    const [toRow, toColumn] = path[k] as Waypoint;
    const spanRows = Math.max(1, toRow - fromRow);
    for (let i = fromRow; i <= toRow; i++) {
      const middle = fromColumn + ((toColumn - fromColumn) * (i - fromRow)) / spanRows;
      // far from both ends of a stretch the line between them is a weaker guess; where one side alone goes on, both ends count
      const slack =
        Math.min(width, 0.15 * Math.min(i - fromRow, toRow - i)) + (spanRows < 2 ? toColumn - fromColumn : 0);
      least[i] = Math.min(least[i] as number, Math.max(0, Math.floor(middle - width - slack)));
      most[i] = Math.max(most[i] as number, Math.min(columns, Math.ceil(middle + width + slack)));
    }
  }
  return closed(least, most, columns);
}

/** The share of a path's places that lie at a border of its corridor, where a better path may have been cut off. */
export function shareAtBorder({ least, most }: Corridor, path: readonly Waypoint[]): number {
  const columns = most.at(-1) as number;
  const isAtBorder = ([i, j]: Waypoint): boolean =>
    (j <= (least[i] as number) + 2 && j > 2) || (j >= (most[i] as number) - 2 && j < columns - 2);
  return path.length === 0 ? 0 : path.filter(isAtBorder).length / path.length;
}

export function wholeTable(rows: number, columns: number): Corridor {
  const least = new Uint32Array(rows + 1);
  const most = new Uint32Array(rows + 1).fill(columns);
  return { least, most, cells: (rows + 1) * (columns + 1) };
}

/** Both borders rise, both corners are inside, and each row shares a column with the next, so that there is a way through. */
function closed(least: Uint32Array, most: Uint32Array, columns: number): Corridor {
  const last = least.length - 1;
  least[0] = 0;
  most[last] = columns;
  for (let i = 1; i <= last; i++) most[i] = Math.max(most[i] as number, most[i - 1] as number);
  for (let i = 1; i <= last; i++) least[i] = Math.min(least[i] as number, most[i - 1] as number);
  for (let i = last; i > 0; i--) least[i - 1] = Math.min(least[i - 1] as number, least[i] as number);
  let cells = 0;
  for (let i = 0; i <= last; i++) cells += (most[i] as number) - (least[i] as number) + 1;
  return { least, most, cells };
}

/** Of what both sides have once, most is in the same order where the texts are translations; chance keeps far less. */
const LEAST_CHAINED_SHARE = 0.5;

/**
 * Features that each side has exactly once and writes the same, as waypoints: the longest chain that rises on both sides
 * (patience sorting), so that one that points elsewhere is left out. None when the chain leaves out too many of them: then
 * what is written alike is so by chance, and the diagonal is the better guide.
 */
export function findWaypoints(source: SideFeatures, target: SideFeatures): Waypoint[] {
  const place = new Map<number, number>();
  for (const [j, features] of target.bySentence.entries()) {
    for (const feature of features) if (target.frequency[feature] === 1) place.set(feature, j);
  }
  const names = new Map<number, number>();
  for (const [name, feature] of source.ids) {
    const same = target.ids.get(name);
    if (same !== undefined && source.frequency[feature] === 1 && target.frequency[same] === 1) names.set(feature, same);
  }
  const pairs: Waypoint[] = [];
  for (const [i, features] of source.bySentence.entries()) {
    for (const feature of features) {
      const j = place.get(names.get(feature) ?? -1);
      if (j !== undefined) pairs.push([i, j]);
    }
  }
  const chain = longestRise(pairs.sort((a, b) => a[0] - b[0] || b[1] - a[1]));
  const places = new Set(pairs.map(([i, j]) => `${i} ${j}`)).size;
  return chain.length < LEAST_CHAINED_SHARE * places ? [] : chain;
}

/** The longest chain whose targets strictly rise. @param pairs by source, and for the same source by falling target */
function longestRise(pairs: readonly Waypoint[]): Waypoint[] {
  const ends: number[] = [];
  const before = new Int32Array(pairs.length).fill(-1);
  for (const [index, [, j]] of pairs.entries()) {
    let low = 0;
    let high = ends.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((pairs[ends[middle] as number] as Waypoint)[1] < j) low = middle + 1;
      else high = middle;
    }
    before[index] = low === 0 ? -1 : (ends[low - 1] as number);
    ends[low] = index;
  }
  const chain: Waypoint[] = [];
  for (let at = ends.at(-1) ?? -1; at !== -1; at = before[at] as number) chain.push(pairs[at] as Waypoint);
  return chain.reverse();
}
