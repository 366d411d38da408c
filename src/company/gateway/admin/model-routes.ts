import { ApiProblem } from '../api-problem.js';
import type { ModelList } from '../api-types.js';
import { servedModels } from '../overview.js';
import { listRunModels, listTaskModels, readModelCard } from '../stored-models.js';
import type { AdminRoute } from './admin-route.js';

/** What is served, and what could be. */
export const modelRoutes: readonly AdminRoute[] = [
  {
    method: 'GET',
    path: '/api/models',
    needs: 'runs',
    async handle({ books, overview, runs, runsDirectory, modelsDirectory }, c) {
      const [served, ...stored] = await Promise.all([
        servedModels(books, overview),
        listRunModels(runsDirectory, await runs.list()),
        listTaskModels(modelsDirectory),
      ]);
      const newestFirst = stored.flat().sort((a, b) => b.writtenAt.localeCompare(a.writtenAt));
      return c.json({ currency: overview.currency, served, stored: newestFirst } satisfies ModelList);
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
];
