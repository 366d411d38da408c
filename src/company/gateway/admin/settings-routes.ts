import type { ServerSettings, UpstreamSummary } from '../api-types.js';
import type { AdminRoute } from './admin-route.js';

/** What the server runs with. It is set in the project's configuration, and read here. */
export const settingsRoutes: readonly AdminRoute[] = [
  {
    method: 'GET',
    path: '/api/settings',
    needs: 'settings',
    async handle({ overview, publicUrl, oidc, promptLog }, c) {
      const { project, currency, timeZone } = overview;
      return c.json({
        project,
        currency,
        timeZone,
        publicUrl: publicUrl ?? null,
        oidc: oidc !== undefined,
        promptLog: promptLog !== undefined,
      } satisfies ServerSettings);
    },
  },
  {
    method: 'GET',
    path: '/api/upstreams',
    needs: 'upstreams',
    async handle({ overview }, c) {
      const upstreams = [...overview.backends.values()].flatMap((backend): UpstreamSummary[] => {
        const health = backend.health?.();
        if (health === undefined) return [];
        const targets = health.targets.map((target) => ({ ...target }));
        return [{ model: backend.modelId, isAvailable: health.isAvailable, targets }];
      });
      return c.json({ upstreams });
    },
  },
];
