/** What a user of the back office is. */
export const ROLES = ['owner', 'finance', 'developer', 'viewer'] as const;
export type Role = (typeof ROLES)[number];

/** What a route of the back office asks for. */
export type Permission =
  | 'figures'
  | 'customers'
  | 'keys'
  | 'limits'
  | 'upstreams'
  | 'runs'
  | 'models'
  | 'playground'
  | 'credit'
  | 'prices'
  | 'plans'
  | 'invoices'
  | 'users'
  | 'settings'
  | 'audit-log'
  | 'prompts';

const EVERYBODY = ROLES;
const DEVELOPERS = ['owner', 'developer'] as const;
const FINANCE = ['owner', 'finance'] as const;
const OWNERS = ['owner'] as const;

/** The one table of who may do what. `customers` is making them; seeing their balances is a figure. `models` is choosing what is served; seeing them is `runs`. */
export const PERMISSIONS: Readonly<Record<Permission, readonly Role[]>> = {
  figures: EVERYBODY,
  customers: ['owner', 'finance', 'developer'],
  keys: DEVELOPERS,
  limits: DEVELOPERS,
  upstreams: DEVELOPERS,
  runs: DEVELOPERS,
  models: DEVELOPERS,
  playground: DEVELOPERS,
  credit: FINANCE,
  prices: FINANCE,
  plans: FINANCE,
  invoices: FINANCE,
  users: OWNERS,
  settings: OWNERS,
  'audit-log': OWNERS,
  prompts: OWNERS,
};

/** The one question every guarded route asks. */
export function allows(role: Role, permission: Permission): boolean {
  return PERMISSIONS[permission].includes(role);
}

/** What a role may do, in the order of the table. */
export function permissionsOf(role: Role): Permission[] {
  return (Object.keys(PERMISSIONS) as Permission[]).filter((permission) => allows(role, permission));
}
