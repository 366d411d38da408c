import path from 'node:path';
import { MoatError } from '../../base/errors.js';
import { formatMicros } from '../../base/money.js';
import { auditAs } from '../../company/access/audit-log.js';
import type { Books } from '../../company/billing/customers.js';
import { type PriceBook, parsePriceBook } from '../../company/billing/price-book.js';
import { type PriceLoss, type ServingCosts, lossText, lossesOf } from '../../company/billing/price-floor.js';
import { listPriceBooks, publishPriceBook } from '../../company/billing/publish-prices.js';
import { type Replay, replayPrices } from '../../company/billing/replay-prices.js';
import { dayAt, startOf } from '../../company/billing/time-zone.js';
import { usageByMonth } from '../../company/billing/usage.js';
import { type CommandResult, defineCommand } from '../command.js';
import type { Project } from '../config/project.js';
import { dayOf } from '../day-option.js';
import { readJsonFile } from '../stages/json-file.js';
import { withBooks } from '../stages/open-books.js';
import { readServingCosts } from '../stages/serving-costs.js';
import { table } from '../terminal/table.js';
import type { Terminal } from '../terminal/terminal.js';

export const command = defineCommand({
  name: 'prices',
  summary: 'price books: who would pay what, and what is in force',
  description:
    'Reads a book of prices (JSON), says which lie under the measured cost of serving, and replays it on what customers really used: what each paid, and what the book would have asked, month by month in the project\'s time zone. Nothing is changed, unless --publish brings the book into force. A book: {"name": "standard", "currency": "USD", "models": {"poet": {"input": {"kind": "flat", "price": "0.50", "free": 100000}, "output": {"kind": "graduated", "tiers": [{"upTo": 1000000, "price": "2.00"}, {"price": "1.00"}]}, "request": {"kind": "package", "per": 1000, "price": "0.10"}}}, "minimum": "20.00"}. Kinds: flat, graduated, volume, package; prices are for "per" units, 1,000,000 unless said. Things that are counted: input, cachedInput, output, request.',
  arguments: { book: { description: 'the book: a .json file', count: 'optional' } },
  options: {
    from: { kind: 'text', placeholder: 'DAY', description: 'usage from this day on, as 2026-01-31 (default: all)' },
    to: { kind: 'text', placeholder: 'DAY', description: 'usage before this day (default: now)' },
    publish: { kind: 'flag', description: 'bring the book into force, as its next version' },
    starts: { kind: 'text', placeholder: 'DAY', description: 'from the beginning of this day on (default: now)' },
    acceptLoss: { kind: 'flag', description: 'publish it although it sells below the cost of serving' },
    list: { kind: 'flag', description: 'the books that are in force and to come' },
  },
  settings: ['business', 'currency', 'timeZone', 'serve.modelId', 'database'],
  examples: [
    { command: 'moat prices standard.json', does: 'on everything that was ever used' },
    { command: 'moat prices standard.json --from 2026-01-01 --json', does: "this year's, for machines" },
    { command: 'moat prices list.json --publish --starts 2026-02-01', does: 'what everybody pays who is on no plan' },
    { command: 'moat prices --list', does: 'in force and to come' },
  ],
  async run({ arguments: { book: file }, options, cwd, clock, loadProject, terminal }) {
    if (options.list) {
      const project = await loadProject();
      return withBooks(project, clock, (books) => showBooks(books, terminal));
    }
    if (file === undefined)
      throw new MoatError('usage', 'prices: the book is missing', { fix: 'Give a .json file, or --list.' });
    const book = parsePriceBook(
      await readJsonFile(path.resolve(cwd, file), 'bad-price-book', 'moat prices --help shows one.'),
      file,
    );
    const project = await loadProject();
    const { currency } = project.config;
    if (book.currency !== currency) {
      throw new MoatError('bad-price-book', `${file}: its currency is ${book.currency}, the project's ${currency}`, {
        fix: 'Write one for the currency that customers pay in.',
      });
    }
    return withBooks(project, clock, async (books) => {
      const costs = await readServingCosts(project, books);
      const request = { project, books, book, costs, options, terminal };
      return options.publish ? publish(request) : replay(request);
    });
  },
});

