import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openModelFolder } from './model-folder.js';
import { writeSafetensors } from './safetensors.js';
import { saveCheckpoint } from './save-checkpoint.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'moat-folder-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const tensor = (name: string, ...values: number[]) => ({
  name,
  shape: [values.length],
  data: new Float32Array(values),
});

let folders = 0;
/** A folder of shards with an index; `false` for no config. */
async function sharded(
  shards: Record<string, ReturnType<typeof tensor>[]>,
  weightMap: Record<string, string>,
  files: Record<string, string> = { 'config.json': '{}' },
): Promise<string> {
  const directory = path.join(folder, String(folders++));
  await mkdir(directory);
  for (const [name, tensors] of Object.entries(shards)) await writeSafetensors(path.join(directory, name), tensors);
  const index = JSON.stringify({ metadata: { total_size: 8 }, weight_map: weightMap });
  for (const [name, text] of Object.entries({ 'model.safetensors.index.json': index, ...files }))
    await writeFile(path.join(directory, name), text);
  return directory;
}

const one = 'model-00001-of-00002.safetensors';
const two = 'model-00002-of-00002.safetensors';
const shards = { [one]: [tensor('a', 1, 2)], [two]: [tensor('b', 3)] };

it('reads one file, and its texts', async () => {
  const directory = await sharded({ 'model.safetensors': [tensor('a', 1, 2)] }, {});
  const model = await openModelFolder(directory);
  expect(await model.weights.readFloat32('a')).toEqual(new Float32Array([1, 2]));
  expect(await model.readText('config.json')).toBe('{}');
  await model.close();
});

it('reads shards as one', async () => {
  const model = await openModelFolder(await sharded(shards, { a: one, b: two }));
  expect([...model.weights.tensors.keys()]).toEqual(['a', 'b']);
  expect(await model.weights.readFloat32('b')).toEqual(new Float32Array([3]));
  expect(await model.weights.readBytes('a')).toHaveLength(8);
  await expect(model.weights.readFloat32('c')).rejects.toMatchObject({ code: 'bad-safetensors' });
  await model.close();
});

it('opens a checkpoint of ours, and refuses a damaged one', async () => {
  const run = path.join(folder, 'run');
  const { directory } = await saveCheckpoint(run, 1, {
    files: { 'config.json': '{"a":1}' },
    tensors: [tensor('a', 1)],
    optimizer: [],
    state: {},
  });
  const model = await openModelFolder(directory);
  expect(await model.weights.readFloat32('a')).toEqual(new Float32Array([1]));
  expect(await model.readText('config.json')).toBe('{"a":1}');
  await model.close();
  await writeFile(path.join(directory, 'config.json'), '{"a":2}');
  await expect(openModelFolder(directory)).rejects.toMatchObject({ code: 'checkpoint-corrupt' });
  await rm(path.join(directory, 'manifest.json'));
  await expect(openModelFolder(directory)).rejects.toMatchObject({ code: 'checkpoint-missing' });
});

it('says what is missing', async () => {
  const refusal = (directory: string) => expect(openModelFolder(directory)).rejects;
  await refusal(path.join(folder, 'nowhere')).toMatchObject({ code: 'model-missing' });
  await refusal(await sharded(shards, { a: one, b: two }, {})).toThrow(/config\.json: no such file/);
  const lost = await sharded({ [one]: [tensor('a', 1, 2)] }, { a: one, b: two });
  await refusal(lost).toThrow(`${two}: no such file`);
  const empty = await sharded({}, {});
  await rm(path.join(empty, 'model.safetensors.index.json'));
  await refusal(empty).toThrow(/model\.safetensors: no such file/);
});

it.each([
  ['../b.safetensors'],
  ['/etc/b.safetensors'],
  ['sub/b.safetensors'],
  ['sub\\b.safetensors'],
  ['..'],
  ['b.bin'],
  ['b.safetensors\0'],
  [''],
  ['C:b.safetensors'],
])('lets no shard be called %j', async (name) => {
  await expect(openModelFolder(await sharded(shards, { a: one, b: name }))).rejects.toMatchObject({
    code: 'bad-model-index',
    message: expect.stringContaining('tensor "b"'),
  });
});

it('refuses an index that does not fit its shards', async () => {
  const refusal = async (...given: Parameters<typeof sharded>) =>
    expect(openModelFolder(await sharded(...given))).rejects;
  await (await refusal(shards, { a: two, b: two })).toThrow(/tensor "a" is not in/);
  await (await refusal(shards, { a: two, b: one })).toThrow(/tensor "b" is in|tensor "a" is in/);
  const twice = { [one]: [tensor('a', 1), tensor('b', 1)], [two]: [tensor('b', 3)] };
  await (await refusal(twice, { a: one, b: two })).toThrow(/tensor "b" is in .*1-of/);
  await (await refusal(shards, { a: one, b: two, c: two })).toThrow(/tensor "c" is not in/);
  await (
    await refusal(shards, { a: one, b: two }, { 'config.json': '{}', 'model.safetensors.index.json': '{' })
  ).toThrow(/weight_map/);
  await (await refusal(shards, {})).toThrow(/no tensors/);
});
