import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Writable } from 'node:stream';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { writeModelFolder } from '../../../tests/model-folder.js';
import { systemClock } from '../../base/clock.js';
import { listAuditLog } from '../../company/access/audit-log.js';
import { loadProject } from '../config/project.js';
import { createInterruption } from '../interruption.js';
import { runProgram } from '../program.js';
import { startService } from '../stages/serve-stage.js';
import { servedFolders } from '../stages/served-folders.js';
import { command } from './models.js';

class Sink extends Writable {
  text = '';
  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString();
    done();
  }
}

let cwd: string;
beforeAll(async () => {
  cwd = await mkdtemp(path.join(tmpdir(), 'moat-promote-'));
  // root's database server runs as a system user, who has to get in; else it would live elsewhere and stay behind
  await chmod(cwd, 0o755);
  await writeFile(path.join(cwd, 'moat.config.ts'), 'export default { name: "acme" };\n');
  for (const [name, context] of [
    ['one', 64],
    ['two', 128],
  ] as const)
    await writeModelFolder(path.join(cwd, 'runs', name), {
      model_type: 'llama',
      intermediate_size: 80,
      max_position_embeddings: context,
    });
});
afterAll(() => rm(cwd, { recursive: true, force: true }));

async function run(...argv: string[]) {
  const [stdout, stderr] = [new Sink(), new Sink()];
  const exitCode = await runProgram({
    argv: ['models', ...argv],
    cwd,
    env: {},
    stdout,
    stderr,
    clock: systemClock,
    interruption: createInterruption(),
    commands: [{ name: command.name, summary: command.summary, load: () => Promise.resolve({ command }) }],
    facts: () => ({ version: '9.9.9', nodeRange: '>=20.19', bugsUrl: 'https://bugs.example' }),
  });
  return { exitCode, stdout: stdout.text, stderr: stderr.text };
}

test('what is promoted is what a server starts with, and what one that runs takes up', async () => {
  expect((await run('promoted')).stdout).toContain('Nothing was promoted');
  expect((await run('promote', 'one')).stdout).toContain('"acme" is runs/one from now on');
  const project = await loadProject(cwd, { env: {} });
  const folders = await servedFolders(project, undefined);
  expect([...folders]).toEqual([['acme', path.join(cwd, 'runs', 'one')]]);
  const service = await startService({
    project: { ...project, config: { ...project.config, serve: { ...project.config.serve, port: 0 } } },
    folders,
    clock: systemClock,
    env: {},
    onProblem: (error) => expect.unreachable(String(error)),
  });
  const contexts = (): Record<string, number | null> =>
    Object.fromEntries([...service.gateway.models.backends].map(([name, model]) => [name, model.contextLength]));
  try {
    expect(contexts()).toEqual({ acme: 64 });
    expect((await run('promote', 'two')).exitCode).toBe(0);
    expect((await run('promote', 'one', '--as', 'acme-small')).exitCode).toBe(0);
    await expect.poll(contexts, { timeout: 20_000 }).toEqual({ acme: 128, 'acme-small': 64 });
    const [last, , first] = await listAuditLog(service.books.database, { before: undefined, limit: 3 });
    expect(last).toMatchObject({ actor: 'command line', action: 'model.promoted', target: 'acme-small' });
    expect(first).toMatchObject({ target: 'acme', details: { run: 'one', checkpoint: null } });
    const answer = await fetch(`${service.gateway.url}/api/playground`, {
      method: 'POST',
      headers: { authorization: `Bearer ${service.gateway.studioToken}`, 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'acme-small', prompt: 'a', max_tokens: 2 }),
    });
    expect(await answer.text()).toContain('[DONE]');
    const { stdout } = await run('withdraw', 'acme-small');
    expect(stdout).toContain('Nothing answers as "acme-small" from now on; it was runs/one');
    await expect.poll(contexts, { timeout: 20_000 }).toEqual({ acme: 128 });
  } finally {
    await service.close();
  }
  expect(JSON.parse((await run('promoted', '--json')).stdout)).toEqual({
    promoted: [{ name: 'acme', run: 'two', checkpoint: null }],
  });
}, 120_000);

test('a run that is named stands above what was promoted; what is gone is said with what to do', async () => {
  const project = await loadProject(cwd, { env: {} });
  expect((await servedFolders(project, 'one')).get('acme')).toBe(path.join(cwd, 'runs', 'one'));
  const gone = { acme: { run: 'one', checkpoint: 'step-00000001' } };
  await writeFile(path.join(cwd, 'serving.json'), JSON.stringify({ models: gone }));
  await expect(servedFolders(project, undefined)).rejects.toMatchObject({ code: 'promoted-model-missing' });
});

test('what cannot be promoted is refused before anything is written', async () => {
  for (const [argv, message] of [
    [['promote', 'none'], 'no trained or imported model'],
    [['promote', 'one', '--as', 'two words'], 'customers cannot ask for this name'],
    [['promote', 'one', '--checkpoint', 'last'], 'no name of a checkpoint'],
    [['promote'], 'what it is about is missing'],
    [['withdraw', 'none'], 'nothing was promoted to this name'],
    [['withdraw', 'acme'], "the project's own name"],
    [['dance'], 'not an action'],
  ] as const)
    expect((await run(...argv)).stderr, argv.join(' ')).toContain(message);
  expect((await run()).stdout).toContain('architecture');
});
