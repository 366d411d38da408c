/**
 * The instant at which the day of `nowMs` began in an IANA time zone, so that "today" is the owner's day and not UTC's.
 * On the days clocks change, the wall clock's midnight is meant.
 */
export function startOfDay(nowMs: number, timeZone: string): Date {
  const [year = 1970, month = 1, day = 1] = wallClock(nowMs, timeZone);
  const midnight = Date.UTC(year, month - 1, day);
  // The offset at midnight may differ from the one now; the second pass uses the one that holds at the first guess.
  const first = midnight - offsetMs(nowMs, timeZone);
  return new Date(midnight - offsetMs(first, timeZone));
}

function offsetMs(atMs: number, timeZone: string): number {
  const [year = 1970, month = 1, day = 1, hour = 0, minute = 0, second = 0] = wallClock(atMs, timeZone);
  return Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(atMs / 1000) * 1000;
}

/** Year, month, day, hour, minute, second as a clock on the wall shows them. */
function wallClock(atMs: number, timeZone: string): number[] {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  });
  const parts = new Map(format.formatToParts(atMs).map((part) => [part.type, Number(part.value)]));
  return (['year', 'month', 'day', 'hour', 'minute', 'second'] as const).map((name) => parts.get(name) ?? 0);
}
