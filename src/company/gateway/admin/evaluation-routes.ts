import { EVALUATION_FILE, type Evaluation, evaluationSchema } from '../../../lab/eval/evaluation-file.js';
import { ApiProblem } from '../api-problem.js';
import type { EvaluationList, RunEvaluation, TaskReportDetail, TaskReportSummary } from '../api-types.js';
import { type JsonRecord, readRecords } from '../json-records.js';
import { listTaskReports, readTaskReports } from '../task-reports.js';
import type { AdminRoute } from './admin-route.js';

/** How good the models are. */
export const evaluationRoutes: readonly AdminRoute[] = [
  {
    method: 'GET',
    path: '/api/evaluations',
    needs: 'runs',
    async handle({ runsDirectory, modelsDirectory }, c) {
      const [runs, reports] = await Promise.all([
        readRecords(runsDirectory, EVALUATION_FILE, evaluationSchema),
        listTaskReports(modelsDirectory),
      ]);
      return c.json({ runs: runs.map(runJson), reports: reports.map(summaryJson) } satisfies EvaluationList);
    },
  },
  {
    method: 'GET',
    path: '/api/evaluations/:name',
    needs: 'runs',
    async handle({ modelsDirectory }, c) {
      const reports = await readTaskReports(modelsDirectory, c.req.param('name') ?? '');
      if (reports.length === 0) throw new ApiProblem(404, 'report_not_found', 'There is no report of such a model.');
      return c.json({ reports });
    },
  },
];

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

const summaryJson = ({ model, part, task, scores: [score] }: TaskReportDetail): TaskReportSummary => ({
  model,
  part,
  title: task.title,
  score: score ?? null,
});
