import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { exampleReport } from '../../../tests/studio/example-report.js';
import { loadProject } from '../config/project.js';
import { keepEvaluation } from './keep-evaluation.js';

let root: string;
beforeAll(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'moat-evaluations-'));
});
afterAll(() => rm(root, { recursive: true }));

test('what was measured is kept under the names of model and file; without a project nothing is written', async () => {
  const report = exampleReport('my model');
  const none = await loadProject(root, { env: {}, orDefaults: true });
  expect(await keepEvaluation(none, report, '/data/new mails.jsonl')).toBeUndefined();
  await writeFile(path.join(root, 'moat.config.ts'), 'export default {};\n');
  const project = await loadProject(root, { env: {} });
  const folder = await keepEvaluation(project, report, '/data/..new mails.jsonl');
  expect(folder).toMatch(/^evaluations.my-model-[0-9a-f]{6}--new-mails-[0-9a-f]{6}$/);
  const file = path.join(root, folder ?? '', 'report.json');
  expect(JSON.parse(await readFile(file, 'utf8'))).toMatchObject({ name: 'my model', items: { metric: 'accuracy' } });
  const chinese = await Promise.all(
    ['数据', '新数据'].map((name) => keepEvaluation(project, exampleReport('mails'), `/data/${name}.jsonl`)),
  );
  for (const each of chinese) expect(each).toMatch(/^evaluations.mails--[0-9a-f]{6}$/);
  expect(new Set(chinese).size).toBe(2);
});
