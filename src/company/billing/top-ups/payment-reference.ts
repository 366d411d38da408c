/** What a payer writes on a transfer: a creditor reference of ISO 11649, whose check digits find a slip of the pen. Pure. */

/** @param id of the top-up; 42n → "RF41TU00000042" */
export function referenceOf(id: bigint): string {
  const body = `TU${id.toString().padStart(8, '0')}`;
  return `RF${String(98n - remainder(`${body}RF00`)).padStart(2, '0')}${body}`;
}

/** As people type it, with spaces and in any case. @returns undefined where it is none, or mistyped */
export function idOfReference(text: string): bigint | undefined {
  const compact = text.replaceAll(/\s/g, '').toUpperCase();
  const [, check = '', digits = ''] = /^RF(\d\d)TU(\d{8,18})$/.exec(compact) ?? [];
  if (digits === '' || remainder(`TU${digits}RF${check}`) !== 1n) return undefined;
  return BigInt(digits);
}

/** Modulo 97 of ISO 7064, letters counting from A = 10. */
const remainder = (text: string): bigint =>
  BigInt(text.replaceAll(/[A-Z]/g, (letter) => String(letter.charCodeAt(0) - 55))) % 97n;
