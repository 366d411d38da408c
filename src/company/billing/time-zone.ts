/** Days and months of an IANA time zone as instants. Pure: what the zone's clocks showed comes from Node's own zone data. */
import { MoatError } from '../../base/errors.js';

/** A day of the calendar, in no zone. */
export interface Day {
  readonly year: number;
  /** 1 to 12. */
  readonly month: number;
  readonly day: number;
}

/** @throws MoatError `bad-time-zone` */
export function checkTimeZone(timeZone: string): void {
  try {
    formatOf(timeZone);
  } catch (error) {
    throw new MoatError('bad-time-zone', `"${timeZone}" is not a time zone`, {
      fix: 'Write an IANA name such as Europe/Berlin or Asia/Shanghai.',
      cause: error,
    });
  }
}

export function dayAt(at: Date, timeZone: string): Day {
  const [year = 1970, month = 1, day = 1] = wallClock(at.getTime(), timeZone);
  return { year, month, day };
}

/** The first instant of a day: midnight, or where clocks skip it the moment they skip to; of two midnights the first. */
export function startOf({ year, month, day }: Day, timeZone: string): Date {
  const midnight = Date.UTC(year, month - 1, day);
  // A zone is at most 14 hours ahead of UTC and 12 behind; whatever offset holds around that day is one of these.
  const offsets = new Set([-26, -14, 0, 14, 26].map((hours) => offsetMs(midnight + hours * 3_600_000, timeZone)));
  const starts = [...offsets]
    .map((offset) => midnight - offset)
    .filter((at) => offsetMs(at, timeZone) === midnight - at);
  if (starts.length > 0) return new Date(Math.min(...starts));
  return new Date(firstInstantAfter(midnight, timeZone));
}

/** Bisects for the moment at which a clock that skips midnight shows a time at or after it. */
function firstInstantAfter(midnight: number, timeZone: string): number {
  let [before, after] = [midnight - 26 * 3_600_000, midnight + 26 * 3_600_000];
  while (after - before > 1000) {
    const middle = Math.floor((before + after) / 2000) * 1000;
    if (middle + offsetMs(middle, timeZone) >= midnight) after = middle;
    else before = middle;
  }
  return after;
}

/** So many months on; the 31st of a month without one is its last day. */
export function addMonths({ year, month, day }: Day, months: number): Day {
  const index = year * 12 + (month - 1) + months;
  const [newYear, newMonth] = [Math.floor(index / 12), (index % 12) + 1];
  const lastDay = new Date(Date.UTC(newYear, newMonth, 0)).getUTCDate();
  return { year: newYear, month: newMonth, day: Math.min(day, lastDay) };
}

export function addDays({ year, month, day }: Day, days: number): Day {
  const moved = new Date(Date.UTC(year, month - 1, day + days));
  return { year: moved.getUTCFullYear(), month: moved.getUTCMonth() + 1, day: moved.getUTCDate() };
}

export function isStartOfMonth(at: Date, timeZone: string): boolean {
  const day = dayAt(at, timeZone);
  return day.day === 1 && startOf(day, timeZone).getTime() === at.getTime();
}

/** What the clock on the wall shows less UTC, in milliseconds. */
function offsetMs(atMs: number, timeZone: string): number {
  const [year = 1970, month = 1, day = 1, hour = 0, minute = 0, second = 0] = wallClock(atMs, timeZone);
  return Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(atMs / 1000) * 1000;
}

const formats = new Map<string, Intl.DateTimeFormat>();

function formatOf(timeZone: string): Intl.DateTimeFormat {
  const known = formats.get(timeZone);
  if (known !== undefined) return known;
  const field = 'numeric';
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone,
    hourCycle: 'h23',
    year: field,
    month: field,
    day: field,
    hour: field,
    minute: field,
    second: field,
  });
  formats.set(timeZone, format);
  return format;
}

function wallClock(atMs: number, timeZone: string): number[] {
  const parts = new Map(
    formatOf(timeZone)
      .formatToParts(atMs)
      .map((part) => [part.type, Number(part.value)]),
  );
  return (['year', 'month', 'day', 'hour', 'minute', 'second'] as const).map((name) => parts.get(name) ?? 0);
}
