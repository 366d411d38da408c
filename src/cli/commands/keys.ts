import { MoatError } from '../../base/errors.js';
import { formatMicros, parseMicros } from '../../base/money.js';
import { type AuditWriter, auditAs } from '../../company/access/audit-log.js';
import { type Scope, SCOPES } from '../../company/billing/admission.js';
import {
  type Books,
  type Customer,
  createCustomer,
  findCustomer,
  listCustomers,
} from '../../company/billing/customers.js';
import { listRateLimits, setRateLimit } from '../../company/billing/key-terms.js';
import { type ApiKey, createKey, findKey, listKeys, revokeKey, rotateKey } from '../../company/billing/keys.js';
import { balanceOf, grantCredit } from '../../company/billing/ledger.js';
import { type CommandResult, defineCommand } from '../command.js';
import { dayOf } from '../day-option.js';
import { withBooks } from '../stages/open-books.js';
import { table } from '../terminal/table.js';
import type { Terminal } from '../terminal/terminal.js';

interface Request {
  readonly books: Books;
  readonly audit: AuditWriter;
  readonly target: string | undefined;
  readonly credit: string | undefined;
  readonly gift: boolean;
  readonly keyName: string | undefined;
  readonly expires: string | undefined;
  readonly scopes: string | undefined;
  readonly models: string | undefined;
  readonly key: string | undefined;
  readonly overlapHours: number;
  readonly requestsPerMinute: number | undefined;
  readonly tokensPerMinute: number | undefined;
  readonly concurrentRequests: number | undefined;
  readonly currency: string;
  readonly terminal: Terminal;
}

export const command = defineCommand({
  name: 'keys',
  summary: 'customers, their API keys, limits and credit',
  description:
    'create: a key for a customer, who is made when new; the key is shown once. rotate: a new secret for a key; the one before works on for --overlap-hours. credit: adds prepaid credit. limit: how fast a customer may ask, with one of his keys (--key) or for one model (--models); without figures the limit is taken off. list: customers, or the keys and limits of one. revoke: refuses a key from now on.',
  arguments: {
    action: { description: 'create, rotate, credit, limit, list or revoke', count: 'one' },
    target: { description: "a customer's name; for rotate and revoke, a key's id", count: 'optional' },
  },
  options: {
    credit: { kind: 'text', placeholder: 'AMOUNT', description: 'prepaid credit to add, such as 1.00' },
    gift: { kind: 'flag', description: 'the credit is a gift: an expense, not money that came in' },
    expires: { kind: 'text', placeholder: 'DAY', description: 'last day of the key, or of the credit, as 2026-12-31' },
    keyName: { kind: 'text', placeholder: 'NAME', description: 'what to call the key' },
    scopes: { kind: 'text', placeholder: 'NAMES', description: `what the key may do: ${SCOPES.join(', ')}` },
    models: { kind: 'text', placeholder: 'NAMES', description: 'the models it may use' },
    key: { kind: 'text', placeholder: 'ID', description: 'the key that a limit is about' },
    overlapHours: {
      kind: 'number',
      placeholder: 'H',
      minimum: 0,
      maximum: 8760,
      default: 168,
      description: 'hours that the old secret works on after rotate',
    },
    requestsPerMinute: limitOption('requests in a minute'),
    tokensPerMinute: limitOption('tokens in a minute'),
    concurrentRequests: limitOption('requests at one time'),
  },
  settings: ['currency', 'database'],
  examples: [
    { command: 'moat keys create "Acme Ltd" --credit 25.00', does: 'a customer with a key and 25.00 paid' },
    {
      command: 'moat keys create "Acme Ltd" --scopes chat --expires 2027-06-30',
      does: 'a key for chats alone, with an end',
    },
    { command: 'moat keys rotate key_0191… --overlap-hours 24', does: 'a new secret; the old one for one more day' },
    { command: 'moat keys limit "Acme Ltd" --requests-per-minute 600', does: 'a limit on all of its keys together' },
    {
      command: 'moat keys credit "Acme Ltd" --credit 5.00 --gift --expires 2026-12-31',
      does: 'five more, until the new year',
    },
    { command: 'moat keys list "Acme Ltd"', does: 'its keys, when they were last used, its limits' },
    { command: 'moat keys revoke key_0191…', does: 'a key that leaked' },
  ],
  async run({ arguments: { action, target }, options, loadProject, clock, terminal }) {
    const handler = actions[action];
    if (handler === undefined) {
      throw new MoatError('usage', `keys: "${action}" is not an action`, {
        fix: 'Write create, rotate, credit, limit, list or revoke.',
      });
    }
    const project = await loadProject();
    return withBooks(project, clock, (books) =>
      handler({
        books,
        audit: auditAs('command line', clock),
        target,
        ...options,
        currency: project.config.currency,
        terminal,
      }),
    );
  },
});

