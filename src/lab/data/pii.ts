import { isIP } from 'node:net';
import { isBankCard, isIban, isResidentId, looksRandom } from './pii-checks.js';

export type PiiKind = 'email' | 'phone' | 'resident-id' | 'bank-card' | 'ip-address' | 'secret' | 'iban';

export interface PiiMatch {
  readonly kind: PiiKind;
  /** First UTF-16 unit, and the one behind the last. */
  readonly start: number;
  readonly end: number;
}

/** What is done to a text with personal data: nothing, a mask in place of each find, or the whole text is dropped. */
export const piiPolicies = ['keep', 'mask', 'drop'] as const;
export type PiiPolicy = (typeof piiPolicies)[number];

/** Finds by kind. */
export type PiiCounts = Readonly<Partial<Record<PiiKind, number>>>;

interface Pattern {
  readonly kind: PiiKind;
  /** Every repetition is bounded, so that each start costs a bounded number of steps: linear on any input. */
  readonly pattern: RegExp;
  /** What every match holds and few texts do: quicker to look for. */
  readonly needs?: RegExp;
  /** What a pattern cannot say. @param before and `after`: some units of text in front of the match and behind it */
  accepts?(match: string, before: string, after: string): boolean;
}

const digitsOf = (text: string): string => text.replace(/\D/g, '');

/** Words before a number that say it is a version, a section or the like, not an address. */
const VERSION_BEFORE =
  /(?:\bv(?:er)?\.?|version|release|firmware|build|section|chapter|版本号?|版|固件|章节?|第)[\s:：=是为]*$/i;
/** The same behind it. */
const VERSION_AFTER = /^\s*(?:version|release|firmware|build|版|固件)/i;
/** Words that make a bare number of ten or eleven digits a telephone number. */
const PHONE_BEFORE =
  /(?:tel|phone|call|mobile|cell|fax|contact|whatsapp|电话|手机|致电|拨打|热线|座机|传真|联系方式|tel\.)\W{0,4}(?:is|at|us|me|号码?|为|是)?\W{0,4}$/i;

