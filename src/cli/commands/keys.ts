import { MoatError } from '../../base/errors.js';
import { formatMicros, parseMicros } from '../../base/money.js';
import {
  type Books,
  type Customer,
  createCustomer,
  createKey,
  findCustomer,
  listCustomers,
  listKeys,
  revokeKey,
} from '../../company/billing/customers.js';
import { balanceOf, grantCredit } from '../../company/billing/ledger.js';
import { type CommandResult, defineCommand } from '../command.js';
import { withBooks } from '../stages/open-books.js';
import { table } from '../terminal/table.js';
import type { Terminal } from '../terminal/terminal.js';

interface Request {
  readonly books: Books;
  readonly target: string | undefined;
  readonly credit: string | undefined;
  readonly gift: boolean;
  readonly keyName: string | undefined;
  readonly currency: string;
  readonly terminal: Terminal;
}

export const command = defineCommand({
  name: 'keys',
  summary: 'customers, their API keys and their credit',
  description:
    'create: a key for a customer, who is made when new; the key is shown once. credit: adds prepaid credit. list: customers, or the keys of one. revoke: refuses a key from now on.',
  arguments: {
    action: { description: 'create, credit, list or revoke', count: 'one' },
    target: { description: "a customer's name; for revoke, a key's id", count: 'optional' },
  },
  options: {
    credit: { kind: 'text', placeholder: 'AMOUNT', description: 'prepaid credit to add, such as 1.00' },
    gift: { kind: 'flag', description: 'the credit is a gift: an expense, not money that came in' },
    keyName: { kind: 'text', placeholder: 'NAME', description: 'what to call the key' },
  },
  settings: ['currency', 'database'],
  examples: [
    { command: 'moat keys create "Acme Ltd" --credit 25.00', does: 'a customer with a key and 25.00 paid' },
    { command: 'moat keys credit "Acme Ltd" --credit 5.00 --gift', does: 'five more, as a gift' },
    { command: 'moat keys list', does: 'all customers and balances' },
    { command: 'moat keys revoke key_0191…', does: 'a key that leaked' },
  ],
  async run({ arguments: { action, target }, options, loadProject, clock, terminal }) {
    const handler = actions[action];
    if (handler === undefined) {
      throw new MoatError('usage', `keys: "${action}" is not an action`, {
        fix: 'Write create, credit, list or revoke.',
      });
    }
    const project = await loadProject();
    return withBooks(project, clock, (books) =>
      handler({ books, target, ...options, currency: project.config.currency, terminal }),
    );
  },
});

const actions: Readonly<Record<string, (request: Request) => Promise<CommandResult>>> = {
  create: createForCustomer,
  credit: addCredit,
  list: (request) => (request.target === undefined ? showCustomers(request) : showKeys(request)),
  revoke: revoke,
};

function required(target: string | undefined, what: string): string {
  if (target !== undefined) return target;
  throw new MoatError('usage', `keys: ${what} is missing`, { fix: 'See moat keys --help for examples.' });
}

async function createForCustomer(request: Request): Promise<CommandResult> {
  const { books, terminal } = request;
  const customer = await findOrCreate(books, required(request.target, "the customer's name"), request.currency);
  if (request.credit !== undefined) await credit(request, customer, request.credit);
  const { key, secretKey } = await createKey(books, {
    customerId: customer.id,
    ...(request.keyName === undefined ? {} : { name: request.keyName }),
  });
  const { balanceMicros } = await balanceOf(books, customer.id);
  terminal.print(`${customer.name}: ${formatMicros(balanceMicros)} ${customer.currency}`);
  terminal.print(`key ${key.id}, shown this once:\n  ${secretKey}`);
  return { json: { customer, keyId: key.id, secretKey, balanceMicros } };
}

async function findOrCreate(books: Books, name: string, currency: string): Promise<Customer> {
  try {
    return await findCustomer(books, name);
  } catch (error) {
    if (!(error instanceof MoatError) || error.code !== 'unknown-customer') throw error;
    return createCustomer(books, { name, currency });
  }
}

async function credit({ books, gift }: Request, customer: Customer, amount: string): Promise<void> {
  await grantCredit(books, {
    customerId: customer.id,
    amountMicros: parseMicros(amount, '--credit'),
    kind: gift ? 'grant' : 'payment',
  });
}

async function addCredit(request: Request): Promise<CommandResult> {
  const customer = await findCustomer(request.books, required(request.target, "the customer's name"));
  await credit(request, customer, required(request.credit, '--credit'));
  const { balanceMicros } = await balanceOf(request.books, customer.id);
  request.terminal.print(`${customer.name}: ${formatMicros(balanceMicros)} ${customer.currency}`);
  return { json: { customer, balanceMicros } };
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
  const keys = await listKeys(books, customer.id);
  const rows = keys.map(({ id, name, displayPrefix, revokedAt }) => [
    id,
    name,
    displayPrefix,
    revokedAt === null ? 'active' : 'revoked',
  ]);
  const columns = [{ title: 'id' }, { title: 'name' }, { title: 'key' }, { title: 'state' }];
  terminal.print(
    rows.length === 0 ? `${customer.name} has no keys` : table(columns, rows, { columns: terminal.columns }),
  );
  return { json: { customer, keys } };
}

async function revoke({ books, target, terminal }: Request): Promise<CommandResult> {
  const keyId = required(target, "the key's id");
  await revokeKey(books, keyId);
  terminal.print(`${keyId} is refused from now on`);
  return { json: { keyId, revoked: true } };
}
