import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { chmod, mkdir, mkdtemp, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Writable } from 'node:stream';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { BUSINESS_YAML } from '../../../tests/business-example.js';
import { manualClock } from '../../base/clock.js';
import { type Database, openDatabase } from '../../company/store/database.js';
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

const clock = manualClock(Date.UTC(2026, 10, 1, 12));
let cwd: string;
// Held open, so that the server does not start anew for every command.
let database: Database;
let server: Server;

beforeAll(async () => {
  cwd = await mkdtemp(path.join(tmpdir(), 'moat-business-commands-'));
  await chmod(cwd, 0o755);
  await writeFile(
    path.join(cwd, 'moat.config.ts'),
    "export default { schemaVersion: 1, name: 'shop', serve: { modelId: 'shop' }, business: { machineHourlyPrice: '0.36' } };",
  );
  database = await openDatabase({ projectDirectory: cwd });
  const files = {
    'list.json': {
      name: 'list',
      currency: 'USD',
      models: { shop: { input: { kind: 'flat', price: '0.00' }, output: { kind: 'flat', price: '2.00' } } },
    },
    'pro.json': { name: 'pro', currency: 'USD', fee: '20.00' },
    'company.json': { name: 'Small Models' },
  };
  for (const [name, json] of Object.entries(files)) await writeFile(path.join(cwd, name), JSON.stringify(json));
  const events = [
    { type: 'start', time: '2026-11-01T00:00:00.000Z', device: 'cpu', joules: 0 },
    { type: 'done', time: '2026-11-01T01:00:00.000Z', reason: 'failed', tokensSeen: 5, joules: 36_000 },
  ];
  await mkdir(path.join(cwd, 'runs', 'first'), { recursive: true });
  await writeFile(
    path.join(cwd, 'runs', 'first', 'events.jsonl'),
    events.map((event) => `${JSON.stringify(event)}\n`).join(''),
  );
  server = createServer((request, response) => {
    request.resume().on('end', () => {
      clock.advance(100);
      response.end(
        'data: {"choices":[{"delta":{"content":"a"}}]}\n\ndata: {"choices":[],"usage":{"prompt_tokens":20,"completion_tokens":8}}\n\ndata: [DONE]\n\n',
      );
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterAll(async () => {
  await new Promise((resolve) => server.close(resolve));
  await database.close();
  await rm(cwd, { recursive: true, force: true });
});

async function moat(...argv: string[]) {
  const [stdout, stderr] = [new Sink(), new Sink()];
  const facts = () => ({ version: '9.9.9', nodeRange: '>=20.19', bugsUrl: 'https://bugs.example' });
  const interruption = createInterruption();
  const exitCode = await runProgram({ argv, cwd, env: {}, stdout, stderr, clock, interruption, commands, facts });
  return { exitCode, stdout: stdout.text, stderr: stderr.text };
}
async function printed(...argv: string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await moat(...argv);
  expect(exitCode, stderr).toBe(0);
  return stdout;
}

test('a project without a business file says what is missing, and where to write it', async () => {
  expect(await printed('business')).toMatch(/training +0\.36 USD so far/);
  expect(await printed('business', 'load')).toContain('Nothing was measured yet: moat bench serve.');
  expect((await moat('business', 'canvas')).stderr).toContain('there is no business.yaml');
  expect((await moat('business', 'everything')).stderr).toContain('summary, costs, load');
  expect((await moat('business', 'facts', '--month', '2026-13')).stderr).toContain('"2026-13" is not a month');
  expect(await printed('business', 'report')).toMatch(/result of the month +missing/);
});

test('bench serve measures a server elsewhere and keeps what it measured', async () => {
  const target = `openai:shop@http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
  const text = await printed('bench', 'serve', '--target', target, '--concurrency', '1,2', '--rounds', '2');
  expect(text).toContain('written/s');
  const curve: unknown = JSON.parse(await readFile(path.join(cwd, 'business', 'load-curve.json'), 'utf8'));
  // One request at a time, each a tenth of a second by this clock: 8 tokens written, 20 read.
  const round = {
    decodeTokensPerSecond: expect.closeTo(80, 6),
    prefillTokensPerSecond: expect.closeTo(200, 6),
    failed: 0,
  };
  expect(curve).toMatchObject({
    model: 'shop',
    points: [{ concurrency: 1, rounds: [round, round] }, { concurrency: 2 }],
  });
  expect((await moat('bench', 'serve', '--concurrency', '0')).stderr).toContain('"0" is not a list of numbers');
  expect((await moat('bench', 'train')).stderr).toContain('"train" is not a benchmark');
});

test('a month of a company, from its books to the page', async () => {
  const report = {
    time: { fitSeconds: 8, predictSeconds: 2 },
    scores: [{ metric: 'accuracy', better: 'higher', value: 0.87, low: 0.84, high: 0.9 }],
    peers: [
      { name: 'majority', kind: 'baseline', comparison: { value: 0.5, verdict: 'better' } },
      { name: 'Giant-XL', kind: 'peer', comparison: { value: 0.81, verdict: 'better' } },
    ],
  };
  await mkdir(path.join(cwd, 'models', 'faq'), { recursive: true });
  const reportFile = path.join(cwd, 'models', 'faq', 'report.json');
  await writeFile(reportFile, JSON.stringify(report));
  await utimes(reportFile, new Date('2026-10-05'), new Date('2026-10-05'));
  await writeFile(path.join(cwd, 'business.yaml'), BUSINESS_YAML);
  await printed('prices', 'list.json', '--publish');
  await printed('keys', 'create', 'Cedar', '--credit', '50.00');
  await printed('keys', 'credit', 'Cedar', '--credit', '5.00', '--gift');
  await printed('plans', 'publish', 'pro.json');
  await printed('plans', 'subscribe', 'Cedar', 'pro');
  await printed('invoices', 'run');
  clock.advance(3_600_000);
  await printed(
    'usage',
    'add',
    'Cedar',
    '--model',
    'shop',
    '--time',
    '2026-11-01T12:30:00Z',
    '--input',
    '2000000',
    '--output',
    '10000000',
    '--reference',
    'a',
  );
  clock.setWall(Date.UTC(2026, 11, 1, 12));

  expect(await printed('business', 'costs', '--month', '2026-11')).toMatch(
    /first +failed +cpu +1h 00m +10\.0 Wh +\$0\.363/,
  );
  // 0.36 for the hour; 10 Wh at 0.30 are 0.003.
  const facts = JSON.parse(await printed('business', 'facts', '--month', '2026-11', '--json')) as {
    facts: { id: string; value: unknown }[];
  };
  const values = Object.fromEntries(facts.facts.map(({ id, value }) => [id, value]));
  expect(values).toMatchObject({
    'revenue.services': '20000000',
    'revenue.software': '20000000',
    'revenue.other': '30000000',
    'revenue.total': '70000000',
    'revenue.mrr': '20000000',
    'cost.serving': '259200000',
    'cost.training': '363000',
    'cost.payments': '1750000', // 50 × 2.9 % + 0.30
    'cost.givenAway': '5000000',
    'customers.paying': 1,
    'customers.new': 1,
    'customers.churn': null,
    'load.outputTokens': 10_000_000,
    'quality.own': 0.87,
    'quality.giant': 0.81,
    'resources.runs': 2,
  });
  expect(await printed('business', 'load', '--month', '2026-11')).toMatch(/hours paid +720/);
  expect(await printed('business', 'scenario', '--month', '2026-11')).toMatch(/new customers a month +−\$[\d,.]+ +\$/);
  expect(await printed('business', 'market', '--month', '2026-11')).toMatch(/Giant-XL +\$2\.50 +\$10\.00/);
  await printed(
    'business',
    'canvas',
    '--month',
    '2026-11',
    '--md',
    'canvas.md',
    '--html',
    'canvas.html',
    '--page-language',
    'zh-CN',
  );
  expect(await readFile(path.join(cwd, 'canvas.md'), 'utf8')).toContain(
    '- Usage **US$20.00** (`moat usage list --json`) _实测_',
  );
  await printed('business', 'report', '--month', '2026-11', '--html', 'report.html');
  const page = await readFile(path.join(cwd, 'report.html'), 'utf8');
  expect(page).toContain('The books balance');
  expect(page).toContain('November 2026');
});

test('a business file that is wrong is refused by the field', async () => {
  await writeFile(path.join(cwd, 'business.yaml'), 'serving: { machines: none }\n');
  expect((await moat('business', 'report')).stderr).toContain('business.yaml: serving.machines');
  await writeFile(path.join(cwd, 'business.yaml'), 'canvas: [\n');
  expect((await moat('business', 'canvas')).stderr).toMatch(/business\.yaml: .*line 2/);
});
