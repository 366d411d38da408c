import { execFile } from 'node:child_process';
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const program = fileURLToPath(new URL('../../bin/moat.js', import.meta.url));

interface Ended {
  exitCode: number;
  stdout: string;
  stderr: string;
}

function moat(argv: readonly string[], cwd: string): Promise<Ended> {
  const env = { ...process.env, FORCE_COLOR: '', DATABASE_URL: '' };
  return new Promise((resolve) => {
    execFile(process.execPath, [program, ...argv], { cwd, env }, (error, stdout, stderr) => {
      resolve({ exitCode: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
}

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'moat-cli-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe('moat', () => {
  it('lists its commands and its version', async () => {
    const [help, version] = await Promise.all([moat(['--help'], folder), moat(['--version'], folder)]);
    expect(help.exitCode).toBe(0);
    expect(help.stdout).toContain('start a project in a folder');
    expect(version.stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  it('suggests the command that was meant', async () => {
    const { exitCode, stderr } = await moat(['docter'], folder);
    expect({ exitCode, stderr }).toEqual({
      exitCode: 2,
      stderr: 'moat: unknown command "docter". Did you mean `moat doctor`?\n',
    });
  });

  it('keeps quiet when nobody reads on', async () => {
    const command = `"${process.execPath}" "${program}" --help | true`;
    const stderr = await new Promise((resolve) =>
      execFile('sh', ['-c', command], (_error, _out, text) => resolve(text)),
    );
    expect(stderr).toBe('');
  });
});

describe('moat init', () => {
  it('writes a project that loads, and leaves no partial file', async () => {
    const { exitCode, stdout } = await moat(['init', "it's 小店"], folder);
    expect(exitCode).toBe(0);
    expect(stdout).toContain('Next:');
    const root = path.join(folder, "it's 小店");
    expect((await readdir(root, { recursive: true })).toSorted()).toEqual([
      '.gitignore',
      'DATA.md',
      'data',
      'moat.config.ts',
    ]);
    const doctor = await moat(['doctor', '--port', '0', '--json'], root);
    expect(JSON.parse(doctor.stdout)).toMatchObject({ ready: true });
  });

  it('refuses a folder that has a project, unless forced, and touches nothing else', async () => {
    await writeFile(path.join(folder, 'moat.config.ts'), 'mine');
    await writeFile(path.join(folder, '.gitignore'), 'secret');
    const refused = await moat(['init', '--json'], folder);
    expect(refused.exitCode).toBe(1);
    expect(JSON.parse(refused.stdout)).toMatchObject({ error: { code: 'project-exists' } });
    expect(await readdir(folder)).toHaveLength(2);
    const forced = await moat(['init', '--force', '--json'], folder);
    expect(JSON.parse(forced.stdout)).toEqual({
      root: folder,
      written: ['DATA.md', '.gitignore', 'moat.config.ts'],
    });
    expect(await readFile(path.join(folder, '.gitignore'), 'utf8')).toBe('secret\n.moat/\nruns/\nexports/\n');
  });

  it('refuses a file where the folder should be', async () => {
    await writeFile(path.join(folder, 'shop'), '');
    expect(await moat(['init', 'shop'], folder)).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining('is a file'),
    });
    expect(await moat(['init', 'shop/inner'], folder)).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining('is a file'),
    });
  });
});

describe('moat doctor', () => {
  it('answers with one object and has run the engine and the database programs', async () => {
    const { exitCode, stdout, stderr } = await moat(['doctor', '--json'], folder);
    const answer: unknown = JSON.parse(stdout);
    expect(exitCode).toBe(0);
    const check = (name: string) => expect.objectContaining({ name, status: 'ok' });
    const needed = ['Node', 'memory', 'disk', 'ONNX Runtime', 'WASM SIMD', 'PostgreSQL'].map(check);
    expect(answer).toMatchObject({ ready: true, checks: expect.arrayContaining(needed) });
    expect(stderr).toContain('This machine is ready.');
  });

  it('sees a port that is taken, and reads a wrong configuration line by line', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const { stdout } = await moat(['doctor', '--port', String(port)], folder);
    server.close();
    expect(stdout).toContain(`127.0.0.1:${port} is taken`);
    await writeFile(path.join(folder, 'moat.config.json'), '{"serve":{"prot":1},"train":{"steps":0}}');
    const { exitCode, stderr } = await moat(['doctor'], folder);
    expect(exitCode).toBe(1);
    expect(stderr).toBe(
      'moat: moat.config.json: train.steps: expected a whole number from 1 to 100000000, found 0\n' +
        'moat.config.json: serve.prot: unknown field; did you mean serve.port?\n',
    );
  });
});
