import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type Browser, addUser, openBrowser, quickPasswords } from '../../../../tests/back-office.js';
import { type ScratchGateway, openScratchGateway } from '../../../../tests/scratch-gateway.js';
import { exampleScript } from '../../../../tests/studio/example-script.js';
import { MoatError } from '../../../base/errors.js';
import { checkpointDirectory } from '../../../lab/checkpoint/run-checkpoints.js';
import { listAuditLog } from '../../access/audit-log.js';
import type { Gateway } from '../start-gateway.js';
import type { TrainingControl } from '../training-control.js';

let opened: ScratchGateway;
let gateway: Gateway;
let developer: Browser;
const asked: unknown[][] = [];
let refusal: MoatError | undefined;

const recorded = async (...what: unknown[]): Promise<void> => {
  asked.push(what);
  if (refusal !== undefined) throw refusal;
};
const control: TrainingControl = {
  values: async (run) => ({ name: 'run-7', settings: { 'train.seed': 3 }, training: run ?? null, checkpoints: [] }),
  freeName: async () => 'run-7',
  start: (request) => recorded('start', request),
  resume: (name, fromStep) => recorded('resume', name, fromStep),
  stop: (name) => recorded('stop', name),
};

beforeAll(async () => {
  opened = await openScratchGateway([], []);
  gateway = await opened.start({ backOffice: { passwords: quickPasswords }, training: control });
  const run = path.join(opened.scratch.directory, 'runs', 'first');
  for (const step of [5, 10]) await mkdir(checkpointDirectory(run, step), { recursive: true });
  await writeFile(path.join(run, 'events.jsonl'), `${JSON.stringify(exampleScript().events[0])}\n`);
  for (const role of ['developer', 'finance'] as const)
    await addUser(opened.books.database, `${role}@example.com`, role);
  developer = openBrowser(gateway.url);
  await developer.logIn('developer@example.com');
});
beforeEach(() => {
  asked.length = 0;
  refusal = undefined;
});
afterAll(async () => {
  await gateway.close();
  await opened.close();
});

const newest = async () => (await listAuditLog(opened.books.database, { limit: 1 }))[0];
const codeOf = async (response: Response) => ((await response.json()) as { error: { code: string } }).error.code;

test('a run is started with what was changed, under the next name, and who asked for it is written down', async () => {
  const settings = { 'train.learningRate': 0.01, 'train.optimizer': 'adamw' };
  const fork = { run: 'first', withWeights: true, fromStep: 5 };
  const response = await developer.post('/api/runs', { fork, settings });
  expect([response.status, await response.json()]).toEqual([201, { name: 'run-7' }]);
  expect(asked).toEqual([['start', { name: 'run-7', fork, settings }]]);
  expect(await newest()).toMatchObject({
    actor: 'developer@example.com',
    action: 'run.start-requested',
    target: 'run-7',
    details: { fork: 'first', withWeights: true, fromStep: '5', settings: JSON.stringify(settings) },
  });
});

test('stop and resume name a run that is there', async () => {
  expect((await developer.post('/api/runs/first/stop')).status).toBe(200);
  expect(await newest()).toMatchObject({ action: 'run.stop-requested', target: 'first' });
  expect((await developer.post('/api/runs/first/resume', { fromStep: 10 })).status).toBe(200);
  expect(await newest()).toMatchObject({ action: 'run.resume-requested', details: { fromStep: '10' } });
  expect(asked).toEqual([
    ['stop', 'first'],
    ['resume', 'first', 10],
  ]);
  for (const name of ['none', '..%2Ffirst', '.moat']) {
    const response = await developer.post(`/api/runs/${name}/stop`);
    expect([response.status, await codeOf(response)]).toEqual([404, 'run_not_found']);
  }
});

test('a form begins with the settings of its run and the checkpoints on disk', async () => {
  expect(await (await developer.get('/api/runs/first/training')).json()).toEqual({
    name: 'run-7',
    settings: { 'train.seed': 3 },
    training: 'first',
    checkpoints: [5, 10],
  });
  expect(await (await developer.get('/api/training')).json()).toMatchObject({ training: null, checkpoints: [] });
});

test('what is refused is said in the one line of the command line', async () => {
  refusal = new MoatError('training-refused', 'runs/first: a run of this name exists', {
    fix: 'Choose another --name.',
  });
  const response = await developer.post('/api/runs', { settings: {} });
  expect([response.status, await response.json()]).toMatchObject([
    409,
    { error: { code: 'training_refused', message: 'runs/first: a run of this name exists. Choose another --name.' } },
  ]);
});

test.each([
  ['a name that leads elsewhere', { name: '../x', settings: {} }],
  ['a fork of what is no run’s name', { fork: { run: '-x', withWeights: false }, settings: {} }],
  ['a setting that is none of these', { settings: { 'serve.host': '0.0.0.0' } }],
  ['a value that is no setting’s', { settings: { 'train.seed': [1] } }],
  ['a step that is none', { fork: { run: 'first', withWeights: true, fromStep: -1 }, settings: {} }],
  ['no settings', {}],
])('%s is refused before anything is asked', async (_, body) => {
  const response = await developer.post('/api/runs', body);
  expect([response.status, await codeOf(response)]).toEqual([400, 'invalid_value']);
  expect(asked).toEqual([]);
});

test('whoever may not see runs, and whoever was tricked into asking, starts none', async () => {
  const finance = openBrowser(gateway.url);
  await finance.logIn('finance@example.com');
  expect(await codeOf(await finance.post('/api/runs', { settings: {} }))).toBe('forbidden');
  const tricked = await developer.post('/api/runs', { settings: {} }, { 'x-csrf-token': '' });
  expect(await codeOf(tricked)).toBe('wrong_csrf_token');
  const elsewhere = await developer.post('/api/runs/first/stop', {}, { origin: 'https://evil.example' });
  expect(await codeOf(elsewhere)).toBe('wrong_origin');
  expect(asked).toEqual([]);
});
