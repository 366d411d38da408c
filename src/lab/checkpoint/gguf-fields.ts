/**
 * Metadata of a GGUF file by key, each value held to the type that its reader asks for. A number may stand in any whole-number
 * type that holds it, as llama.cpp's own files have it.
 */
import { badGguf, quoted } from './gguf-cursor.js';
import type { GgufMetadata, GgufValue } from './gguf-values.js';

/** Every reader throws MoatError `bad-gguf` naming file and key: for another type, and without a default for a missing key. */
export interface GgufFields {
  has(key: string): boolean;
  text(key: string, otherwise?: string): string;
  flag(key: string, otherwise?: boolean): boolean;
  /** A finite number. */
  number(key: string, otherwise?: number): number;
  /** A whole number from 0 to 2^53. */
  whole(key: string, otherwise?: number): number;
  /** As `whole`; undefined for a missing key. */
  optionalWhole(key: string): number | undefined;
  texts(key: string): readonly string[];
  /** Whole numbers. */
  wholes(key: string): readonly number[];
  /** Throws about a key. */
  fail(key: string, what: string): never;
}

export function ggufFields(file: string, metadata: GgufMetadata): GgufFields {
  const fail = (key: string, what: string): never => {
    throw badGguf(file, `key ${quoted(key)}: ${what}`);
  };
  const valueOf = <T>(
    key: string,
    otherwise: T | undefined,
    read: (value: GgufValue) => T | undefined,
    what: string,
  ): T => {
    const value = metadata.get(key);
    if (value === undefined) return otherwise ?? fail(key, 'missing');
    return read(value) ?? fail(key, `${describe(value)}, not ${what}`);
  };
  const whole = (key: string, otherwise?: number): number =>
    valueOf(key, otherwise, wholeIn, 'a whole number of at least 0');
  return {
    has: (key) => metadata.has(key),
    text: (key, otherwise) =>
      valueOf(key, otherwise, (value) => (value.type === 'string' ? value.value : undefined), 'a string'),
    flag: (key, otherwise) =>
      valueOf(key, otherwise, (value) => (value.type === 'bool' ? value.value : undefined), 'a boolean'),
    number: (key, otherwise) => valueOf(key, otherwise, numberIn, 'a finite number'),
    whole,
    optionalWhole: (key) => (metadata.has(key) ? whole(key) : undefined),
    texts: (key) =>
      valueOf(
        key,
        undefined,
        (value) => (value.type === 'array' && value.elementType === 'string' ? value.value : undefined),
        'an array of strings',
      ),
    wholes: (key) => valueOf(key, undefined, wholesIn, 'an array of whole numbers'),
    fail,
  };
}

function describe(value: GgufValue): string {
  if (value.type === 'array') return `an array of ${value.elementType}`;
  return value.type === 'string' ? `the string ${quoted(value.value)}` : `${value.type} ${value.value}`;
}

function numberIn(value: GgufValue): number | undefined {
  if (value.type === 'array' || value.type === 'string' || value.type === 'bool') return undefined;
  const number = Number(value.value);
  return Number.isFinite(number) ? number : undefined;
}

function wholeIn(value: GgufValue): number | undefined {
  const number = value.type.startsWith('float') ? undefined : numberIn(value);
  return number !== undefined && number >= 0 && Number.isSafeInteger(number) ? number : undefined;
}

function wholesIn(value: GgufValue): readonly number[] | undefined {
  if (value.type !== 'array' || value.elementType === 'string' || value.elementType.startsWith('float'))
    return undefined;
  const numbers = Array.from(value.value, Number);
  return numbers.every((number) => Number.isSafeInteger(number)) ? numbers : undefined;
}

/** The decimal number that a float32 was written for: 1e-5, not 0.000009999999747378752. */
export function shortestDecimal(value: number): number {
  const rounded = Number(value.toPrecision(7));
  return Math.fround(rounded) === Math.fround(value) ? rounded : value;
}
