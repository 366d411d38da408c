/**
 * What in a text belongs to one person or opens a door: addresses, numbers with their check digits, keys. Every pattern
 * has an end, so that time stays linear in the text; what looks right and fails its checksum is not reported.
 */
import { isIPv6 } from 'node:net';

export const PERSONAL_DATA_KINDS = ['email', 'phone', 'resident-id', 'bank-card', 'iban', 'ip', 'secret'] as const;
/** Left as it is, replaced by its kind in brackets, or the whole text left out. */
export const personalDataPolicies = ['keep', 'mask', 'drop'] as const;
export type PersonalDataPolicy = (typeof personalDataPolicies)[number];

export type PersonalDataKind = (typeof PERSONAL_DATA_KINDS)[number];

export interface PersonalDatum {
  readonly kind: PersonalDataKind;
  /** UTF-16 units, the end not included. */
  readonly start: number;
  readonly end: number;
}

interface Detector {
  readonly kind: PersonalDataKind;
  /** With the g flag; every repetition bounded. */
  readonly pattern: RegExp;
  /** What the pattern cannot say. @param before the text up to the match, at most 16 characters of it */
  readonly holds?: (match: string, before: string) => boolean;
}

const digitsOf = (text: string): string => text.replace(/\D/g, '');
const digitCount = (least: number, most: number) => (match: string) => {
  const { length } = digitsOf(match);
  return length >= least && length <= most;
};

