/** Which interpreter is taken, and what it is said to lack. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { findPython } from './torchrun.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'moat-find-python-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** An interpreter with these packages, whatever it is asked. */
async function pythonWith(name: string, found: Record<string, string | null>): Promise<string> {
  const file = path.join(folder, name);
  const answer = JSON.stringify({ found, gpus: 2 });
  await writeFile(file, `#!/bin/sh\necho '${answer}'\n`, { mode: 0o755 });
  return file;
}

const WHOLE = { torch: '2.15.0', transformers: '5.24.0', safetensors: '0.8.0' };

test('peft is asked for where adapters are trained, and only there', async () => {
  const python = await pythonWith('bare', { ...WHOLE, peft: null });
  const missing = path.join(folder, 'nowhere');
  expect(await findPython([missing, python], 'r.txt')).toEqual({ executable: python, gpuCount: 2 });
  await expect(findPython([missing, python], 'r.txt', { adapters: true })).rejects.toMatchObject({
    code: 'python-packages',
    message: `${python}: peft is not installed`,
  });
  const old = await pythonWith('old', { ...WHOLE, peft: '0.20.1' });
  await expect(findPython([old], 'r.txt', { adapters: true })).rejects.toThrow('peft 0.20.1 is older than 0.21');
  const whole = await pythonWith('whole', { ...WHOLE, peft: '0.21.2' });
  expect(await findPython([whole], 'r.txt', { adapters: true })).toMatchObject({ executable: whole });
});

test('no interpreter that starts', async () => {
  await expect(findPython([path.join(folder, 'nowhere')], 'r.txt')).rejects.toMatchObject({ code: 'no-python' });
});