function limitOption(what: string) {
  return {
    kind: 'integer',
    placeholder: 'N',
    minimum: 1,
    maximum: 2_000_000_000,
    description: `limit: ${what}`,
  } as const;
}

const actions: Readonly<Record<string, (request: Request) => Promise<CommandResult>>> = {
  create: createForCustomer,
  rotate,
  credit: addCredit,
  limit,
  list: (request) => (request.target === undefined ? showCustomers(request) : showKeys(request)),
  revoke,
};

function required(target: string | undefined, what: string): string {
  if (target !== undefined) return target;
  throw new MoatError('usage', `keys: ${what} is missing`, { fix: 'See moat keys --help for examples.' });
}

const listOf = (text: string | undefined): string[] | undefined => text?.split(',').map((name) => name.trim());

/** The end of a day given on the command line, in UTC. */
function endOf(day: string | undefined): Date | undefined {
  const begins = dayOf(day, '--expires');
  return begins === undefined ? undefined : new Date(begins.getTime() + 24 * 3_600_000);
}

async function createForCustomer(request: Request): Promise<CommandResult> {
  const { books, audit, keyName, expires, scopes, models } = request;
  const customer = await findOrCreate(request, required(request.target, "the customer's name"));
  if (request.credit !== undefined) await credit(request, customer, request.credit, undefined);
  const [expiresAt, modelNames] = [endOf(expires), listOf(models)];
  const wanted = {
    customerId: customer.id,
    ...(keyName === undefined ? {} : { name: keyName }),
    ...(expiresAt === undefined ? {} : { expiresAt }),
    // createKey says of any other word which ones there are
    ...(scopes === undefined ? {} : { scopes: listOf(scopes) as Scope[] }),
    ...(modelNames === undefined ? {} : { models: modelNames }),
  };
  const { key, secretKey } = await createKey(books, wanted, audit);
  const { balanceMicros } = await balanceOf(books, customer.id);
  request.terminal.print(`${customer.name}: ${formatMicros(balanceMicros)} ${customer.currency}`);
  return showSecret(request, key, secretKey, { customer, balanceMicros });
}

function showSecret({ terminal }: Request, key: ApiKey, secretKey: string, more: object): CommandResult {
  terminal.print(`key ${key.id}, shown this once:\n  ${secretKey}`);
  return { json: { ...more, keyId: key.id, secretKey } };
}

async function rotate(request: Request): Promise<CommandResult> {
  const id = required(request.target, "the key's id");
  const { books, audit, overlapHours } = request;
  const { key, secretKey } = await rotateKey(books, id, overlapHours * 3_600_000, { audit });
  return showSecret(request, key, secretKey, { overlapHours: request.overlapHours });
}

async function findOrCreate({ books, audit, currency }: Request, name: string): Promise<Customer> {
  try {
    return await findCustomer(books, name);
  } catch (error) {
    if (!(error instanceof MoatError) || error.code !== 'unknown-customer') throw error;
    return createCustomer(books, { name, currency }, audit);
  }
}

async function credit(
  { books, audit, gift }: Request,
  customer: Customer,
  amount: string,
  expiresAt: Date | undefined,
): Promise<void> {
  const added = {
    customerId: customer.id,
    amountMicros: parseMicros(amount, '--credit'),
    kind: gift ? ('grant' as const) : ('payment' as const),
    ...(expiresAt === undefined ? {} : { expiresAt }),
  };
  await grantCredit(books, added, audit);
}