interface Request {
  readonly project: Project;
  readonly books: Books;
  readonly book: PriceBook;
  readonly costs: ServingCosts;
  readonly options: {
    readonly from: string | undefined;
    readonly to: string | undefined;
    readonly starts: string | undefined;
    readonly acceptLoss: boolean;
  };
  readonly terminal: Terminal;
}

async function replay({ project, books, book, costs, options, terminal }: Request): Promise<CommandResult> {
  const { currency, timeZone } = project.config;
  const from = dayOf(options.from, '--from') ?? new Date(0);
  const to = dayOf(options.to, '--to') ?? new Date(books.clock.now());
  const replayed = replayPrices(book, await usageByMonth(books, { currency, from, to, timeZone }));
  const losses = lossesOf(book, costs);
  for (const line of linesOf(replayed, { currency, columns: terminal.columns })) terminal.print(line);
  for (const line of costLines(book, { losses, costs })) terminal.print(line);
  return {
    json: { book: book.name, currency, from, to, ...replayed, costs: Object.fromEntries(costs), underCost: losses },
  };
}

async function publish({ project, books, book, costs, options, terminal }: Request): Promise<CommandResult> {
  const { timeZone } = project.config;
  const day = dayOf(options.starts, '--starts');
  const published = await publishPriceBook(books, book, {
    timeZone,
    costs,
    acceptLoss: options.acceptLoss,
    audit: auditAs('command line', books.clock),
    // The day of the project's zone, as the one that months are in.
    ...(day === undefined ? {} : { startsAt: startOf(dayAt(day, 'UTC'), timeZone) }),
  });
  const { name, version, startsAt, withdrawn, losses } = published;
  terminal.print(`${name} version ${version} is in force from ${startsAt.toISOString()} on`);
  if (withdrawn.length > 0) terminal.print(`no longer sold by it: ${withdrawn.join(', ')}`);
  for (const line of costLines(book, { losses, costs })) terminal.print(line);
  return { json: published };
}

async function showBooks(books: Books, terminal: Terminal): Promise<CommandResult> {
  const published = await listPriceBooks(books);
  const rows = published.map(({ name, version, currency, startsAt, state, models }) => [
    name,
    String(version),
    currency,
    startsAt.toISOString().slice(0, 16),
    state,
    models.join(', '),
  ]);
  const columns = ['book', 'version', 'currency', 'from (UTC)', 'state', 'models'].map((title) => ({ title }));
  terminal.print(
    rows.length === 0
      ? 'No books yet: moat prices BOOK.json --publish'
      : table(columns, rows, { columns: terminal.columns }),
  );
  return { json: { books: published } };
}

interface Shown {
  readonly currency: string;
  readonly columns: number;
}

function linesOf(replay: Replay, { currency, columns }: Shown): string[] {
  const money = (micros: bigint): string => formatMicros(micros);
  const change = (paid: bigint, would: bigint): string =>
    `${would < paid ? '−' : '+'}${money(would < paid ? paid - would : would - paid)}`;
  const rows = [
    ...replay.customers.map(
      ({ customerName, paidMicros, wouldPayMicros }) => [customerName, paidMicros, wouldPayMicros] as const,
    ),
    ['all', replay.paidMicros, replay.wouldPayMicros] as const,
  ].map(([name, paid, would]) => [name, money(paid), money(would), change(paid, would)]);
  const figures = ['paid', 'would pay', 'change'].map((title) => ({ title, align: 'right' as const }));
  return [
    ...(replay.customers.length === 0
      ? ['Nobody has used anything in this time.']
      : [table([{ title: `customer, ${currency}` }, ...figures], rows, { columns })]),
    ...(replay.unpriced.length === 0
      ? []
      : [`not sold by this book, and counted as nothing: ${replay.unpriced.join(', ')}`]),
  ];
}

/** What lies below cost, and of which models the cost is not known. */
function costLines(
  { models, currency }: PriceBook,
  { losses, costs }: { losses: readonly PriceLoss[]; costs: ServingCosts },
): string[] {
  const unknown = Object.keys(models).filter((model) => !costs.has(model));
  return [
    ...losses.map((loss) => `below cost: ${lossText(loss, currency)}`),
    ...(unknown.length === 0
      ? []
      : [`What ${unknown.join(', ')} costs to serve is not known: moat bench serve, or "cost" in upstreams.json.`]),
  ];
}
