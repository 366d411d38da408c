import { mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MoatError } from '../../base/errors.js';
import { defineConfig } from './define.js';
import { readAssignment, readOverride } from './overrides.js';
import { findConfigFile, loadProject } from './project.js';
import { resolveConfig, resolveModel } from './resolve.js';
import { configFields, type GivenConfig } from './schema.js';
import type { MoatConfig } from './types.js';

/** Fails to compile when `types.ts` and `schema.ts` name different fields or kinds. */
type Loose<T> = T extends object ? { [K in keyof T]?: Loose<T[K]> | undefined } : T;
const typesFollowSchema = (config: Loose<MoatConfig>): GivenConfig => config;
const schemaFollowsTypes = (config: GivenConfig): Loose<MoatConfig> => config;
const namesFollowSchema = (name: keyof Required<GivenConfig>): keyof MoatConfig => name;

const source = { file: 'moat.config.ts', flags: new Map<string, string>() };
const resolve = (input: unknown, env: NodeJS.ProcessEnv = {}) =>
  resolveConfig(input, { root: '/srv/shop', env, source });

function problemOf(input: unknown): string {
  try {
    resolve(input);
  } catch (error) {
    if (error instanceof MoatError) return error.message;
    throw error;
  }
  return '';
}

describe('defaults', () => {
  it('lets a founder leave everything out', () => {
    const config = resolve({});
    expect(config).toMatchObject({
      name: 'shop',
      currency: 'USD',
      serve: { modelId: 'shop', host: '127.0.0.1' },
      train: { steps: undefined, minutes: 10, sequenceLength: 256 },
      database: { url: undefined },
    });
    expect(resolve({}, { DATABASE_URL: 'postgres://localhost/x' }).database.url).toBe('postgres://localhost/x');
    expect([typesFollowSchema, schemaFollowsTypes, namesFollowSchema]).toHaveLength(3);
  });

  it('derives the shape from one dial', () => {
    expect(resolveModel({})).toMatchObject({
      layers: 6,
      hiddenSize: 256,
      heads: 4,
      headSize: 64,
      intermediateSize: 704,
    });
    expect(resolveModel({ depth: 12 })).toMatchObject({ layers: 12, hiddenSize: 512, heads: 8 });
    for (let depth = 1; depth <= 64; depth++) expect(() => resolve({ model: { depth } })).not.toThrow();
  });

  it('takes steps alone as the bound, and rates that suit the optimizer', () => {
    expect(resolve({ train: { steps: 5 } }).train).toMatchObject({ steps: 5, minutes: undefined, learningRate: 0.02 });
    expect(resolve({ train: { optimizer: 'adamw' } }).train).toMatchObject({
      learningRate: 0.002,
      headLearningRate: 0.002,
    });
  });
});

describe('a wrong configuration', () => {
  it.each([
    [
      { train: { batchSize: '8' } },
      'moat.config.ts: train.batchSize: expected a whole number from 1 to 4096, found "8"',
    ],
    [{ train: { stepz: 3 } }, 'moat.config.ts: train.stepz: unknown field; did you mean train.steps?'],
    [{ steps: 3 }, 'moat.config.ts: steps: unknown field; did you mean train.steps?'],
    [{ modle: {} }, 'moat.config.ts: modle: unknown field; did you mean model?'],
    [{ currency: 'XX' }, 'moat.config.ts: currency: expected an ISO 4217 currency code such as "USD", found "XX"'],
    [
      { timeZone: 'Mars' },
      'moat.config.ts: timeZone: expected an IANA time zone such as "Asia/Shanghai", found "Mars"',
    ],
    [
      { business: { machineHourlyPrice: 0.1 } },
      'moat.config.ts: business.machineHourlyPrice: expected an amount in quotes with at most six decimals, such as "0.10", found 0.1',
    ],
    [
      { train: { optimizer: 'lion' } },
      'moat.config.ts: train.optimizer: expected "muon" or "adamw" or "adam" or "sgd", found "lion"',
    ],
    [{ train: 3 }, 'moat.config.ts: train: expected an object, found 3'],
    [3, 'moat.config.ts: expected an object as the default export, found 3'],
    [
      { train: { learningRate: Number.NaN } },
      'moat.config.ts: train.learningRate: expected a number from 0 to 10, found NaN',
    ],
    [
      { model: { heads: 4, keyValueHeads: 3 } },
      'moat.config.ts: model.keyValueHeads: expected a divisor of model.heads (4), found 3',
    ],
    [
      { train: { sequenceLength: 512 } },
      'moat.config.ts: train.sequenceLength: expected at most model.contextLength (256), found 512',
    ],
    [
      { database: { url: 'mysql://x' } },
      'moat.config.ts: database.url: expected an address such as "postgres://user@host:5432/name", found "mysql://x"',
    ],
  ])('%j', (input, says) => expect(problemOf(input)).toBe(says));

  it('names at most five problems and counts the rest', () => {
    const lines = problemOf({ a: 1, b: 1, c: 1, d: 1, e: 1, f: 1, g: 1 }).split('\n');
    expect(lines).toHaveLength(6);
    expect(lines[5]).toBe('… and 2 more like these');
  });

  it('asks for an upgrade when a newer Moat wrote the file', () => {
    expect(problemOf({ schemaVersion: 2 })).toContain('upgrade moatlm');
  });
});

