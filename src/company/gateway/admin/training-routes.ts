import path from 'node:path';
import { z } from 'zod';
import { listCheckpoints } from '../../../lab/checkpoint/run-checkpoints.js';
import { ApiProblem } from '../api-problem.js';
import { RUN_SETTINGS, type RunFormValues, type RunSettings, type TrainingControl } from '../training-control.js';
import { readJson } from '../request-body.js';
import { type AdminContext, type AdminRequest, type AdminRoute, auditOf, line } from './admin-route.js';

const runName = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/, 'letters, digits, ".", "_" and "-"');
const step = z.int().min(1).max(1e15);
/** What each may be, the project's own schema says; here only that it is one and of a bounded size. */
const settings = z.partialRecord(z.enum(RUN_SETTINGS), z.union([z.number(), z.boolean(), line(2000)]));

const newRun = z.strictObject({
  name: runName.optional(),
  fork: z.strictObject({ run: runName, withWeights: z.boolean(), fromStep: step.optional() }).optional(),
  settings,
});
const resumed = z.strictObject({ fromStep: step.optional() });

/** Training from the studio: every request is written down before it is carried out. */
export const trainingRoutes: readonly AdminRoute[] = [
  {
    method: 'GET',
    path: '/api/training',
    needs: 'runs',
    handle: async (context, c) => c.json((await controlOf(context).values(undefined)) satisfies RunFormValues),
  },
  { method: 'POST', path: '/api/runs', needs: 'runs', handle: start },
  { method: 'GET', path: '/api/runs/:name/training', needs: 'runs', handle: showRun },
  { method: 'POST', path: '/api/runs/:name/stop', needs: 'runs', handle: stop },
  { method: 'POST', path: '/api/runs/:name/resume', needs: 'runs', handle: resume },
];

function controlOf({ training }: AdminContext): TrainingControl {
  if (training !== undefined) return training;
  throw new ApiProblem(404, 'training_elsewhere', 'This server cannot train. Use moat train in the project’s folder.');
}

/** @throws ApiProblem 404 `run_not_found` */
async function nameOf({ runs }: AdminContext, c: AdminRequest): Promise<string> {
  const name = c.req.param('name') ?? '';
  if (await runs.has(name)) return name;
  throw runNotFound();
}

export const runNotFound = (): ApiProblem => new ApiProblem(404, 'run_not_found', 'There is no such run.');

async function start(context: AdminContext, c: AdminRequest): Promise<Response> {
  const control = controlOf(context);
  const { name: wanted, fork, settings: given } = await readJson(c.env.incoming, newRun);
  const name = wanted ?? (await control.freeName());
  await writeDown(context, c, {
    action: 'run.start-requested',
    target: name,
    details: {
      fork: fork?.run ?? null,
      withWeights: fork?.withWeights ?? false,
      fromStep: fork?.fromStep === undefined ? null : String(fork.fromStep),
      settings: JSON.stringify(given),
    },
  });
  await control.start({ name, fork, settings: given as RunSettings });
  return c.json({ name }, 201);
}

async function showRun(context: AdminContext, c: AdminRequest): Promise<Response> {
  const control = controlOf(context);
  const name = await nameOf(context, c);
  const checkpoints = await listCheckpoints(path.join(context.runsDirectory, name));
  const values = await control.values(name);
  return c.json({ ...values, checkpoints: checkpoints.map((each) => each.step) } satisfies RunFormValues);
}

async function stop(context: AdminContext, c: AdminRequest): Promise<Response> {
  const control = controlOf(context);
  const name = await nameOf(context, c);
  await writeDown(context, c, { action: 'run.stop-requested', target: name });
  await control.stop(name);
  return c.json({ name });
}

async function resume(context: AdminContext, c: AdminRequest): Promise<Response> {
  const control = controlOf(context);
  const name = await nameOf(context, c);
  const { fromStep } = await readJson(c.env.incoming, resumed);
  const details = { fromStep: fromStep === undefined ? null : String(fromStep) };
  await writeDown(context, c, { action: 'run.resume-requested', target: name, details });
  await control.resume(name, fromStep);
  return c.json({ name });
}

async function writeDown(
  context: AdminContext,
  c: AdminRequest,
  change: Parameters<ReturnType<typeof auditOf>>[1],
): Promise<void> {
  await context.books.database.sql.begin((sql) => auditOf(context, c)(sql, change));
}
