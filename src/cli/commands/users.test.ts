import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { PassThrough, Writable } from 'node:stream';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../base/clock.js';
import { openDatabase } from '../../company/store/database.js';
import { listAuditLog } from '../../company/access/audit-log.js';
import { createInterruption } from '../interruption.js';
import { runProgram } from '../program.js';
import { command } from './users.js';

class Sink extends Writable {
  text = '';
  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString();
    done();
  }
}

/** A terminal at which somebody types, one chunk after each question. */
class Keyboard extends PassThrough {
  readonly isTTY = true;
  readonly modes: boolean[] = [];
  setRawMode(on: boolean): void {
    this.modes.push(on);
  }
}

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'users-'));
  await chmod(folder, 0o755);
  await writeFile(path.join(folder, 'moat.config.ts'), 'export default {};\n');
});
afterAll(() => rm(folder, { recursive: true }));

const PASSWORD = 'correct horse battery staple';

async function run(
  argv: readonly string[],
  typed: readonly string[] = [],
  stdin: Keyboard | PassThrough = new PassThrough(),
) {
  const [stdout, stderr] = [new Sink(), new Sink()];
  const pending = [...typed];
  const watched = new Writable({
    write(chunk: Buffer, _encoding, done) {
      stderr.write(chunk);
      if (chunk.toString().endsWith(': ')) stdin.write(pending.shift() ?? '');
      done();
    },
  });
  if (!(stdin instanceof Keyboard)) stdin.end(typed.join(''));
  const exitCode = await runProgram({
    argv: ['users', ...argv],
    cwd: folder,
    env: {},
    stdout,
    stderr: watched,
    stdin,
    clock: systemClock,
    interruption: createInterruption(),
    commands: [{ name: command.name, summary: command.summary, load: () => Promise.resolve({ command }) }],
    facts: () => ({ version: '9.9.9', nodeRange: '>=20.19', bugsUrl: 'https://bugs.example' }),
  });
  return { exitCode, stdout: stdout.text, stderr: stderr.text };
}

test('the first owner’s password is typed twice and unseen, corrections included', async () => {
  const keyboard = new Keyboard();
  const argv = ['create', 'ann@acme.com', '--role', 'owner', '--name', 'Ann'];
  const first = await run(argv, [`${PASSWORD}xx\u007f\u007f\u001b[D\r`, `${PASSWORD}\n`], keyboard);
  expect(first).toMatchObject({ exitCode: 0, stdout: 'ann@acme.com is owner\n' });
  expect(first.stderr).toBe('Password: \nOnce more: \n');
  expect(keyboard.modes).toEqual([true, false, true, false]);
  const slip = await run(['reset', 'ann@acme.com'], [`${PASSWORD}\r`, 'something else\r'], new Keyboard());
  expect([slip.exitCode, slip.stderr]).toEqual([1, expect.stringContaining('the two passwords differ')]);
  const stopped = new Keyboard();
  expect((await run(['reset', 'ann@acme.com'], ['half\u0003'], stopped)).exitCode).toBe(130);
  expect(stopped.modes).toEqual([true, false]);
});

test('from a pipe it is the first line; a weak one and none are refused, and never shown', async () => {
  expect((await run(['create', 'bob@acme.com'], [`${PASSWORD}\nmore`])).stdout).toBe('bob@acme.com is viewer\n');
  const weak = await run(['create', 'carl@acme.com', '--json'], ['password12345\n']);
  expect(weak.exitCode).toBe(1);
  expect(JSON.parse(weak.stdout)).toMatchObject({ error: { code: 'weak-password' } });
  expect(weak.stdout + weak.stderr).not.toContain('password12345');
  expect((await run(['create', 'carl@acme.com'])).stderr).toContain('no password was given');
});

test('invited, given a role, listed, disabled; the last owner stays', async () => {
  const invited = await run(['create', 'dora@acme.com', '--invite', '--json']);
  expect(JSON.parse(invited.stdout)).toMatchObject({
    user: { email: 'dora@acme.com', role: 'viewer', canSignIn: false },
    setupToken: expect.stringMatching(/^moat_setup_/),
  });
  expect((await run(['role', 'DORA@acme.com', '--role', 'finance'])).stdout).toBe('dora@acme.com is finance\n');
  expect((await run(['disable', 'bob@acme.com'])).exitCode).toBe(0);
  expect((await run(['enable', 'bob@acme.com'])).stdout).toBe('bob@acme.com may sign in again\n');
  expect((await run(['disable', 'bob@acme.com'])).exitCode).toBe(0);
  const { stdout } = await run(['list']);
  expect(stdout).toMatch(/ann@acme\.com +Ann +owner +active/);
  expect(stdout).toMatch(/bob@acme\.com .* viewer +disabled/);
  expect(stdout).toMatch(/dora@acme\.com .* finance +invited/);
  expect((await run(['disable', 'ann@acme.com'])).stderr).toContain('ann@acme.com is the last owner who can sign in');
  for (const argv of [['role', 'ann@acme.com'], ['role', 'ann@acme.com', '--role', 'god'], ['create'], ['dance']])
    expect((await run(argv)).exitCode).not.toBe(0);
  const database = await openDatabase({ projectDirectory: folder });
  const entries = await listAuditLog(database);
  await database.close();
  expect(entries.map(({ actor, action }) => [actor, action])).toEqual([
    ['command line', 'user.disabled'],
    ['command line', 'user.enabled'],
    ['command line', 'user.disabled'],
    ['command line', 'user.role-changed'],
    ['command line', 'user.created'],
    ['command line', 'user.created'],
    ['command line', 'user.created'],
  ]);
});