describe('the command line', () => {
  it('has one flag of its own for every field', () => {
    const flags = configFields.map(({ flag }) => flag);
    expect(new Set(flags).size).toBe(flags.length);
    for (const flag of flags) expect(flag).toMatch(/^[a-z]+(-[a-z]+)*$/);
  });

  it('reads values by the kind of their field', () => {
    expect(readAssignment('business.machineHourlyPrice=0.20')).toMatchObject({ value: '0.20' });
    expect(readAssignment('train.steps=300')).toMatchObject({ path: 'train.steps', value: 300 });
    expect(readAssignment('model.tieWordEmbeddings=true').value).toBe(true);
    expect(() => readAssignment('train.steps')).toThrow('expected FIELD=VALUE');
    expect(() => readAssignment('train.stepz=1')).toThrow('did you mean train.steps?');
    const steps = configFields.find(({ path: field }) => field === 'train.steps');
    if (steps !== undefined) expect(() => readOverride(steps, 'many')).toThrow('--steps: expected a whole number');
    expect(steps).toBeDefined();
  });
});

describe('a project on disk', () => {
  let root = '';
  beforeEach(async () => {
    root = await mkdtemp(path.join(tmpdir(), 'moat-config-'));
  });
  afterEach(() => rm(root, { recursive: true, force: true }));

  it('is found from a folder inside, runs TypeScript, and imports moatlm without it being installed', async () => {
    await writeFile(
      path.join(root, 'moat.config.ts'),
      `import { defineConfig } from 'moatlm';\nconst steps: number = 7;\nexport default defineConfig({ name: '小店', train: { steps } });\n`,
    );
    const inside = path.join(root, 'data', 'deep');
    await mkdir(inside, { recursive: true });
    const project = await loadProject(inside, { env: {}, overrides: [readAssignment('train.seed=9')] });
    expect(project.root).toBe(root);
    expect(project.config).toMatchObject({ name: '小店', train: { steps: 7, seed: 9 } });
    expect(project.resolve('runs', 'a')).toBe(path.join(root, 'runs', 'a'));
  });

  it.each([
    ['moat.config.json', '{"name":"j"}'],
    ['moat.config.mjs', 'export default { name: "j" };'],
    ['moat.config.js', 'export default { name: "j" };'],
  ])('may be written as %s', async (name, text) => {
    await writeFile(path.join(root, name), text);
    expect((await loadProject(root, { env: {} })).config.name).toBe('j');
  });

  it('says where a file cannot be read', async () => {
    await writeFile(path.join(root, 'moat.config.ts'), 'export default {\n  a: ');
    await expect(loadProject(root, { env: {} })).rejects.toThrow(/moat\.config\.ts: Unexpected token at line 2/);
    await writeFile(path.join(root, 'moat.config.ts'), 'throw new Error("my own");');
    await expect(loadProject(root, { env: {} })).rejects.toMatchObject({
      code: 'config-unreadable',
      message: expect.stringContaining('my own'),
    });
  });

  it('names the option when two fields do not fit together', async () => {
    await writeFile(path.join(root, 'moat.config.json'), '{}');
    const overrides = [{ path: 'train.sequenceLength', value: 999, label: '--sequence-length' }];
    await expect(loadProject(root, { env: {}, overrides })).rejects.toThrow(/^--sequence-length: expected at most/);
  });

  it('is refused, or stood in for by defaults, where there is none', async () => {
    if ((await findConfigFile(root)) !== undefined) return; // somebody keeps a project above the temporary folder
    await expect(loadProject(root, { env: {} })).rejects.toMatchObject({ code: 'no-project' });
    expect(await loadProject(root, { env: {}, orDefaults: true })).toMatchObject({ root, configFile: undefined });
  });

  it('fits the type that a founder writes against', () => {
    const config = defineConfig({
      model: { depth: 8 },
      train: { minutes: 3 },
      business: { machineHourlyPrice: '0.05' },
    });
    expect(resolve(config).model.layers).toBe(8);
  });
});
