import { EVALUATION_FILE, type Evaluation, evaluationSchema } from '../../../lab/eval/evaluation-file.js';
import { ApiProblem } from '../api-problem.js';
import type { EvaluationList, RunEvaluation, TaskReportDetail, TaskReportSummary } from '../api-types.js';
import { type JsonRecord, readRecords } from '../json-records.js';
import { compareItems } from '../compare-reports.js';
import { type StoredReport, listTaskReports, readTaskReports } from '../task-reports.js';
import type { AdminContext, AdminRoute } from './admin-route.js';

/** How good the models are. */
export const evaluationRoutes: readonly AdminRoute[] = [
  {
    method: 'GET',
    path: '/api/evaluations',
    needs: 'runs',
    async handle({ runsDirectory, modelsDirectory, evaluationsDirectory }, c) {
      const [runs, ...reports] = await Promise.all([
        readRecords(runsDirectory, EVALUATION_FILE, evaluationSchema),
        listTaskReports(modelsDirectory),
        listTaskReports(evaluationsDirectory),
      ]);
      const newestFirst = reports.flat().sort((a, b) => b.writtenAt.localeCompare(a.writtenAt));
      return c.json({ runs: runs.map(runJson), reports: newestFirst.map(summaryJson) } satisfies EvaluationList);
    },
  },
  {
    method: 'GET',
    path: '/api/evaluations/:name',
    needs: 'runs',
    async handle(context, c) {
      const reports = await readTaskReports(placesOf(context), c.req.param('name') ?? '');
      if (reports.length === 0) throw new ApiProblem(404, 'report_not_found', 'There is no report of such a model.');
      return c.json({ reports: reports.map(({ detail }) => detail) });
    },
  },
  {
    method: 'GET',
    path: '/api/evaluation-comparison',
    needs: 'runs',
    async handle(context, c) {
      const [left, right] = await Promise.all(
        ['left', 'right'].map((name) => findReport(context, c.req.query(name) ?? '')),
      );
      return c.json({ comparison: compareItems(left?.items, right?.items) });
    },
  },
];

const placesOf = ({ modelsDirectory, evaluationsDirectory }: AdminContext): string[] => [
  modelsDirectory,
  evaluationsDirectory,
];

/** By the name of its model, or `model/part`. @throws ApiProblem 404 `report_not_found` */
async function findReport(context: AdminContext, key: string): Promise<StoredReport> {
  const [model = '', part = null] = key.split(/\/(.*)/s, 2);
  const reports = await readTaskReports(placesOf(context), model);
  const found = reports.find(({ detail }) => detail.part === part);
  if (found === undefined) throw new ApiProblem(404, 'report_not_found', 'There is no report of such a model.');
  return found;
}

function runJson({ name, writtenAt, content: { step, model, baselines } }: JsonRecord<Evaluation>): RunEvaluation {
  const { unigram, sixgram, brotli, brotliPrimed } = baselines;
  const scored = (which: RunEvaluation['figures'][number]['name'], { bitsPerByte, low, high }: typeof model) => ({
    name: which,
    value: bitsPerByte,
    interval: { low, high },
  });
  const figures: RunEvaluation['figures'] = [
    scored('model', model),
    scored('sixgram', sixgram),
    scored('unigram', unigram),
    { name: 'brotli', value: brotli.bitsPerByte, interval: null },
    { name: 'brotliPrimed', value: brotliPrimed.bitsPerByte, interval: null },
  ];
  return {
    run: name,
    writtenAt: writtenAt.toISOString(),
    step,
    documents: model.documents,
    figures: figures.sort((a, b) => a.value - b.value),
  };
}

const summaryJson = ({
  model,
  part,
  task,
  measuredOn,
  writtenAt,
  scores: [score],
}: TaskReportDetail): TaskReportSummary => ({
  model,
  part,
  title: task.title,
  score: score ?? null,
  measuredOn,
  writtenAt,
});