/** Of two finds that overlap the one that starts first wins, then the earlier entry. */
const PATTERNS: readonly Pattern[] = [
  {
    kind: 'secret',
    pattern:
      /-----BEGIN (?:[A-Z]{2,10} ){0,3}PRIVATE KEY(?: BLOCK)?-----(?:[A-Za-z0-9+/=:,\s-]{0,8000}?-----END (?:[A-Z]{2,10} ){0,3}PRIVATE KEY(?: BLOCK)?-----)?/g,
  },
  {
    kind: 'secret',
    pattern:
      /(?<![\w-])(?:(?:AKIA|ASIA)[A-Z0-9]{16}|gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_[A-Za-z0-9_]{50,255}|xox[abeoprs]-[A-Za-z0-9-]{10,250}|AIza[\w-]{35}|glpat-[\w-]{20,60}|[rs]k_live_[A-Za-z0-9]{16,100}|npm_[A-Za-z0-9]{36}|hf_[A-Za-z0-9]{30,60})(?![\w-])/g,
    accepts: (match) => looksRandom(match.slice(4), 2),
  },
  {
    kind: 'secret',
    pattern: /(?<![\w-])sk-(?:proj-|ant-|svcacct-)?[\w-]{20,200}(?![\w-])/g,
    accepts: (match) => looksRandom(match.slice(3), 3),
  },
  {
    kind: 'secret',
    pattern: /(?<![\w-])eyJ[\w-]{8,4000}\.eyJ[\w-]{8,4000}\.[\w-]{16,1000}/g,
  },
  {
    kind: 'email',
    needs: /@/,
    pattern:
      /(?<![A-Za-z0-9.!#$%&'*+/=?^_`{|}~@-])[A-Za-z0-9!#$%&'*+/=?^_`{|}~-](?:[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{0,63})@(?=[A-Za-z0-9])[A-Za-z0-9.-]{1,190}\.[A-Za-z][A-Za-z0-9-]{0,30}[A-Za-z](?![\w@-])/g,
    accepts: (match) => {
      const at = match.lastIndexOf('@');
      const isFine = (part: string): boolean => !part.includes('..') && !part.startsWith('.') && !part.endsWith('.');
      const labels = match.slice(at + 1).split('.');
      return (
        isFine(match.slice(0, at)) &&
        labels.every((label) => /^[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/.test(label)) &&
        !/^(?:png|jpe?g|gif|svg|webp|js|css|ts|py)$/i.test(labels.at(-1) ?? '')
      );
    },
  },
  {
    kind: 'iban',
    pattern: /(?<![A-Za-z0-9])[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?(?![A-Za-z0-9])/g,
    accepts: (match) => isIban(match.replaceAll(' ', '')),
  },
  {
    kind: 'resident-id',
    pattern: /(?<![A-Za-z0-9.])[1-8]\d{16}[\dXx](?![A-Za-z0-9])/g,
    accepts: isResidentId,
  },
  {
    kind: 'bank-card',
    pattern:
      /(?<![\w.+-])[2-6]\d{12,18}(?![\w-])|(?<![\w.+-])[2-6]\d{3}([ -])\d{4}\1\d{4}\1\d{1,4}(?:\1\d{1,3})?(?![\w-])|(?<![\w.+-])3[47]\d{2}([ -])\d{6}\2\d{5}(?![\w-])/g,
    accepts: (match) => isBankCard(digitsOf(match)),
  },
  {
    kind: 'ip-address',
    pattern: /(?<![\w.])\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}(?![\w-]|\.\d)/g,
    accepts: (match, before, after) =>
      isIP(match) === 4 && !match.startsWith('0.') && !VERSION_BEFORE.test(before) && !VERSION_AFTER.test(after),
  },
  {
    kind: 'ip-address',
    needs: /:[0-9A-Fa-f]{0,4}:/,
    pattern: /(?<![\w:.])(?=[0-9A-Fa-f]{0,4}:)[0-9A-Fa-f:]{2,39}(?:\.\d{1,3}){0,3}(?![\w:])/g,
    // `::` alone, times and the like are no addresses: three groups at least, of which one has a digit.
    accepts: (match) =>
      isIP(match) === 6 && match.split(':').filter((group) => group !== '').length >= 2 && /\d/.test(match),
  },
  {
    // E.164 with a plus: seven to fifteen digits, grouped in any way.
    kind: 'phone',
    pattern: /(?<![\w+.])\+[1-9]\d{0,2}(?:[ .-]?(?:\(\d{1,5}\)|\d{1,5})){1,6}(?![\w]|\.\d)/g,
    accepts: (match) => digitsOf(match).length >= 8 && digitsOf(match).length <= 15,
  },
  {
    kind: 'phone',
    pattern: /(?<![\w.+-])(?:(?:0086|86)[ -]?)?1[3-9]\d(?:([ -]?)\d{4}\1\d{4})(?![\w-]|\.\d)/g,
  },
  {
    // Landlines of mainland China: area code with its zero, seven or eight digits, perhaps an extension.
    kind: 'phone',
    pattern:
      /(?<![\w.+-])(?:\(0(?:10|2\d|[3-9]\d{2})\) ?|（0(?:10|2\d|[3-9]\d{2})）|0(?:10|2\d|[3-9]\d{2})[ -])[2-9]\d{6,7}(?:(?:-|转|ext\.? ?)\d{1,5})?(?![\w-]|\.\d)/g,
  },
  {
    kind: 'phone',
    pattern: /(?<![\w.+-])(?:400|800)-(?:\d{3}-\d{4}|\d{4}-\d{3}|\d{7})(?![\w-])/g,
  },
  {
    // North American numbering plan, written as telephone numbers are.
    kind: 'phone',
    pattern:
      /(?<![\w.+-])(?:1[ .-])?(?:\([2-9]\d{2}\) ?|[2-9]\d{2}[.-]|[2-9]\d{2} )[2-9]\d{2}[ .-]\d{4}(?![\w-]|\.\d)/g,
    accepts: (match, before) => /[().-]/.test(match) || PHONE_BEFORE.test(before),
  },
  {
    kind: 'phone',
    pattern: /(?<![\w.+-])(?:[2-9]\d{2}[2-9]\d{6}|0\d{9,11}|[2-9]\d{6,7})(?![\w-]|\.\d)/g,
    accepts: (_, before) => PHONE_BEFORE.test(before),
  },
];

/** UTF-16 units on each side of a match that its check may look at. */
const CONTEXT = 24;

/**
 * Personal data and secrets in a text, in order, none overlapping: e-mail (RFC 5322 without quoted forms, domain with a
 * dot), telephone (E.164, mainland China, North America), Chinese resident identity numbers, payment cards, IP addresses,
 * keys and tokens, IBAN. Numbers are believed only with their check digits. Linear in the length of the text.
 */
export function findPii(text: string): readonly PiiMatch[] {
  const found: PiiMatch[] = [];
  const taken: PiiMatch[] = [];
  for (const { kind, pattern, needs, accepts } of PATTERNS) {
    if (needs?.test(text) === false) continue;
    for (const match of text.matchAll(pattern)) {
      const start = match.index;
      const end = start + match[0].length;
      const before = text.slice(Math.max(0, start - CONTEXT), start);
      if (accepts?.(match[0], before, text.slice(end, end + CONTEXT)) === false) continue;
      found.push({ kind, start, end });
    }
  }
  // Stable: of two that start together the earlier pattern stays in front.
  found.sort((a, b) => a.start - b.start);
  for (const match of found) if (match.start >= (taken.at(-1)?.end ?? 0)) taken.push(match);
  return taken;
}

export type PiiResult =
  | { readonly kind: 'kept'; readonly text: string; readonly counts: PiiCounts }
  | { readonly kind: 'dropped'; readonly detail: string };

/** Applies a policy; masks are the kind in brackets: `[email]`. */
export function applyPii(text: string, policy: PiiPolicy): PiiResult {
  const matches = policy === 'keep' ? [] : findPii(text);
  const first = matches[0];
  if (first === undefined) return { kind: 'kept', text, counts: {} };
  const counts: Partial<Record<PiiKind, number>> = {};
  for (const { kind } of matches) counts[kind] = (counts[kind] ?? 0) + 1;
  if (policy === 'drop') {
    const what = Object.entries(counts).map(([kind, count]) => `${count} ${kind}`);
    return { kind: 'dropped', detail: `holds ${what.join(', ')}` };
  }
  let masked = '';
  let position = 0;
  for (const { kind, start, end } of matches) {
    masked += `${text.slice(position, start)}[${kind}]`;
    position = end;
  }
  return { kind: 'kept', text: masked + text.slice(position), counts };
}
