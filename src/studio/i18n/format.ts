/**
 * Figures as the reader's language writes them. Money comes as a decimal string of micro-units and stays exact: it is
 * split as a bigint and handed to Intl as a decimal string, never as a float.
 */
import { trueMinus } from '../../base/units.js';
import type { MicrosString } from '../../company/gateway/api-types.js';

export interface Formatter {
  integer(value: number): string;
  /** 5,767,168 → "5.8M", "577万". */
  compact(value: number): string;
  decimal(value: number, decimals: number): string;
  /** Two decimals from one unit up, four below, six below a cent: a fraction of a cent is not shown as nothing. */
  money(micros: MicrosString | bigint, currency: string): string;
  /** All six decimals, for columns. */
  moneyExact(micros: MicrosString | bigint, currency: string): string;
  /** `part ÷ whole`, one decimal; null when `whole` is 0 or less. */
  percent(part: bigint, whole: bigint): string | null;
  /** A share of a whole, one decimal; "–" of nothing. */
  shareOf(part: number, whole: number): string;
  /** 1,536 → "1.5 kB": by thousands. */
  bytes(count: number): string;
  /** "zh-Hans" → "Simplified Chinese"; the tag itself where it has no name. */
  languageName(tag: string): string;
  /** 0.137 → "13.7%". */
  share(value: number): string;
  /** A measured quantity, to three significant digits; whole from a thousand up. */
  quantity(value: number): string;
  /** An estimate in units of the currency: whole units from a thousand up. */
  estimate(units: number, currency: string): string;
  /** Below a second in milliseconds: 5 → "5 ms". */
  milliseconds(value: number): string;
  /** "2026-11" → "Nov 2026". */
  month(name: string): string;
  duration(seconds: number): string;
  /** The time of day for today's moments, with the date for older ones. */
  moment(iso: string, nowMs: number): string;
  day(iso: string): string;
  /** "2030-01-31" → "Jan 31", "1月31日": a day that is named already, in whatever zone it was. */
  dayOfMonth(day: string): string;
  /** Date and time to the second, for what has to be found again. */
  dateTime(iso: string): string;
  clock(epochMs: number): string;
}

/** What rounds to nothing has no sign: −0.0004 is "0.0%". */
const signDisplay = 'negative';

const MICROS = 1_000_000n;
const CENT = 10_000n;

const decimalsFor = (micros: bigint): number => (micros >= MICROS ? 2 : micros >= CENT ? 4 : 6);

/** @param tag BCP 47, e.g. "en-GB" or "zh-CN" */
export function createFormatter(tag: string): Formatter {
  const integer = new Intl.NumberFormat(tag, { maximumFractionDigits: 0, signDisplay });
  const compact = new Intl.NumberFormat(tag, { notation: 'compact', maximumFractionDigits: 1, signDisplay });
  const percent = new Intl.NumberFormat(tag, {
    style: 'percent',
    minimumFractionDigits: 1,
    maximumFractionDigits: 1,
    signDisplay,
  });
  const millisecond = new Intl.NumberFormat(tag, {
    style: 'unit',
    unit: 'millisecond',
    unitDisplay: 'short',
    maximumFractionDigits: 1,
  });
  const significant = new Intl.NumberFormat(tag, { maximumSignificantDigits: 3, signDisplay });
  const month = new Intl.DateTimeFormat(tag, { year: 'numeric', month: 'short', timeZone: 'UTC' });
  const clock = new Intl.DateTimeFormat(tag, { hour: '2-digit', minute: '2-digit', second: '2-digit', hour12: false });
  const day = new Intl.DateTimeFormat(tag, { year: 'numeric', month: 'short', day: 'numeric' });
  const dayOfMonth = new Intl.DateTimeFormat(tag, { month: 'short', day: 'numeric', timeZone: 'UTC' });
  const dateTime = new Intl.DateTimeFormat(tag, { dateStyle: 'medium', timeStyle: 'medium', hour12: false });
  const languages = new Intl.DisplayNames([tag], { type: 'language' });
  const dayAndTime = new Intl.DateTimeFormat(tag, {
    month: 'short',
    day: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
    hour12: false,
  });
  const money = (micros: MicrosString | bigint, currency: string): string => {
    const amount = BigInt(micros);
    return formatMoney(tag, amount, currency, 2, decimalsFor(amount < 0n ? -amount : amount));
  };
  const share = (value: number): string => trueMinus(percent.format(value));
  return {
    integer: (value) => trueMinus(integer.format(value)),
    compact: (value) => trueMinus(compact.format(value)),
    decimal: (value, decimals) =>
      trueMinus(
        value.toLocaleString(tag, { minimumFractionDigits: decimals, maximumFractionDigits: decimals, signDisplay }),
      ),
    money,
    moneyExact: (micros, currency) => formatMoney(tag, BigInt(micros), currency, 6, 6),
    percent: (part, whole) => (whole <= 0n ? null : share(Number((part * 100_000n) / whole) / 100_000)),
    shareOf: (part, whole) => (whole === 0 ? '–' : share(part / whole)),
    bytes: (count) => formatBytes(tag, count),
    languageName: (name) => languages.of(name) ?? name,
    share,
    quantity: (value) => trueMinus((Math.abs(value) >= 1000 ? integer : significant).format(value)),
    estimate(units, currency) {
      const amount = BigInt(Math.round(units * Number(MICROS)));
      const isLarge = Math.abs(units) >= 1000;
      return isLarge ? formatMoney(tag, amount, currency, 0, 0) : money(amount, currency);
    },
    milliseconds: (value) => (value < 1000 ? millisecond.format(value) : formatDuration(tag, value / 1000)),
    month: (name) => month.format(new Date(`${name}-01`)),
    duration: (seconds) => formatDuration(tag, seconds),
    moment(iso, nowMs) {
      const at = new Date(iso);
      return at.toDateString() === new Date(nowMs).toDateString() ? clock.format(at) : dayAndTime.format(at);
    },
    day: (iso) => day.format(new Date(iso)),
    dayOfMonth: (name) => dayOfMonth.format(new Date(name)),
    dateTime: (iso) => dateTime.format(new Date(iso)),
    clock: (epochMs) => clock.format(epochMs),
  };
}

