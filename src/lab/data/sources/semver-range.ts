/**
 * Which versions a range of npm means: `1`, `1.x`, `^1.2`, `~1.2.3`, `>=1 <2`, `1.2 - 1.4`, alternatives by `||` (the grammar of
 * npm's semver, without prereleases: those are taken by their full name alone).
 */

type Version = readonly [major: number, minor: number, patch: number];
/** From, and up to but without. */
type Interval = readonly [from: Version, to: Version];

const LAST: Version = [Number.MAX_SAFE_INTEGER, 0, 0];
const FIRST: Version = [0, 0, 0];
/** Nobody writes longer ones; a limit keeps what a range costs in bounds. */
const MAX_RANGE_LENGTH = 256;

/** The newest of the versions within the range; undefined when there is none, or this is no range. */
export function newestWithin(versions: readonly string[], range: string): string | undefined {
  if (range.length > MAX_RANGE_LENGTH) return undefined;
  const alternatives = range.split('||').map(intervalOf);
  if (alternatives.includes(undefined)) return undefined;
  const fitting = versions.flatMap((name) => {
    const version = exactVersion(name);
    const isWithin = alternatives.some(
      (each) => version !== undefined && each !== undefined && isBetween(version, each),
    );
    return version !== undefined && isWithin ? [{ name, version }] : [];
  });
  return fitting.sort((a, b) => compare(a.version, b.version)).at(-1)?.name;
}

function exactVersion(text: string): Version | undefined {
  const [, major, minor, patch] = /^(\d+)\.(\d+)\.(\d+)(?:\+[\w.-]+)?$/.exec(text) ?? [];
  return major === undefined ? undefined : [Number(major), Number(minor), Number(patch)];
}

/** All parts of one alternative hold at once. */
function intervalOf(text: string): Interval | undefined {
  const joined = text
    .trim()
    .replace(/^(\S+)\s+-\s+(\S+)$/, '>=$1 <=$2')
    .replaceAll(/([<>=~^])\s+/g, '$1');
  let [from, to]: Interval = [FIRST, LAST];
  for (const part of joined.split(/\s+/)) {
    const interval = comparatorOf(part);
    if (interval === undefined) return undefined;
    if (compare(interval[0], from) > 0) from = interval[0];
    if (compare(interval[1], to) < 0) to = interval[1];
  }
  return [from, to];
}

function comparatorOf(text: string): Interval | undefined {
  const match = /^(\^|~>?|[<>]=?|=)?v?([\dxX*]+)?(?:\.([\dxX*]+))?(?:\.([\dxX*]+))?$/.exec(text);
  if (match === null) return undefined;
  const [, mark = '', ...written] = match;
  const given = written.map((part) => (part === undefined || /^[xX*]$/.test(part) ? undefined : Number(part)));
  if (given.includes(Number.NaN)) return undefined;
  const [major, minor, patch] = given;
  if (major === undefined) return mark === '<' || mark === '>' ? [LAST, LAST] : [FIRST, LAST];
  const from: Version = [major, minor ?? 0, minor === undefined ? 0 : (patch ?? 0)];
  // how many numbers were written
  const parts = minor === undefined ? 1 : patch === undefined ? 2 : 3;
  switch (mark) {
    case '^':
      return [from, after(from, Math.min(parts, from.findIndex((part) => part > 0) + 1 || 3))];
    case '~':
    case '~>':
      return [from, after(from, Math.min(parts, 2))];
    case '>':
      return [after(from, parts), LAST];
    case '>=':
      return [from, LAST];
    case '<':
      return [FIRST, from];
    case '<=':
      return [FIRST, after(from, parts)];
    default:
      return [from, after(from, parts)];
  }
}

/** The first version that differs in its first `count` numbers. */
function after([major, minor, patch]: Version, count: number): Version {
  if (count === 1) return [major + 1, 0, 0];
  return count === 2 ? [major, minor + 1, 0] : [major, minor, patch + 1];
}

function isBetween(version: Version, [from, to]: Interval): boolean {
  return compare(version, from) >= 0 && compare(version, to) < 0;
}

function compare(a: Version, b: Version): number {
  return a[0] - b[0] || a[1] - b[1] || a[2] - b[2];
}
