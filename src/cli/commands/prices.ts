import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { MoatError, messageOf, systemCode } from '../../base/errors.js';
import { formatMicros } from '../../base/money.js';
import { type PriceBook, lowestPrices, parsePriceBook } from '../../company/billing/price-book.js';
import { type Replay, replayPrices } from '../../company/billing/replay-prices.js';
import { usageByMonth } from '../../company/billing/usage.js';
import { servingCostPerMillionTokens } from '../../company/business/unit-economics.js';
import { defineCommand } from '../command.js';
import { dayOf } from '../day-option.js';
import { readBusinessFacts } from '../stages/business-facts.js';
import { withBooks } from '../stages/open-books.js';
import { table } from '../terminal/table.js';

export const command = defineCommand({
  name: 'prices',
  summary: 'who would pay what under other prices',
  description:
    'Reads a book of prices (JSON), says which lie under the measured cost of serving, and replays it on what customers really used: what each paid, and what the book would have asked, month by month in the project\'s time zone. Nothing is changed. A book: {"name": "standard", "currency": "USD", "models": {"poet": {"input": {"kind": "flat", "price": "0.50", "free": 100000}, "output": {"kind": "graduated", "tiers": [{"upTo": 1000000, "price": "2.00"}, {"price": "1.00"}]}, "request": {"kind": "package", "per": 1000, "price": "0.10"}}}, "minimum": "20.00"}. Kinds: flat, graduated, volume, package; prices are for "per" units, 1,000,000 unless said. Things that are counted: input, cachedInput, output, request.',
  arguments: { book: { description: 'the book: a .json file', count: 'one' } },
  options: {
    from: { kind: 'text', placeholder: 'DAY', description: 'usage from this day on, as 2026-01-31 (default: all)' },
    to: { kind: 'text', placeholder: 'DAY', description: 'usage before this day (default: now)' },
  },
  settings: ['business', 'currency', 'timeZone', 'serve.modelId', 'database'],
  examples: [
    { command: 'moat prices standard.json', does: 'on everything that was ever used' },
    { command: 'moat prices standard.json --from 2026-01-01 --json', does: "this year's, for machines" },
  ],
  async run({ arguments: { book: file }, options, cwd, clock, loadProject, terminal }) {
    const book = await readBook(path.resolve(cwd, file));
    const project = await loadProject();
    const { currency, timeZone } = project.config;
    if (book.currency !== currency) {
      throw new MoatError('bad-price-book', `${file}: its currency is ${book.currency}, the project's ${currency}`, {
        fix: 'Write one for the currency that customers pay in.',
      });
    }
    const from = dayOf(options.from, '--from') ?? new Date(0);
    const to = dayOf(options.to, '--to') ?? new Date(clock.now());
    return withBooks(project, clock, async (books) => {
      const usage = await usageByMonth(books, { currency, from, to, timeZone });
      const { hourlyMicros, decodeTokensPerSecond } = await readBusinessFacts(project, books, undefined);
      const costMicros =
        decodeTokensPerSecond === null || hourlyMicros === null
          ? null
          : servingCostPerMillionTokens({ hourlyMicros, tokensPerSecond: decodeTokensPerSecond });
      const replay = replayPrices(book, usage);
      const below = costMicros === null ? [] : underCost(book, costMicros);
      for (const line of linesOf(replay, { currency, below, costMicros, columns: terminal.columns }))
        terminal.print(line);
      return { json: { book: book.name, currency, from, to, ...replay, costMicros, underCost: below } };
    });
  },
});

async function readBook(file: string): Promise<PriceBook> {
  let json: unknown;
  try {
    json = JSON.parse(await readFile(file, 'utf8'));
  } catch (error) {
    const what = systemCode(error) === 'ENOENT' ? 'no such file' : messageOf(error);
    throw new MoatError('bad-price-book', `${file}: ${what}`, { fix: 'moat prices --help shows one.', cause: error });
  }
  return parsePriceBook(json, file);
}

/** Models one of whose tokens is sold for less than it costs to write, at the lowest price of the book. */
function underCost(book: PriceBook, costMicros: bigint): string[] {
  return lowestPrices(book, 'output')
    .filter(({ microsPerMillion }) => microsPerMillion < costMicros)
    .map(({ model }) => model);
}

interface Shown {
  readonly currency: string;
  readonly below: readonly string[];
  readonly costMicros: bigint | null;
  readonly columns: number;
}

function linesOf(replay: Replay, { currency, below, costMicros, columns }: Shown): string[] {
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
    ...below.map(
      (model) => `${model}: output is sold below the ${money(costMicros ?? 0n)} that a million tokens cost to serve`,
    ),
    ...(costMicros === null ? ['Nothing was served yet, so the cost of serving is not known.'] : []),
  ];
}
