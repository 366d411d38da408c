import { describe, expect, it } from 'vitest';
import { nearestName } from '../nearest-name.js';
import type { ProgramAnswer } from './check.js';
import { checkOnnxRuntime, checkPostgres, checkWasmSimd } from './engines.js';
import { checkGpu, checkTorch, checkUser } from './extras.js';
import { checkDisk, checkMemory, checkNode, compareVersions, instructionSets, parseCpuQuota } from './machine.js';

const answering = (answer: ProgramAnswer) => ({ ask: () => Promise.resolve(answer) });

describe('what is missing is said, with what to do', () => {
  it('an old Node', () => {
    expect(checkNode('18.20.0', '>=20.19')).toMatchObject({ status: 'missing', fix: expect.stringContaining('20.19') });
    expect(checkNode('20.19.0', '>=20.19').status).toBe('ok');
    expect(compareVersions('20.9', '20.19')).toBeLessThan(0);
    expect(compareVersions('22.0.0', '20.19')).toBeGreaterThan(0);
  });

  it('an engine that ends the process, or computes nonsense', async () => {
    const crashed = answering({ exitCode: undefined, output: 'Illegal instruction' });
    expect(await checkOnnxRuntime(crashed)).toMatchObject({ status: 'missing' });
    expect(await checkOnnxRuntime(answering({ exitCode: 0, output: '8' }))).toMatchObject({ status: 'missing' });
    expect(await checkOnnxRuntime(answering({ exitCode: 0, output: '7' }))).toMatchObject({ status: 'ok' });
  });

  it('a database that cannot start, unless another one is configured', async () => {
    const broken = answering({ exitCode: 127, output: 'libicuuc.so: cannot open' });
    const check = await checkPostgres({ ...broken, databaseUrl: undefined });
    expect(check).toMatchObject({ status: 'missing', detail: expect.stringContaining('libicuuc.so') });
    expect((await checkPostgres({ ...broken, databaseUrl: 'postgres://x/y' })).status).toBe('ok');
  });

  it('too little memory, and a folder that is not there', async () => {
    expect(checkMemory(0.5e9, 0.1e9).status).toBe('missing');
    expect(checkMemory(8e9, 1e9)).toEqual({ name: 'memory', status: 'ok', detail: '8.0 GB, 1.0 GB free now' });
    expect((await checkDisk({ directory: '/no/such/folder' })).status).toBe('missing');
  });

  it('extras are never called missing', async () => {
    const absent = answering({ exitCode: undefined, output: 'ENOENT' });
    expect((await checkTorch(absent)).status).toBe('optional');
    expect((await checkGpu(absent)).status).toBe('optional');
    expect(checkUser(0).status).toBe('ok');
    expect(checkWasmSimd().status).toBe('ok');
  });
});

describe("Linux's own words", () => {
  it('reads instruction sets on x86 and ARM', () => {
    expect(instructionSets('model name: x\nflags\t\t: fpu avx sse avx2 amx_tile\n')).toEqual([
      'avx',
      'avx2',
      'amx_tile',
    ]);
    expect(instructionSets('Features\t: fp asimd sve\n')).toEqual(['asimd', 'sve']);
    expect(instructionSets('')).toEqual([]);
  });

  it('reads the processors a container grants', () => {
    expect(parseCpuQuota('150000 100000\n')).toBe(1.5);
    expect(parseCpuQuota('max 100000\n')).toBeUndefined();
  });
});

describe('the nearest name', () => {
  it.each([
    ['trian', 'train'],
    ['TRAIN', 'train'],
    ['dta', 'data'],
    ['generat', 'generate'],
    ['xyz', undefined],
  ])('%s → %s', (typed, meant) => expect(nearestName(typed, ['data', 'train', 'generate'])).toBe(meant));
});
