import type { FunctionComponent } from 'preact';
import type { Permission, SessionInfo } from '../company/gateway/api-types.js';
import type { Api } from './api/client.js';
import type { Dictionary } from './i18n/dictionary.js';
import type { Address } from './router.js';

/** What every page is given. */
export interface PageProps {
  readonly api: Api;
  readonly session: SessionInfo;
  readonly address: Address;
  /** Whether it is dark: what is drawn on a canvas has to know. */
  readonly dark: boolean;
}

export interface StudioPage {
  readonly path: string;
  readonly name: keyof Dictionary['pages'];
  /** Who may not, does not see it. Null: everybody who is signed in. */
  readonly needs: Permission | null;
  /** Each page is a file of its own, fetched when it is first opened. */
  readonly load: () => Promise<FunctionComponent<PageProps>>;
}

export const PAGES: readonly StudioPage[] = [
  { path: '/', name: 'home', needs: 'figures', load: async () => (await import('./pages/home.js')).HomePage },
  { path: '/data', name: 'data', needs: 'runs', load: async () => (await import('./pages/data.js')).DataPage },
  { path: '/runs', name: 'runs', needs: 'runs', load: async () => (await import('./pages/runs.js')).RunsPage },
  {
    path: '/evaluate',
    name: 'evaluate',
    needs: 'runs',
    load: async () => (await import('./pages/evaluate.js')).EvaluatePage,
  },
  {
    path: '/models',
    name: 'models',
    needs: 'runs',
    load: async () => (await import('./pages/models.js')).ModelsPage,
  },
  {
    path: '/playground',
    name: 'playground',
    needs: 'playground',
    load: async () => (await import('./pages/playground.js')).PlaygroundPage,
  },
  {
    path: '/customers',
    name: 'customers',
    needs: 'figures',
    load: async () => (await import('./pages/customers.js')).CustomersPage,
  },
  {
    path: '/business',
    name: 'business',
    needs: 'figures',
    load: async () => (await import('./pages/business.js')).BusinessPage,
  },
  {
    path: '/settings',
    name: 'settings',
    needs: null,
    load: async () => (await import('./pages/settings.js')).SettingsPage,
  },
];

export const mayDo = ({ permissions }: SessionInfo, needs: Permission | null): boolean =>
  needs === null || permissions.includes(needs);

/** The page of an address: `/customers/cus_1` is the customers' affair. */
export const pageAt = (path: string): StudioPage | undefined =>
  PAGES.find((page) => path === page.path || (page.path !== '/' && path.startsWith(`${page.path}/`)));
