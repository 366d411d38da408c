import { z } from 'zod';
import { MoatError } from '../../../base/errors.js';
import { assertNobodyHas, customersOfModel } from '../../billing/model-customers.js';
import { type ModelUsage, usageByModel } from '../../billing/usage.js';
import { ApiProblem } from '../api-problem.js';
import { EXPORT_KINDS } from '../../../lab/generate/export-model.js';
import type { ModelCustomerList, ModelList, ModelSource, ServedModel } from '../api-types.js';
import {
  checkpointName,
  findSource,
  promotedSource,
  publicName,
  writePromotion,
  writeWithdrawal,
} from '../model-source.js';
import { servedModels } from '../overview.js';
import { readJson } from '../request-body.js';
import { listRunModels, listTaskModels, readModelCard } from '../stored-models.js';
import { type AdminContext, type AdminRequest, type AdminRoute, auditOf } from './admin-route.js';

const promotion = z.strictObject({ name: publicName, checkpoint: checkpointName.optional() });
const withdrawal = z.strictObject({ force: z.boolean().default(false) });
const wish = z.strictObject({ kind: z.enum(EXPORT_KINDS), checkpoint: checkpointName.optional() });

/** What is served, and what could be. */
export const modelRoutes: readonly AdminRoute[] = [
  {
    method: 'GET',
    path: '/api/models',
    needs: 'runs',
    async handle(context, c) {
      const { overview, models, runs, runsDirectory, modelsDirectory } = context;
      const [served, ...stored] = await Promise.all([
        servedOf(context),
        listRunModels(runsDirectory, await runs.list()),
        listTaskModels(modelsDirectory),
      ]);
      const newestFirst = stored.flat().sort((a, b) => b.writtenAt.localeCompare(a.writtenAt));
      return c.json({
        currency: overview.currency,
        served,
        canPromote: models.canPromote,
        stored: newestFirst,
      } satisfies ModelList);
    },
  },
  {
    method: 'GET',
    path: '/api/models/:name/card',
    needs: 'runs',
    async handle({ runsDirectory }, c) {
      const card = await readModelCard(runsDirectory, c.req.param('name') ?? '');
      if (card === undefined) throw new ApiProblem(404, 'card_not_found', 'There is no card of such a model.');
      return c.json({ card });
    },
  },
  { method: 'POST', path: '/api/models/:name/promote', needs: 'models', handle: promote },
  {
    method: 'GET',
    path: '/api/served/:name/customers',
    needs: 'models',
    async handle({ books }, c) {
      const customers = await customersOfModel(books, c.req.param('name') ?? '');
      return c.json({ customers } satisfies ModelCustomerList);
    },
  },
  { method: 'POST', path: '/api/served/:name/withdraw', needs: 'models', handle: withdraw },
  { method: 'POST', path: '/api/models/:name/export', needs: 'models', handle: startExport },
  {
    method: 'GET',
    path: '/api/exports',
    needs: 'models',
    handle: async ({ exports }, c) => c.json(await exports.list()),
  },
  {
    method: 'GET',
    path: '/api/exports/:file',
    needs: 'models',
    async handle({ exports }, c) {
      const file = await exports.open(c.req.param('file') ?? '');
      if (file === undefined) throw new ApiProblem(404, 'export_not_found', 'There is no such file in exports/.');
      const headers = { 'content-type': 'application/octet-stream', 'content-length': String(file.sizeBytes) };
      return c.body(file.stream, 200, headers);
    },
  },
];

const USAGE_MS = 30 * 86_400_000;

async function servedOf({ books, overview, models }: AdminContext): Promise<ServedModel[]> {
  const from = new Date(books.clock.now() - USAGE_MS);
  const used = await usageByModel(books, { currency: overview.currency, from });
  return (await servedModels(books, overview)).map((model) => ({
    ...model,
    engineMsPerToken: perToken(used.find((usage) => usage.model === model.id)),
    source: models.sources.get(model.id) ?? null,
    isElsewhere: models.backends.get(model.id)?.health !== undefined,
    canWithdraw: models.canWithdraw(model.id),
  }));
}

const perToken = (usage: ModelUsage | undefined): number | null =>
  usage === undefined || usage.allOutputTokens === 0 ? null : usage.computeMs / usage.allOutputTokens;

/** Answers when the model does; what answered until then finishes what it was asked. */
async function promote(context: AdminContext, c: AdminRequest): Promise<Response> {
  const { models, runsDirectory } = context;
  const { name, checkpoint } = await readJson(c.env.incoming, promotion);
  const source = await findSource(runsDirectory, c.req.param('name') ?? '', checkpoint);
  await models
    .promote(name, source, () => keepPromotion(context, c, name, source))
    .catch((error: unknown) => {
      if (!(error instanceof MoatError) || error.code === 'bad-serving') throw error;
      throw new ApiProblem(409, 'model_not_loaded', `It cannot be served: ${error.line}`, { cause: error });
    });
  return c.json((await servedOf(context)).find(({ id }) => id === name));
}

/** Nothing answers under the name from the next request on. Customers who have the model are not passed over unasked. */
async function withdraw(context: AdminContext, c: AdminRequest): Promise<Response> {
  const { models, books, projectDirectory } = context;
  const name = c.req.param('name') ?? '';
  const { force } = await readJson(c.env.incoming, withdrawal);
  await models.withdraw(name, async () => {
    if (!force) await assertNobodyHas(books, name);
    await books.database.sql.begin(async (sql) => {
      const { run, checkpoint } = await promotedSource(projectDirectory, name);
      const details = { run, checkpoint, isForced: force };
      await auditOf(context, c)(sql, { action: 'model.withdrawn', target: name, details });
      await writeWithdrawal(projectDirectory, name);
    });
  });
  return c.json({ name });
}

/** What leaves the house is written down too. Answers at once; `GET /api/exports` says how far it is. */
async function startExport(context: AdminContext, c: AdminRequest): Promise<Response> {
  const { kind, checkpoint } = await readJson(c.env.incoming, wish);
  const source = await findSource(context.runsDirectory, c.req.param('name') ?? '', checkpoint);
  const job = context.exports.start(source, kind);
  await context.books.database.sql.begin(async (sql) => {
    const details = { checkpoint: source.checkpoint, kind };
    await auditOf(context, c)(sql, { action: 'model.exported', target: source.run, details });
  });
  return c.json(job, 202);
}

/** In the audit log and in `serving.json`, or in neither. */
async function keepPromotion(
  context: AdminContext,
  c: AdminRequest,
  name: string,
  { run, checkpoint }: ModelSource,
): Promise<void> {
  await context.books.database.sql.begin(async (sql) => {
    await auditOf(context, c)(sql, { action: 'model.promoted', target: name, details: { run, checkpoint } });
    await writePromotion(context.projectDirectory, name, { run, checkpoint });
  });
}
