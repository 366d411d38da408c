import { spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { restoreFolder, writeFolderAtomic } from './atomic-folder.js';

let root: string;
beforeAll(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'moat-folder-'));
});
afterAll(() => rm(root, { recursive: true, force: true }));

const fillWith = (content: string) => async (folder: string) => {
  await writeFile(path.join(folder, 'a'), content);
  await writeFile(path.join(folder, 'b'), content);
};
const newTarget = async (): Promise<string> => path.join(await mkdtemp(path.join(root, 'case-')), 'target');
const contentOf = (target: string): Promise<string> => readFile(path.join(target, 'a'), 'utf8');

describe('writeFolderAtomic', () => {
  it('makes a folder, replaces it, and leaves nothing beside it', async () => {
    const target = await newTarget();
    await writeFolderAtomic(target, fillWith('one'));
    await writeFolderAtomic(target, fillWith('two'));
    expect(await contentOf(target)).toBe('two');
    expect(await readdir(path.dirname(target))).toEqual(['target']);
  });

  it('keeps what was there when filling fails', async () => {
    const target = await newTarget();
    await writeFolderAtomic(target, fillWith('one'));
    const failing = writeFolderAtomic(target, async (folder) => {
      await fillWith('two')(folder);
      throw Object.assign(new Error('no space'), { code: 'ENOSPC' });
    });
    await expect(failing).rejects.toMatchObject({ code: 'disk-full' });
    expect(await contentOf(target)).toBe('one');
    expect(await readdir(path.dirname(target))).toEqual(['target']);
  });

  it('finishes what a kill between the two renames left', async () => {
    const target = await newTarget();
    await writeFolderAtomic(target, fillWith('one'));
    await rename(target, `${target}.previous.partial`);
    await restoreFolder(target);
    expect(await contentOf(target)).toBe('one');
    await rename(target, `${target}.previous.partial`);
    await writeFolderAtomic(target, fillWith('two'));
    expect(await contentOf(target)).toBe('two');
    expect(await readdir(path.dirname(target))).toEqual(['target']);
  });
});

describe('kill -9 while replacing', () => {
  it('leaves a whole folder, old or new', async () => {
    const target = await newTarget();
    const module = path.resolve(import.meta.dirname, 'atomic-folder.ts');
    const program = `
      import { writeFile } from 'node:fs/promises';
      import { writeFolderAtomic } from ${JSON.stringify(module)};
      for (let i = 0; ; i++) {
        await writeFolderAtomic(${JSON.stringify(target)}, async (folder) => {
          await writeFile(folder + '/a', String(i));
          await writeFile(folder + '/b', String(i));
        });
        process.stdout.write('.');
      }`;
    const script = path.join(path.dirname(target), 'replace.mts');
    await writeFile(script, program);
    for (let round = 0; round < 4; round++) {
      const child = spawn(process.execPath, ['--import', 'tsx', script], { stdio: ['ignore', 'pipe', 'inherit'] });
      await new Promise<void>((resolve) => child.stdout.once('data', () => setTimeout(resolve, 3 + 11 * round)));
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGKILL');
      await ended;
      await restoreFolder(target);
      expect(await readFile(path.join(target, 'b'), 'utf8')).toBe(await contentOf(target));
    }
  });
});
