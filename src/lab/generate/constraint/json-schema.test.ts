/** What a model may say within a schema: every sample fits, everything that fits in the schema's order is let through. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { type TinyModel, makeTinyModel } from '../../../../tests/tiny-model.js';
import { Rng } from '../../../base/rng.js';
import { type Tokenizer, loadTokenizer } from '../../tokenizer/tokenizer.js';
import type { AnswerFormat } from '../engine.js';
import { createConstraints } from './answer-format.js';
import type { CompiledConstraint, Constraint, TokenBytes } from './constraint.js';
import { vocabularyOf } from './vocabulary.js';

let model: TinyModel;
let tokenizer: Tokenizer;
let vocabulary: TokenBytes;
let constraintOf: (format: AnswerFormat) => CompiledConstraint;
beforeAll(async () => {
  model = await makeTinyModel();
  tokenizer = await loadTokenizer(model.directory);
  vocabulary = vocabularyOf(tokenizer, [tokenizer.endOfText]);
  constraintOf = createConstraints(vocabulary);
});
afterAll(() => model.remove());

const compile = (schema: unknown): CompiledConstraint => constraintOf({ type: 'json-schema', schema });

function idsIn(mask: Uint32Array): number[] {
  return Array.from({ length: vocabulary.size }, (_, id) => id).filter(
    (id) => (((mask[id >>> 5] as number) >>> (id & 31)) & 1) === 1,
  );
}

/** Random tokens out of the allowed ones until the end; after some, the end as soon as it may come. */
function sample(constraint: Constraint, rng: Rng): string {
  const tokens: number[] = [];
  for (let step = 0; step < 3000; step++) {
    const ids = idsIn(constraint.allowed());
    const canEnd = ids.includes(tokenizer.endOfText);
    if (canEnd && (step > 40 || ids.length === 1 || rng.uniform() < 0.3)) {
      constraint.accept(tokenizer.endOfText);
      expect(idsIn(constraint.allowed())).toEqual([]);
      return tokenizer.decode(tokens);
    }
    const inside = ids.filter((id) => id !== tokenizer.endOfText);
    // later on, what closes: else an unbounded string would go on for ever
    const closing = inside.filter((id) => /^["\]}]/.test(tokenizer.decode([id])));
    const from = step > 40 && closing.length > 0 ? closing : inside;
    const token = from[rng.below(from.length)] as number;
    constraint.accept(token);
    tokens.push(token);
  }
  throw new Error('the answer does not end');
}

/** @returns whether the text is let through, token by token, and may end there */
function accepts(constraint: Constraint, text: string): boolean {
  for (const token of tokenizer.encode(text)) {
    if (!idsIn(constraint.allowed()).includes(token)) return false;
    constraint.accept(token);
  }
  return constraint.isComplete;
}

const node = {
  type: 'object',
  properties: { value: { type: 'integer' }, next: { anyOf: [{ $ref: '#/$defs/node' }, { type: 'null' }] } },
  required: ['value', 'next'],
};
const SCHEMAS: Readonly<Record<string, { schema: Record<string, unknown>; fits: unknown[]; fitsNot: unknown[] }>> = {
  anything: { schema: {}, fits: [1, 'a', null, [true, {}], { a: [1, { b: '"\\/' }] }], fitsNot: [] },
  boolean: { schema: { type: 'boolean' }, fits: [true, false], fitsNot: [null, 0, 'true'] },
  number: { schema: { type: 'number' }, fits: [0, -1.5, 12, 3.25e-7, 1e21], fitsNot: ['1', null] },
  'number from 0': { schema: { type: 'number', minimum: 0 }, fits: [0, 0.5, 7], fitsNot: [-0.5, -1] },
  integer: { schema: { type: 'integer' }, fits: [0, -12, 999], fitsNot: [1.5, '1'] },
  'integer in bounds': {
    schema: { type: 'integer', minimum: -120, exclusiveMaximum: 1305 },
    fits: [-120, -99, -1, 0, 9, 10, 99, 100, 999, 1000, 1299, 1304],
    fitsNot: [-121, 1305, 2000, 13050, -200],
  },
  'integer from 17 to 23': {
    schema: { type: 'integer', minimum: 17, maximum: 23 },
    fits: [17, 19, 20, 23],
    fitsNot: [16, 24, 2, 170],
  },
  text: { schema: { type: 'string' }, fits: ['', 'fox', '狐狸\n"\\', '\u0007😀'], fitsNot: [1, null] },
  'text of a length': {
    schema: { type: 'string', minLength: 2, maxLength: 3 },
    fits: ['ab', '狐狸😀'],
    fitsNot: ['a', 'abcd'],
  },
  pattern: {
    schema: { type: 'string', pattern: '^(?:[A-Z]{2}\\d{3,4}|x-[^a-m"]+)$' },
    fits: ['AB123', 'QZ0000', 'x-zz', 'x-狐狸'],
    fitsNot: ['AB12', 'AB12345', 'x-', 'x-a', 'ab123'],
  },
  'pattern anywhere': {
    schema: { type: 'string', pattern: '[a-z]' },
    fits: ['fox', 'A "b" 1'],
    fitsNot: ['', '12', 'ABC'],
  },
  date: {
    schema: { type: 'string', format: 'date' },
    fits: ['2026-11-23', '1999-02-28', '2024-02-29', '2000-02-29'],
    fitsNot: ['2026-02-30', '2026-13-01', '26-1-1', '2023-02-29', '1900-02-29'],
  },
  'date and time': {
    schema: { type: 'string', format: 'date-time' },
    fits: ['2026-11-23T08:30:00Z', '2026-11-23T08:30:00.25+08:00'],
    fitsNot: ['2026-11-23', '2026-11-23T25:00:00Z'],
  },
  email: { schema: { type: 'string', format: 'email' }, fits: ['a.b@fox.example'], fitsNot: ['a@b', 'fox'] },
  uuid: {
    schema: { type: 'string', format: 'uuid' },
    fits: ['01a208d7-c737-4413-a2ad-73828b098eff'],
    fitsNot: ['01a208d7'],
  },
  constants: {
    schema: { enum: ['fox', '狐狸', 3, null, { a: [1] }] },
    fits: ['fox', '狐狸', 3, null, { a: [1] }],
    fitsNot: ['fo', 4, {}],
  },
  'constants of a type': { schema: { type: 'string', enum: ['a', 1] }, fits: ['a'], fitsNot: [1] },
  list: { schema: { type: 'array', items: { type: 'integer' } }, fits: [[], [1], [1, 2, 3]], fitsNot: [['a'], [null]] },
  'list of a length': {
    schema: { type: 'array', items: { const: 1 }, minItems: 2, maxItems: 3 },
    fits: [
      [1, 1],
      [1, 1, 1],
    ],
    fitsNot: [[], [1], [1, 1, 1, 1]],
  },
  tuple: {
    schema: { type: 'array', prefixItems: [{ type: 'boolean' }, { type: 'null' }], items: false },
    fits: [[true, null]],
    fitsNot: [[true], [null, true], [true, null, 1]],
  },
  'items after an empty prefix': {
    schema: { type: 'array', prefixItems: [], items: { type: 'integer' }, maxItems: 2 },
    fits: [[], [1], [1, 2]],
    fitsNot: [['a'], [1, 2, 3]],
  },
  'thousands of constants': {
    schema: { enum: Array.from({ length: 3000 }, (_, i) => `货号 ${i}`) },
    fits: ['货号 0', '货号 29', '货号 2999'],
    fitsNot: ['货号 ', '货号 3000', '货号 00'],
  },
  'closed object': {
    schema: {
      type: 'object',
      properties: { name: { type: 'string' }, age: { type: 'integer' }, pet: { enum: ['fox', 'dog'] } },
      required: ['name', 'pet'],
      additionalProperties: false,
    },
    fits: [
      { name: 'a', pet: 'fox' },
      { name: '', age: 3, pet: 'dog' },
    ],
    fitsNot: [{ name: 'a' }, { pet: 'fox', name: 'a' }, { name: 'a', pet: 'cat' }, {}],
  },
  'optional properties': {
    schema: { type: 'object', properties: { a: { const: 1 }, b: { const: 2 }, c: { const: 3 } } },
    fits: [{}, { a: 1 }, { b: 2 }, { c: 3 }, { a: 1, c: 3 }, { b: 2, c: 3 }, { a: 1, b: 2, c: 3 }],
    fitsNot: [{ c: 3, a: 1 }, { a: 2 }, { d: 1 }],
  },
  'other properties': {
    schema: {
      type: 'object',
      properties: { a: { const: 1 }, ab: { const: 2 } },
      additionalProperties: { type: 'boolean' },
    },
    fits: [{}, { x: true }, { a: 1, abc: false, b: true }, { aa: true, 狐: false }],
    fitsNot: [{ a: true }, { x: 1 }, { a: 1, ab: true }],
  },
  map: {
    schema: { type: 'object', additionalProperties: { type: 'integer' } },
    fits: [{}, { a: 1, b: 2 }],
    fitsNot: [{ a: 'x' }],
  },
  'one of several': {
    schema: { anyOf: [{ type: 'integer' }, { type: 'object', properties: { a: { type: 'null' } }, required: ['a'] }] },
    fits: [3, { a: null }],
    fitsNot: [{}, 'a'],
  },
  'told apart by a constant': {
    schema: {
      oneOf: ['cat', 'dog'].map((kind) => ({
        type: 'object',
        properties: { kind: { const: kind }, [kind]: { type: 'integer' } },
        required: ['kind', kind],
      })),
    },
    fits: [
      { kind: 'cat', cat: 1 },
      { kind: 'dog', dog: 2 },
    ],
    fitsNot: [{ kind: 'cat', dog: 1 }],
  },
  'or null': { schema: { type: ['integer', 'null'] }, fits: [1, null], fitsNot: ['a', true] },
  recursive: {
    schema: { $ref: '#/$defs/node', $defs: { node } },
    fits: [
      { value: 1, next: null },
      { value: 1, next: { value: 2, next: { value: 3, next: null } } },
    ],
    fitsNot: [{ value: 1 }, { value: 1, next: 2 }],
  },
  'a tree of itself': {
    schema: {
      type: 'object',
      properties: { children: { type: 'array', items: { $ref: '#' } } },
      required: ['children'],
    },
    fits: [{ children: [] }, { children: [{ children: [] }, { children: [{ children: [] }] }] }],
    fitsNot: [{}, { children: [1] }],
  },
};

describe.each(Object.entries(SCHEMAS))('%s', (_name, { schema, fits, fitsNot }) => {
  test('every sample parses and fits', () => {
    const validator = z.fromJSONSchema(schema);
    const constraint = compile(schema);
    for (let seed = 1; seed <= 12; seed++) {
      const text = sample(constraint.start(), Rng.fromSeed(seed));
      const result = validator.safeParse(JSON.parse(text));
      // zod knows constants that are objects by identity only
      const isConstant = fits.some((value) => isDeepStrictEqual(value, JSON.parse(text)));
      expect(result.success || isConstant, text).toBe(true);
    }
  });

  test('what fits may be said, compact or with spaces; what does not, not', () => {
    const constraint = compile(schema);
    for (const value of fits) {
      expect(accepts(constraint.start(), JSON.stringify(value)), JSON.stringify(value)).toBe(true);
    }
    for (const value of fitsNot) {
      expect(accepts(constraint.start(), JSON.stringify(value)), JSON.stringify(value)).toBe(false);
    }
  });
});

test('one space after a colon or a comma, and no other white space', () => {
  const { start } = constraintOf({ type: 'json-object' });
  expect(accepts(start(), '{"a": 1, "b": [1, 2]}')).toBe(true);
  for (const text of ['{ "a": 1}', '{"a":  1}', '{"a" :1}', ' {}', '{}\n', '[1]', '1'])
    expect(accepts(start(), text), text).toBe(false);
});

test('a mask is what reading each token alone would say', () => {
  const constraint = compile(SCHEMAS['closed object']?.schema);
  const rng = Rng.fromSeed(5);
  const one = constraint.start();
  const said: number[] = [];
  for (let step = 0; step < 25; step++) {
    const allowed = idsIn(one.allowed());
    const expected = Array.from({ length: vocabulary.size }, (_, id) => id).filter((id) => {
      const again = constraint.start();
      for (const token of said) again.accept(token);
      try {
        again.accept(id);
        return true;
      } catch {
        return false;
      }
    });
    expect(allowed).toEqual(expected);
    const token = allowed[rng.below(allowed.length)] as number;
    if (token === tokenizer.endOfText) break;
    one.accept(token);
    said.push(token);
  }
});

test('strings are whole characters and whole escapes', () => {
  const { start } = compile({ type: 'string' });
  const after = (text: string): Constraint => {
    const one = start();
    for (const byte of Buffer.from(text, 'latin1')) one.accept(byteToken(byte));
    return one;
  };
  const byteToken = (byte: number): number => {
    const id = Array.from({ length: vocabulary.size }, (_, i) => i).find((i) => {
      const bytes = vocabulary.bytesOf(i);
      return bytes?.length === 1 && bytes[0] === byte;
    });
    if (id === undefined) throw new Error(`no token for byte ${byte}`);
    return id;
  };
  for (const bad of [
    '"\xc0\xaf',
    '"\xed\xa0\x80',
    '"\xf4\x90\x80\x80',
    '"\xff',
    '"\n',
    '"\\x',
    '"\\ud800"',
    '"\\udc00',
  ])
    expect(() => after(bad), JSON.stringify(bad)).toThrow(/does not continue/);
  for (const good of ['"\xc3\xa9"', '"\xed\x9f\xbf"', '"\xf4\x8f\xbf\xbf"', '"\\ud83d\\ude00"', '"\\u00e9\\n"'])
    expect(after(good).isComplete, JSON.stringify(good)).toBe(true);
});

/** Lists within lists. */
function nested(levels: number): unknown {
  let value: unknown = 1;
  for (let level = 0; level < levels; level++) value = [value];
  return value;
}

describe('refused, by name', () => {
  const deep = (levels: number): object => (levels === 0 ? {} : { type: 'array', items: deep(levels - 1) });
  test.each<[string, unknown, RegExp]>([
    ['no schema', 3, /at #: an object is expected/],
    ['an unknown keyword', { type: 'string', contentEncoding: 'base64' }, /#: contentEncoding is not supported/],
    [
      'deep inside',
      { type: 'object', properties: { 'a/b': { type: 'array', items: { multipleOf: 2 } } } },
      /#\/properties\/a~1b\/items: multipleOf/,
    ],
    ['an unknown type', { type: 'date' }, /type "date" is not one of/],
    ['a keyword of another type', { type: 'integer', minLength: 2 }, /minLength says nothing about integer/],
    ['bounds of a number', { type: 'number', maximum: 1 }, /only minimum 0/],
    ['an unknown format', { type: 'string', format: 'iri' }, /format "iri" is not one of date/],
    ['a pattern that looks ahead', { type: 'string', pattern: '(?=a)b' }, /pattern \(\?=a\)b/],
    ['a pattern with a reference', { type: 'string', pattern: '(a)\\1' }, /"\\1" is not taken/],
    ['a required property nobody describes', { type: 'object', properties: {}, required: ['a'] }, /required names "a"/],
    ['alternatives that may overlap', { oneOf: [{ type: 'integer' }, { type: 'number' }] }, /oneOf whose/],
    ['several at once', { allOf: [{ type: 'object' }, { type: 'object' }] }, /allOf of several/],
    ['a reference elsewhere', { $ref: 'https://x.example/y' }, /only references into this schema/],
    ['a reference to nothing', { $ref: '#/$defs/x' }, /leads nowhere/],
    ['a reference to a prototype', { $ref: '#/constructor' }, /leads nowhere/],
    ['itself and nothing else', { $ref: '#' }, /refers to itself/],
    ['itself or null', { anyOf: [{ $ref: '#' }, { type: 'null' }] }, /refers to itself/],
    ['nothing', false, /no finite value/],
    ['an endless value', { type: 'object', properties: { a: { $ref: '#' } }, required: ['a'] }, /no finite value/],
    ['no constant', { enum: [] }, /no finite value/],
    ['an empty range', { type: 'integer', minimum: 3, maximum: 2 }, /no finite value/],
    ['too deep', deep(200), /nested over 64 deep/],
    ['too large', { type: 'array', items: { type: 'string', pattern: '^(?:(?:a{1000}){1000}){1000}$' } }, /too large/],
    ['a constant too deep', { const: nested(100_000) }, /nested too deep/],
    [
      'alternatives too many to compare',
      { oneOf: Array.from({ length: 5000 }, (_, i) => ({ const: i })) },
      /oneOf of over 500 alternatives/,
    ],
    ['a huge count', { type: 'array', minItems: 1e9 }, /minItems is no whole number/],
  ])('%s', (_what, schema, problem) => {
    expect(() => compile(schema)).toThrow(
      expect.objectContaining({ code: 'bad-schema', message: expect.stringMatching(problem) }),
    );
  });

  test('alternatives that cannot be told apart in bounded time', () => {
    const many = {
      anyOf: Array.from({ length: 3000 }, (_, i) => ({ type: 'string', pattern: `^a*b{${i % 7}}a*c${i}$` })),
    };
    expect(() => compile(many).start().allowed()).toThrow(/begin alike|too large/);
  });
});

test('a long list and hundreds of optional properties stay flat', () => {
  const properties = Object.fromEntries(Array.from({ length: 400 }, (_, i) => [`p${i}`, { type: 'boolean' }]));
  const value = Object.fromEntries(Object.keys(properties).map((name) => [name, true]));
  expect(accepts(compile({ type: 'object', properties }).start(), JSON.stringify(value))).toBe(true);
  const list = Array.from({ length: 2000 }, (_, i) => i);
  expect(accepts(compile({ type: 'array', items: { type: 'integer' } }).start(), JSON.stringify(list))).toBe(true);
});

test('equal formats are compiled once', () => {
  expect(compile({ type: 'boolean' })).toBe(compile({ type: 'boolean' }));
});