/** The first match at a place wins, and earlier detectors before later ones. */
const DETECTORS: readonly Detector[] = [
  {
    kind: 'secret',
    pattern:
      /-----BEGIN (?:[A-Z]{1,12} ){0,3}PRIVATE KEY-----[\sA-Za-z0-9+/=]{0,8000}(?:-----END (?:[A-Z]{1,12} ){0,3}PRIVATE KEY-----)?/g,
  },
  { kind: 'secret', pattern: /\beyJ[\w-]{8,2000}\.eyJ[\w-]{8,4000}\.[\w-]{8,1000}/g },
  { kind: 'secret', pattern: /\b(?:AKIA|ASIA)[0-9A-Z]{16}\b/g },
  { kind: 'secret', pattern: /\b(?:gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_\w{22,255}|glpat-[\w-]{20,64})/g },
  {
    kind: 'secret',
    pattern:
      /\b(?:sk-(?:[a-z]{2,8}-){0,2}[A-Za-z0-9_-]{20,200}|moat_sk_[A-Za-z0-9_-]{20,64}|xox[abeprs]-[A-Za-z0-9-]{10,200}|AIza[\w-]{35}|hf_[A-Za-z0-9]{30,64}|npm_[A-Za-z0-9]{36})/g,
  },
  {
    kind: 'email',
    pattern: /[\p{L}\p{N}._%+-]{1,64}@(?:[\p{L}\p{N}-]{1,63}\.){1,6}\p{L}{2,24}(?![\p{L}\p{N}-])/gu,
    holds: (match) => !/^[.]|[.]@|\.\./.test(match),
  },
  {
    kind: 'iban',
    pattern: /(?<![A-Z0-9])[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?(?![A-Za-z0-9])/g,
    holds: (match) => hasIbanChecksum(match.replaceAll(' ', '')),
  },
  {
    kind: 'resident-id',
    pattern:
      /(?<![\dA-Za-z])[1-9]\d{5}(?:18|19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}[\dXx](?![\dA-Za-z])/g,
    holds: hasResidentChecksum,
  },
  {
    kind: 'bank-card',
    pattern: /(?<![\d.,-])\d(?:[ -]?\d){12,18}(?![\d.,]?\d)/g,
    holds: (match) => isCardNumber(digitsOf(match)),
  },
  {
    kind: 'ip',
    pattern: /(?<![\w.:-])(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)(?![\w.-]?\w)/g,
    holds: (match, before) =>
      isPublicAddress(match) && !/(?:\bv|version|版本|rfc|§|section|release)[\s.:：号]{0,3}$/i.test(before),
  },
  {
    kind: 'ip',
    pattern: /(?<![\w:.])[0-9a-fA-F]{1,4}(?::[0-9a-fA-F]{0,4}){2,7}(?![\w:])/g,
    holds: (match) => isIPv6(match) && match.length >= 8 && !/^f[cde]/i.test(match),
  },
  { kind: 'phone', pattern: /(?<![\d+.])(?:(?:\+|00)?86[ -]?)?1[3-9]\d[ -]?\d{4}[ -]?\d{4}(?![\d.]?\d)/g },
  { kind: 'phone', pattern: /(?<![\d+.-])(?:\(0\d{2,3}\)|0\d{2,3}[ -])[ -]?[2-8]\d{6,7}(?![\d-]?\d)/g },
  { kind: 'phone', pattern: /(?<![\w+])\+[1-9]\d{0,2}(?:[ .-]?\(?\d{1,4}\)?){2,6}(?!\d)/g, holds: digitCount(8, 15) },
  { kind: 'phone', pattern: /(?<![\d.-])(?:\([2-9]\d{2}\) ?|[2-9]\d{2}[ .-])[2-9]\d{2}[ .-]\d{4}(?![\d.-]?\d)/g },
];

/** In the order of the text, none over another. */
export function findPersonalData(text: string): PersonalDatum[] {
  const found: PersonalDatum[] = [];
  if (!/[\d@]|PRIVATE KEY|eyJ|xox|_pat_|glpat|hf_|npm_|gh[pousr]_|sk-/.test(text)) return found;
  for (const { kind, pattern, holds } of DETECTORS) {
    for (const { 0: match, index: start } of text.matchAll(pattern)) {
      const end = start + match.length;
      if (found.some((other) => other.start < end && start < other.end)) continue;
      if (holds === undefined || holds(match, text.slice(Math.max(0, start - 16), start)))
        found.push({ kind, start, end });
    }
  }
  return found.sort((a, b) => a.start - b.start);
}

/** The text with `[email]`, `[phone]` … where they were. */
export function maskPersonalData(text: string, found: readonly PersonalDatum[]): string {
  let masked = '';
  let at = 0;
  for (const { kind, start, end } of found) {
    masked += `${text.slice(at, start)}[${kind}]`;
    at = end;
  }
  return masked + text.slice(at);
}

/** GB 11643: weights modulo 11. */
function hasResidentChecksum(id: string): boolean {
  const weights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
  const sum = weights.reduce((total, weight, place) => total + weight * Number(id[place]), 0);
  return '10X98765432'[sum % 11] === id.at(-1)?.toUpperCase();
}

/** Luhn's check, and the first digits and lengths that networks issue. */
function isCardNumber(digits: string): boolean {
  const issued =
    /^(?:4(?:\d{12}|\d{15}|\d{18})|5[1-5]\d{14}|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}|3[47]\d{13}|3(?:0[0-5]|[68]\d)\d{11}|35\d{14}|6(?:011|4[4-9]\d|5\d\d)\d{12}|62\d{14,17})$/;
  if (!issued.test(digits)) return false;
  let sum = 0;
  for (let place = 0; place < digits.length; place++) {
    const digit = Number(digits[digits.length - 1 - place]);
    const doubled = place % 2 === 1 ? digit * 2 : digit;
    sum += doubled > 9 ? doubled - 9 : doubled;
  }
  return sum % 10 === 0;
}

/** ISO 13616: letters as numbers, modulo 97. */
function hasIbanChecksum(iban: string): boolean {
  if (iban.length < 15 || iban.length > 34) return false;
  let rest = 0;
  for (const character of iban.slice(4) + iban.slice(0, 4)) {
    const value = Number.parseInt(character, 36);
    rest = (rest * (value > 9 ? 100 : 10) + value) % 97;
  }
  return rest === 1;
}

/** Addresses of this machine, of private networks and of documentation are nobody's. */
function isPublicAddress(address: string): boolean {
  const [a = 0, b = 0, c = 0] = address.split('.').map(Number);
  if (a === 0 || a === 10 || a === 127 || a >= 224) return false;
  if ((a === 192 && b === 168) || (a === 172 && b >= 16 && b < 32) || (a === 169 && b === 254)) return false;
  return !(
    (a === 192 && b === 0 && c === 2) ||
    (a === 198 && b === 51 && c === 100) ||
    (a === 203 && b === 0 && c === 113)
  );
}
