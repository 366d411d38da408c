import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Writable } from 'node:stream';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { manualClock } from '../../base/clock.js';
import { openDatabase, type Database } from '../../company/store/database.js';
import { commands } from '../commands.js';
import { createInterruption } from '../interruption.js';
import { runProgram } from '../program.js';

class Sink extends Writable {
  text = '';
  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString();
    done();
  }
}

const clock = manualClock(Date.UTC(2030, 0, 1));
let cwd: string;
// Held open, so that the server does not start anew for every command.
let database: Database;

beforeAll(async () => {
  cwd = await mkdtemp(path.join(tmpdir(), 'moat-billing-commands-'));
  await chmod(cwd, 0o755);
  await writeFile(path.join(cwd, 'moat.config.ts'), 'export default { schemaVersion: 1 };');
  database = await openDatabase({ projectDirectory: cwd });
  const files = {
    'list.json': {
      name: 'list',
      currency: 'USD',
      models: { poet: { input: { kind: 'flat', price: '1.00' }, output: { kind: 'flat', price: '2.00' } } },
    },
    'pro.json': { name: 'pro', currency: 'USD', fee: '20.00', credit: '10.00' },
    'acme.json': { name: '艾克米', language: 'zh' },
    'company.json': { name: 'Small Models' },
  };
  for (const [name, json] of Object.entries(files)) await writeFile(path.join(cwd, name), JSON.stringify(json));
});
afterAll(async () => {
  await database.close();
  await rm(cwd, { recursive: true, force: true });
});

async function moat(...argv: string[]) {
  const [stdout, stderr] = [new Sink(), new Sink()];
  const facts = () => ({ version: '9.9.9', nodeRange: '>=20.19', bugsUrl: 'https://bugs.example' });
  const exitCode = await runProgram({
    argv,
    cwd,
    env: {},
    stdout,
    stderr,
    clock,
    interruption: createInterruption(),
    commands,
    facts,
  });
  return { exitCode, stdout: stdout.text, stderr: stderr.text };
}
async function printed(...argv: string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await moat(...argv);
  expect(exitCode, stderr).toBe(0);
  return stdout;
}

test('from a price to a paid invoice, and the proof', async () => {
  expect(await printed('prices', 'list.json', '--publish')).toContain(
    'list version 1 is in force from 2030-01-01T00:00:00.000Z on',
  );
  expect(await printed('prices', '--list')).toMatch(/list +1 +USD +2030-01-01T00:00 +in force +poet/);
  await printed('keys', 'create', 'Acme');
  expect(await printed('plans', 'publish', 'pro.json')).toContain(
    'pro version 1: 20.00 USD a month, 10.00 of usage included, stops beyond credit',
  );
  await printed('plans', 'subscribe', 'Acme', 'pro');
  expect(await printed('plans', 'list')).toMatch(/pro +1 +1 /);
  await printed('invoices', 'buyer', 'Acme', '--details', 'acme.json');
  expect(await printed('invoices', 'run')).toContain('1 invoices: 2030-000001');
  expect(await printed('invoices', 'run')).toContain('Nothing is due.');
  expect(await printed('invoices', 'list', 'Acme')).toMatch(/2030-000001 +open +20\.00 USD +20\.00 +2030-01-15/);
  expect(await printed('invoices', 'show', '2030-000001')).toMatch(/套餐 pro/);
  await printed('invoices', 'pdf', '2030-000001');
  expect((await readFile(path.join(cwd, '2030-000001.pdf'))).subarray(0, 5).toString()).toBe('%PDF-');
  await printed('invoices', 'html', '2030-000001', '-o', 'acme.html', '--language', 'en');
  expect(await readFile(path.join(cwd, 'acme.html'), 'utf8')).toContain('艾克米');
  await printed('invoices', 'credit', '2030-000001', '--amount', '5.00', '--reason', 'slow');
  await printed('invoices', 'pay', '2030-000001');
  expect(await printed('invoices', 'show', '2030-000001', '--language', 'en')).toMatch(
    /Payment received.*−15\.00 USD\n.*Amount due.* 0\.00 USD/,
  );
  await printed('invoices', 'html', 'CN-2030-000001', '-o', 'note.html');
  expect(await readFile(path.join(cwd, 'note.html'), 'utf8')).toContain('对应账单 2030-000001');
  await printed('invoices', 'pdf', 'CN-2030-000001');
  expect((await moat('invoices', 'pdf', 'CN-2031-000001')).stderr).toContain('does not exist');
  expect(await printed('audit')).toMatch(/balanced/);
});

test('usage: added late, listed, corrected, dropped; budgets with their alerts', async () => {
  await printed('budgets', 'set', 'Acme', '--limit', '2.00');
  clock.advance(3_600_000);
  const added = await printed(
    'usage',
    'add',
    'Acme',
    '--model',
    'poet',
    '--time',
    '2030-01-01T00:30:00Z',
    '--output',
    '1000000',
    '--reference',
    'a',
  );
  expect(added).toContain('2.00 USD');
  const [, id = ''] = /(use_[0-9a-f]+)/.exec(added) ?? [];
  const list = await printed('usage', 'list', 'Acme');
  expect(list).toContain('finished');
  // whole also where a line has 80 columns
  expect(list).toContain(id);
  expect(Math.max(...list.split('\n').map(({ length }) => length))).toBeLessThanOrEqual(80);
  expect(await printed('usage', 'correct', id, '--output', '500000', '--reason', 'twice')).toContain(
    '1.00 instead of 2.00',
  );
  expect(await printed('budgets', 'list')).toMatch(/month +1\.00 +2\.00/);
  expect(await printed('budgets', 'alerts')).toContain('No alerts.');
  await printed('budgets', 'end', '1');
  expect(await moat('usage', 'drop', '--before', '2029-13')).toMatchObject({ exitCode: 1 });
  expect(await printed('usage', 'drop', '--before', '2029-12')).toContain('0 events are gone');
  await printed('plans', 'change', 'Acme', 'pro', '--seats', '2');
  await printed('plans', 'cancel', 'Acme', '--now');
  await printed('invoices', 'run');
  expect(await printed('audit', '--json')).toContain('"balanced":true');
  const written = await database.sql<{ action: string }[]>`select distinct action from moat.audit_log order by action`;
  expect(written.map(({ action }) => action)).toEqual(
    expect.arrayContaining([
      'budget.ended',
      'budget.set',
      'invoice.credited',
      'invoice.paid',
      'plan.begun',
      'plan.cancelled',
      'plan.changed',
      'plan.published',
      'prices.published',
      'usage.added',
      'usage.corrected',
      'usage.dropped',
    ]),
  );
});

test('what is wrong is said in one line', async () => {
  expect((await moat('invoices', 'show', '2031-000001')).stderr).toContain('invoice "2031-000001" does not exist');
  expect((await moat('plans', 'publish', 'none.json')).stderr).toContain('no such file');
  expect((await moat('plans', 'publish', 'list.json')).stderr).toContain('Unrecognized key');
  expect((await moat('invoices', 'run', '--at', '2040-01-01')).stderr).toContain('still to come');
  await database.sql`update moat.accounts set balance_micros = balance_micros - 1 where kind = 'cash'`;
  const { exitCode, stdout } = await moat('audit');
  expect([exitCode, stdout]).toEqual([1, expect.stringContaining('NOT balanced')]);
});
