import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import { z } from 'zod';
import { busy } from '../api-problem.js';
import { readOverview } from '../overview.js';
import { streamRun } from '../run-stream.js';
import { runNotFound } from './training-routes.js';
import type { AdminContext, AdminRequest, AdminRoute } from './admin-route.js';

const MAX_FOLLOWERS = 64;

/** The studio's pages: the day's figures, the runs, the playground. */
export const studioRoutes: readonly AdminRoute[] = [
  {
    method: 'GET',
    path: '/api/overview',
    needs: 'figures',
    handle: async ({ books, overview }, c) => c.json(await readOverview(books, overview)),
  },
  {
    method: 'GET',
    path: '/api/runs',
    needs: 'runs',
    handle: async ({ runs }, c) => c.json({ runs: await runs.list() }),
  },
  {
    method: 'GET',
    path: '/api/runs/:name/curve',
    needs: 'runs',
    async handle({ runs }, c) {
      const curve = await runs.curve(c.req.param('name') ?? '');
      if (curve === undefined) throw runNotFound();
      return c.json(curve);
    },
  },
  { method: 'GET', path: '/api/runs/:name/events', needs: 'runs', handle: follow },
  { method: 'POST', path: '/api/playground', needs: 'playground', handle: ({ playground }, c) => playground(c.env) },
];

const followers = new WeakMap<AdminContext, number>();

async function follow(context: AdminContext, c: AdminRequest): Promise<Response> {
  const { runs, shutdown } = context;
  const name = c.req.param('name') ?? '';
  if (!(await runs.has(name))) throw runNotFound();
  if ((followers.get(context) ?? 0) >= MAX_FOLLOWERS) throw busy();
  const fromLine = z.coerce
    .number()
    .int()
    .min(0)
    .catch(0)
    .parse(c.req.query('from') ?? 0);
  const count = (by: 1 | -1): unknown => followers.set(context, (followers.get(context) ?? 0) + by);
  count(1);
  const lines = (signal: AbortSignal) => runs.follow(name, fromLine, signal);
  await streamRun(lines, c.env.outgoing, shutdown).finally(() => count(-1));
  return RESPONSE_ALREADY_SENT;
}