async function addCredit(request: Request): Promise<CommandResult> {
  const customer = await findCustomer(request.books, required(request.target, "the customer's name"));
  await credit(request, customer, required(request.credit, '--credit'), endOf(request.expires));
  const { balanceMicros } = await balanceOf(request.books, customer.id);
  request.terminal.print(`${customer.name}: ${formatMicros(balanceMicros)} ${customer.currency}`);
  return { json: { customer, balanceMicros } };
}

async function limit(request: Request): Promise<CommandResult> {
  const { books, audit, key, models, requestsPerMinute, tokensPerMinute, concurrentRequests } = request;
  const customer = await findCustomer(books, required(request.target, "the customer's name"));
  if (key !== undefined && (await findKey(books, key)).customerId !== customer.id)
    throw new MoatError('unknown-key', `key "${key}" is not one of ${customer.name}'s`, {
      fix: 'List them with: moat keys list CUSTOMER.',
    });
  const wanted = {
    customerId: customer.id,
    ...(key === undefined ? {} : { keyId: key }),
    ...(models === undefined ? {} : { model: models }),
    ...(requestsPerMinute === undefined ? {} : { requestsPerMinute }),
    ...(tokensPerMinute === undefined ? {} : { tokensPerMinute }),
    ...(concurrentRequests === undefined ? {} : { concurrentRequests }),
  };
  await setRateLimit(books, wanted, audit);
  return showKeys(request);
}

async function showCustomers({ books, terminal }: Request): Promise<CommandResult> {
  const customers = await listCustomers(books);
  const rows = customers.map(({ id, name, balanceMicros, currency, keyCount }) => [
    name,
    `${formatMicros(balanceMicros)} ${currency}`,
    String(keyCount),
    id,
  ]);
  const columns = [
    { title: 'customer' },
    { title: 'credit', align: 'right' as const },
    { title: 'keys', align: 'right' as const },
    { title: 'id' },
  ];
  terminal.print(
    rows.length === 0 ? 'No customers yet: moat keys create NAME' : table(columns, rows, { columns: terminal.columns }),
  );
  return { json: { customers } };
}

async function showKeys({ books, target, terminal }: Request): Promise<CommandResult> {
  const customer = await findCustomer(books, required(target, "the customer's name"));
  const [keys, limits] = [await listKeys(books, customer.id), await listRateLimits(books, customer.id)];
  const rows = keys.map(({ id, name, displayPrefix, revokedAt, expiresAt, scopes, models, lastUsedAt }) => [
    name,
    displayPrefix,
    revokedAt !== null ? 'revoked' : expiresAt === null ? 'in use' : `until ${expiresAt.toISOString().slice(0, 10)}`,
    [scopes?.join(' ') ?? 'everything', ...(models === null ? [] : [`with ${models.join(' ')}`])].join(' '),
    lastUsedAt?.toISOString().slice(0, 16).replace('T', ' ') ?? 'never',
    id,
  ]);
  const columns = ['name', 'key', 'state', 'may', 'last used (UTC)', 'id'].map((title) => ({ title }));
  terminal.print(
    rows.length === 0 ? `${customer.name} has no keys` : table(columns, rows, { columns: terminal.columns }),
  );
  for (const { keyId, model, requestsPerMinute, tokensPerMinute, concurrentRequests } of limits) {
    const figures = [
      ...(requestsPerMinute === null ? [] : [`${requestsPerMinute} requests a minute`]),
      ...(tokensPerMinute === null ? [] : [`${tokensPerMinute} tokens a minute`]),
      ...(concurrentRequests === null ? [] : [`${concurrentRequests} at one time`]),
    ];
    const what = [keyId === null ? 'all keys' : keyId, model === null ? 'all models' : model].join(', ');
    terminal.print(`limit on ${what}: ${figures.join(', ')}`);
  }
  return { json: { customer, keys, limits } };
}

async function revoke({ books, audit, target, terminal }: Request): Promise<CommandResult> {
  const id = required(target, "the key's id");
  await revokeKey(books, id, { audit });
  terminal.print(`${id} is refused from now on`);
  return { json: { keyId: id, revoked: true } };
}
