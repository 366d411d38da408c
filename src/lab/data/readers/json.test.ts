import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RawItem, readDocuments, type ReadDocumentsOptions } from '../read-documents.js';
import { type JsonPart, jsonParts } from './json-parts.js';

let root: string;
beforeAll(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'moat-json-'));
});
afterAll(async () => await rm(root, { recursive: true, force: true }));

async function readItems(content: string, options: ReadDocumentsOptions = {}, name = 'a.json'): Promise<RawItem[]> {
  const file = path.join(await mkdtemp(path.join(root, 'case-')), name);
  await writeFile(file, content);
  const items: RawItem[] = [];
  for await (const item of readDocuments(file, options)) items.push(item);
  return items;
}

/** Texts with their lines; what was dropped as its reason and its line. */
async function read(content: string, options: ReadDocumentsOptions = {}, name = 'a.json'): Promise<unknown[]> {
  return (await readItems(content, options, name)).map((item) =>
    item.kind === 'document'
      ? [item.document.text, item.document.line]
      : `${item.dropped.reason} ${/:(\d+)/.exec(item.dropped.detail)?.[1]}`,
  );
}

async function partsOf(chunks: readonly string[]): Promise<JsonPart[]> {
  const parts: JsonPart[] = [];
  const stream = async function* () {
    yield* chunks;
  };
  for await (const part of jsonParts(stream(), 1_000_000)) parts.push(part);
  return parts;
}

describe('cutting JSON into parts', () => {
  const whole = ' [1, {"a\\\\":"]}\\"[,"}\n,[2,[3]] ,"x,\\n"]{"k":{"n":[1]},"l":[{"a":[1,2]},\n4],"m":"v"}\n';

  it('cuts elements and fields, with their lines', async () => {
    expect(await partsOf([whole])).toMatchObject([
      { kind: 'begin', of: 'array', line: 1 },
      { kind: 'element', json: '1', line: 1 },
      { kind: 'element', json: ' {"a\\\\":"]}\\"[,"}\n' },
      { kind: 'element', json: '[2,[3]] ', line: 2 },
      { kind: 'element', json: '"x,\\n"' },
      { kind: 'end' },
      { kind: 'begin', of: 'object', line: 2 },
      { kind: 'field', key: 'k', json: '{"n":[1]}' },
      { kind: 'element', key: 'l', json: '{"a":[1,2]}' },
      { kind: 'element', key: 'l', json: '\n4', line: 3 },
      { kind: 'field', key: 'm', json: '"v"' },
      { kind: 'end' },
    ]);
  });

  it('does so wherever the chunks end', async () => {
    const expected = await partsOf([whole]);
    for (let cut = 0; cut <= whole.length; cut++) {
      expect(await partsOf([whole.slice(0, cut), whole.slice(cut)])).toEqual(expected);
    }
    expect(await partsOf([...whole])).toEqual(expected);
  });
});

describe('cutting any JSON', () => {
  it('gives the elements that the parser gives', async () => {
    const cases = fc.asyncProperty(
      fc.array(fc.jsonValue()),
      fc.constantFrom(undefined, 2),
      fc.nat(40),
      async (value, indent, cut) => {
        const text = JSON.stringify(value, undefined, indent);
        const parts = await partsOf([text.slice(0, cut), text.slice(cut)]);
        const elements = parts.flatMap((part) => (part.kind === 'element' ? [JSON.parse(part.json ?? '')] : []));
        expect(JSON.stringify(elements)).toBe(JSON.stringify(value));
      },
    );
    await fc.assert(cases, { seed: 1, numRuns: 200 });
  });
});