function isDecimal(text: string): text is `${number}` {
  return /^-?\d+\.\d{6}$/.test(text);
}

/** "-0.001206": the exact decimal form Intl reads without going through a float. */
function exactDecimal(micros: bigint): `${number}` {
  const absolute = micros < 0n ? -micros : micros;
  const text = `${micros < 0n ? '-' : ''}${absolute / MICROS}.${(absolute % MICROS).toString().padStart(6, '0')}`;
  if (!isDecimal(text)) throw new RangeError(`not a decimal: ${text}`);
  return text;
}

function formatMoney(tag: string, micros: bigint, currency: string, minimum: number, maximum: number): string {
  const written = new Intl.NumberFormat(tag, {
    style: 'currency',
    currency,
    currencyDisplay: 'narrowSymbol',
    minimumFractionDigits: minimum,
    maximumFractionDigits: maximum,
    signDisplay,
  }).format(exactDecimal(micros));
  return trueMinus(written);
}

const BYTE_UNITS = ['B', 'kB', 'MB', 'GB', 'TB'] as const;

function formatBytes(tag: string, count: number): string {
  const power = Math.min(BYTE_UNITS.length - 1, Math.floor(Math.log10(Math.max(1, count)) / 3));
  return `${(count / 1000 ** power).toLocaleString(tag, { maximumFractionDigits: 1 })} ${BYTE_UNITS[power]}`;
}

/** 0.42 → "0.42 sec"; 83 → "1 min 23 sec"; 7,500 → "2 hr 5 min": two units at most. */
function formatDuration(tag: string, seconds: number): string {
  const unit = (value: number, name: 'second' | 'minute' | 'hour' | 'day', decimals = 0): string =>
    value.toLocaleString(tag, { style: 'unit', unit: name, unitDisplay: 'short', maximumFractionDigits: decimals });
  if (seconds < 10) return unit(seconds, 'second', seconds < 1 ? 2 : 1);
  const whole = Math.round(seconds);
  if (whole < 60) return unit(whole, 'second');
  const joint = tag.startsWith('zh') ? '' : ' ';
  const pair = (high: string, low: string, rest: number): string => (rest === 0 ? high : `${high}${joint}${low}`);
  if (whole < 3600) {
    return pair(unit(Math.floor(whole / 60), 'minute'), unit(whole % 60, 'second'), whole % 60);
  }
  const minutes = Math.round(whole / 60);
  if (minutes < 1440) return pair(unit(Math.floor(minutes / 60), 'hour'), unit(minutes % 60, 'minute'), minutes % 60);
  const hours = Math.round(minutes / 60);
  return pair(unit(Math.floor(hours / 24), 'day'), unit(hours % 24, 'hour'), hours % 24);
}
