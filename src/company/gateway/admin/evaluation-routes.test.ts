import { mkdir, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ScratchGateway, openScratchGateway } from '../../../../tests/scratch-gateway.js';
import { scriptedEngine } from '../../../../tests/scripted-engine.js';
import { exampleEvaluation, exampleReport } from '../../../../tests/studio/example-report.js';
import { writeEvaluation } from '../../../lab/eval/evaluation-file.js';
import type { EvaluationList, ReportComparison, TaskReportDetail } from '../api-types.js';

let opened: ScratchGateway;
beforeAll(async () => {
  opened = await openScratchGateway([scriptedEngine({ modelId: 'quick' })], []);
});
afterAll(async () => {
  expect(await opened.close()).toEqual([]);
});

const ask = (at = ''): Promise<Response> =>
  fetch(`${opened.gateway.url}/api/evaluations${at}`, {
    headers: { authorization: `Bearer ${opened.gateway.studioToken}` },
  });
const list = async (): Promise<EvaluationList> => (await (await ask()).json()) as EvaluationList;
const reports = async (name: string): Promise<TaskReportDetail[]> =>
  ((await (await ask(`/${name}`)).json()) as { reports: TaskReportDetail[] }).reports;

async function write(name: string, content: unknown): Promise<void> {
  const folder = path.join(opened.scratch.directory, 'models', name);
  await mkdir(folder, { recursive: true });
  await writeFile(path.join(folder, 'report.json'), typeof content === 'string' ? content : JSON.stringify(content));
}

test('what moat eval found out stands among its baselines, best first, with the step of its checkpoint', async () => {
  expect(await list()).toEqual({ runs: [], reports: [] });
  const checkpoint = path.join(opened.scratch.directory, 'runs', 'first', 'checkpoints', 'step-00000300');
  await writeEvaluation(checkpoint, exampleEvaluation);
  const { runs } = await list();
  expect(runs).toMatchObject([{ run: 'first', step: 300, documents: 212 }]);
  expect(runs[0]?.figures.map(({ name }) => name)).toEqual(['model', 'brotliPrimed', 'sixgram', 'brotli', 'unigram']);
  expect(runs[0]?.figures[0]).toMatchObject({ value: 1.42, interval: { low: exampleEvaluation.model.low } });
  expect(runs[0]?.figures[1]?.interval).toBeNull();
});

test('a report comes whole but bounded: undefined scores are null, long texts are cut; one of several tasks is told apart', async () => {
  const report = exampleReport('mails');
  const [worst] = report.worst;
  if (worst === undefined) throw new Error('the example has worst answers');
  await write('mails', {
    ...report,
    worst: [...report.worst, ...Array.from({ length: 300 }, () => ({ ...worst, input: 'x'.repeat(9000) }))],
  });
  await write('both', { tasks: ['a', 'b'].map((name) => ({ name, figures: exampleReport(name) })) });
  const summaries = (await list()).reports;
  expect(summaries.map(({ model, part }) => [model, part]).sort()).toEqual([
    ['both', 'a'],
    ['both', 'b'],
    ['mails', null],
  ]);
  expect(summaries.find(({ model }) => model === 'mails')?.score).toMatchObject({ metric: 'macro-F1', value: 0.9 });
  const [detail] = await reports('mails');
  expect(detail?.scores[2]).toMatchObject({ metric: 'ROC AUC', value: null });
  expect(detail?.worst).toHaveLength(100);
  expect(detail?.worst[2]?.input).toHaveLength(601);
  expect(detail?.peers.map(({ comparison }) => comparison.verdict)).toEqual(['better', 'not decisive']);
  expect(detail?.tables[0]?.rows[0]).toEqual(['delivery', 37, 1, 3]);
  expect((await reports('both')).map(({ part }) => part)).toEqual(['a', 'b']);
});

test.each(['..', '..%2Fruns', '%2e%2e%2f.moat', '.hidden', 'none', `${'x'.repeat(200)}`])(
  'the name %s leads nowhere',
  async (name) => {
    expect((await ask(`/${name}`)).status).toBeGreaterThanOrEqual(400);
  },
);

test('what is no report is passed over: torn, of another shape, too large, no file', async () => {
  const before = (await list()).reports.length;
  await write('torn', '{"scores":[');
  await write('other', { scores: 1 });
  await write('huge', JSON.stringify({ ...exampleReport('huge'), padding: 'x'.repeat(5_000_000) }));
  await symlink('/dev/zero', path.join(opened.scratch.directory, 'models', 'endless'));
  expect((await list()).reports).toHaveLength(before);
  expect((await ask('/huge')).status).toBe(404);
});

test('two reports are compared on the examples they share, one of moat eval among them', async () => {
  const compare = async (left: string, right: string): Promise<Response> =>
    fetch(`${opened.gateway.url}/api/evaluation-comparison?${new URLSearchParams({ left, right })}`, {
      headers: { authorization: `Bearer ${opened.gateway.studioToken}` },
    });
  await write('fitted', exampleReport('fitted', 0.9));
  await write('pair', { tasks: [{ name: 'topic', figures: exampleReport('pair', 0.5) }] });
  const measured = exampleReport('other', 0.7);
  const folder = path.join(opened.scratch.directory, 'evaluations', 'other--new');
  await mkdir(folder, { recursive: true });
  const content = { ...measured, data: { ...measured.data, train: 0, validation: 0 } };
  await writeFile(path.join(folder, 'report.json'), JSON.stringify(content));
  expect((await list()).reports.find(({ model }) => model === 'other--new')?.measuredOn).toBe('mails.jsonl');
  expect((await reports('other--new'))[0]).not.toHaveProperty('items');
  for (const right of ['other--new', 'pair/topic']) {
    const { comparison } = (await (await compare('fitted', right)).json()) as { comparison: ReportComparison };
    expect(comparison).toMatchObject({ metric: 'accuracy', test: 'mcnemar', examples: 121, verdict: 'better' });
  }
  await write('older', { ...exampleReport('older'), items: undefined });
  expect(await (await compare('fitted', 'older')).json()).toEqual({ comparison: null });
  for (const name of ['none', '', 'pair/other', '../models/fitted'])
    expect((await compare('fitted', name)).status, name).toBe(404);
});