describe('JSON files', () => {
  it.each([
    [
      'an array of records',
      '[\n{"text":"one"},\n {"text":"two"}\n]',
      [
        ['one', 2],
        ['two', 3],
      ],
    ],
    [
      'an array of texts',
      '["one", "two"]',
      [
        ['one', 1],
        ['two', 1],
      ],
    ],
    [
      'rows under a field',
      '{"version":"1","data":[{"text":"one"},\n{"text":"two"}]}',
      [
        ['one', 1],
        ['two', 2],
      ],
    ],
    [
      'splits',
      '{"train":[{"text":"a"}],"n":[1,2],"test":[{"text":"b"}]}',
      [
        ['a', 1],
        ['b', 1],
      ],
    ],
    ['one record', '\n{"title":"x",\n"text":"one","tags":["a"]}', [['one', 2]]],
    ['one conversation', '{"messages":[{"role":"user","content":"hi"}]}', [['user: hi', 1]]],
    [
      'values one after another',
      '{\n"text":"a"\n}\n{\n"text":"b"\n}',
      [
        ['a', 1],
        ['b', 4],
      ],
    ],
    [
      'a broken record among whole ones',
      '[{"text":"a"},{"text":nope},\n{"text" "b"}, {"text":"c"}]',
      [['a', 1], 'bad-json 1', 'bad-json 2', ['c', 2]],
    ],
    ['a missing quote', '[{"text":"a},\n{"text":"b"},\n{"text":"c"}]', ['bad-json 1', ['b', 2], ['c', 3]]],
    ['an empty text', '[{"text":" "},{"text":"a"}]', ['empty 1', ['a', 1]]],
    ['a record of another shape', '[{"text":"a"},{"n":1}]', [['a', 1], 'unknown-shape 1']],
    ['no records', '{"name":"x","keywords":["a","b"],"files":[{"n":1}]}', ['unknown-shape 1']],
    ['a broken object', '{"name":x}', ['bad-json 1']],
    ['text after the end', '[{"text":"a"}]\nmore {"text":"b"}', [['a', 1], 'bad-json 2']],
  ])('%s', async (_, content, expected) => {
    expect(await read(content)).toEqual(expected);
  });

  it('keeps what was whole before the file was cut off', async () => {
    expect(await read('[{"text":"one"},\n{"text":"tw')).toEqual([['one', 1], 'bad-json 2']);
    expect(await read('{"data":[{"text":"one"},\n{"text":"tw')).toEqual([['one', 1], 'bad-json 2']);
  });

  it('says what was seen and which flag helps', async () => {
    const [item] = await readItems('[{"review":"fine","stars":5}]');
    expect(item).toMatchObject({
      dropped: {
        detail:
          'a.json:1: no string field "text"; seen: review (string), stars (number) in {"review":"fine","stars":5}. ' +
          'Name the field that holds the document with --text-field (nested: a.b, several: a,b), or rename it to "text".',
      },
    });
    expect(await read('[{"review":"fine","stars":5}]', { textField: 'review' })).toEqual([['fine', 1]]);
    const escaped = String.raw`{"\u6587\u672c":"one"}`;
    expect(await read(escaped, { textField: '文本' })).toEqual([['one', 1]]);
    await expect(readItems('[{"n":5}]', { strict: true })).rejects.toMatchObject({ code: 'unknown-shape' });
    await expect(readItems('[{"text":]', { strict: true })).rejects.toMatchObject({ code: 'bad-json' });
  });

  it('gives up a list of things that are no records', async () => {
    const items = await read(JSON.stringify(Array.from({ length: 1000 }, (_, n) => [n, n + 1])));
    expect(items).toEqual(Array.from({ length: 20 }, () => 'unknown-shape 1'));
  });

  it('reads lists larger than the limit for one document, and drops a record over it', async () => {
    const rows = Array.from({ length: 50 }, (_, n) => ({ text: n === 30 ? 'x'.repeat(300) : `text number ${n}` }));
    const items = await read(JSON.stringify({ info: 'y'.repeat(90), rows }), { maxCharacters: 200 });
    expect(items).toHaveLength(50);
    expect(items.filter((item) => typeof item === 'string')).toEqual(['too-long 1']);
  });

  it('is known by its content, and JSON lines stay JSON lines', async () => {
    expect(await read('[{"text":"one"}]', {}, 'noname')).toEqual([['one', 1]]);
    expect(await read('[link](to) and more', {}, 'noname')).toEqual([['[link](to) and more', 1]]);
    expect(await read('[["a"] is a list] of words', {}, 'noname')).toEqual([['[["a"] is a list] of words', 1]]);
    expect(await read('{"text":"a"}\n{"text":\n{"text":"b"}', {}, 'a.json')).toEqual([
      ['a', 1],
      'bad-jsonl 2',
      ['b', 3],
    ]);
  });

  it("carries a record's own licence, before that of the source", async () => {
    const items = await readItems('[{"text":"a","license":"MIT"},{"text":"b"}]', { licence: 'CC0-1.0' });
    expect(items).toMatchObject([{ document: { licence: 'MIT' } }, { document: { licence: 'CC0-1.0' } }]);
  });
});
