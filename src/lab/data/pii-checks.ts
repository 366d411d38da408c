/** Check digits and other proofs that a string of digits is what it looks like. */

/** ISO/IEC 7812-1 annex B (Luhn). @param digits nothing but digits */
export function isLuhnValid(digits: string): boolean {
  let sum = 0;
  for (let i = 0; i < digits.length; i++) {
    const digit = digits.charCodeAt(digits.length - 1 - i) - 0x30;
    const doubled = i % 2 === 1 ? digit * 2 : digit;
    sum += doubled > 9 ? doubled - 9 : doubled;
  }
  return sum % 10 === 0;
}

/** Issuer prefixes (ISO/IEC 7812, as the networks publish them) and the lengths their numbers have. */
const CARD_ISSUERS: readonly (readonly [RegExp, readonly number[]])[] = [
  [/^4/, [13, 16, 19]], // Visa
  [/^(5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720)/, [16]], // Mastercard
  [/^3[47]/, [15]], // American Express
  [/^62/, [16, 17, 18, 19]], // UnionPay
  [/^(6011|64[4-9]|65)/, [16, 19]], // Discover
  [/^35(2[89]|[3-8])/, [16]], // JCB
  [/^3(0[0-5]|[68])/, [14]], // Diners Club
];

/** A payment card: known issuer, its length, check digit, not one digit over and over. */
export function isBankCard(digits: string): boolean {
  const isIssued = CARD_ISSUERS.some(([prefix, lengths]) => prefix.test(digits) && lengths.includes(digits.length));
  return isIssued && new Set(digits.slice(2)).size > 1 && isLuhnValid(digits);
}

const PROVINCES = new Set(
  '11 12 13 14 15 21 22 23 31 32 33 34 35 36 37 41 42 43 44 45 46 50 51 52 53 54 61 62 63 64 65 71 81 82 83'.split(' '),
);
const RESIDENT_WEIGHTS = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
const RESIDENT_CHECKS = '10X98765432';

/** A Chinese resident identity number (GB 11643-1999): province, date of birth, ISO 7064 MOD 11-2 check. */
export function isResidentId(text: string): boolean {
  if (!PROVINCES.has(text.slice(0, 2))) return false;
  if (!isDate(Number(text.slice(6, 10)), Number(text.slice(10, 12)), Number(text.slice(12, 14)))) return false;
  const sum = RESIDENT_WEIGHTS.reduce((sum, weight, i) => sum + weight * (text.charCodeAt(i) - 0x30), 0);
  return RESIDENT_CHECKS[sum % 11] === text[17]?.toUpperCase();
}

function isDate(year: number, month: number, day: number): boolean {
  if (year < 1850 || year > 2100) return false;
  const date = new Date(Date.UTC(year, month - 1, day));
  return date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
}

/** Length of an IBAN by country (SWIFT IBAN registry). */
const IBAN_LENGTHS = new Map(
  (
    'AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DK18 DO28 EE20 EG29 ES24 FI18 FO18 ' +
    'FR27 GB22 GE22 GI23 GL18 GR27 GT28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LI21 LT20 LU20 LV21 MC27 ' +
    'MD24 ME22 MK19 MR27 MT31 MU30 NL18 NO15 PK24 PL28 PS29 PT25 QA29 RO24 RS22 SA24 SC31 SE24 SI19 SK24 SM27 TN24 TR26 ' +
    'UA29 VA22 VG24 XK20'
  )
    .split(' ')
    .map((entry) => [entry.slice(0, 2), Number(entry.slice(2))]),
);

/** ISO 13616: the country's length and the remainder 1 modulo 97. @param text without spaces */
export function isIban(text: string): boolean {
  if (IBAN_LENGTHS.get(text.slice(0, 2)) !== text.length) return false;
  let remainder = 0;
  for (const character of text.slice(4) + text.slice(0, 4)) {
    const value = Number.parseInt(character, 36);
    remainder = (remainder * (value > 9 ? 100 : 10) + value) % 97;
  }
  return remainder === 1;
}

/** Letters, digits or case mixed as in random keys: at least `kinds` of lower case, upper case and digits. */
export function looksRandom(text: string, kinds: number): boolean {
  const seen = [/[a-z]/, /[A-Z]/, /\d/].filter((kind) => kind.test(text)).length;
  return seen >= kinds && new Set(text).size >= Math.min(10, text.length / 2);
}
