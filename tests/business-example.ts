/** A small company in November 2026, with every kind of fact: what the tests of the business and of its pages work on. */
import { parse } from 'yaml';
import { parseBusinessFile } from '../src/company/business/business-file.js';
import type { PictureFacts } from '../src/company/business/picture-facts.js';

export const BUSINESS_YAML = `
schemaVersion: 1
canvas:
  value:
    - text: Answers about our returns policy better than the giant
      fact: quality.own
    - Nobody reads our customers' questions but us
  segments:
    - text: Small shops on a plan
      fact: customers.paying
  channels: [Search, Word of mouth]
  relationships: [A founder answers within a day]
  revenue:
    - { text: Usage, fact: revenue.services }
    - { text: Plans, fact: revenue.software }
    - { text: Advertising, fact: revenue.other }
  resources:
    - { text: Training runs, fact: resources.runs }
    - { text: Nine years of support letters, evidence: ["data.lock.json"] }
  activities: [Cleaning letters, Measuring against the giant]
  partners: [{ text: The shops' association, evidence: ["https://example.com/association"] }]
  costs:
    - { text: Serving, fact: cost.serving }
    - { text: People, fact: cost.fixed }
serving: { machines: 1, hoursPerDay: 24 }
electricity: { watts: 65, pricePerKilowattHour: 0.30, inHourlyPrice: false }
payments: { percent: 2.9, fixed: 0.30 }
monthlyCosts:
  - { name: Ann half a day a week, amount: 100 }
  - { name: Left in October, amount: 999, to: 2026-10 }
dataCosts:
  - { name: Letters licensed, amount: 12.50, date: 2026-11-03 }
otherRevenue: { advertising: { 2026-11: 30 } }
channels:
  - { name: search, spend: { 2026-10: 40, 2026-11: 60 }, customers: [Cedar] }
  - { name: word of mouth, spend: { 2026-10: 0, 2026-11: 0 }, customers: [Birch] }
cash: { amount: 2000, at: 2026-11-30 }
evaluation: { model: faq }
scenario:
  months: 12
  seed: 7
  draws: 1000
  assumptions:
    churn: { base: 0.05, low: 0.02, high: 0.15 }
    newCustomers: { base: 2, low: 0, high: 4 }
    price: { fact: price.outputMillion, low: 1.5, high: 2.5 }
buildOrBuy: { giant: Giant-XL, ownShare: 0.8, volumes: [1, 10, 100, 1000] }
market:
  competitors:
    - { name: Giant-XL, inputPrice: 2.50, outputPrice: 10, quality: 0.81, latencyMs: 600, limits: Sends data abroad, evidence: ["https://example.com/prices"] }
    - { name: Open-7B at a host, outputPrice: 0.60, quality: 0.64, latencyMs: 300 }
  moat:
    data: [{ text: 48000 letters nobody else has, evidence: ["data.lock.json"] }]
    evaluation: [{ text: Ahead on our set, fact: quality.own }]
    switching: [Shops have written their templates for it]
`;

const round = (scale: number, factor: number) => ({
  prefillTokensPerSecond: 2000 * scale * factor,
  decodeTokensPerSecond: 200 * scale * factor,
  firstTokenMs: { p50: 80 / scale, p95: 120 / scale },
  perTokenMs: { p50: 5, p95: 8 },
  requests: 4,
  failed: 0,
});
const rounds = (scale: number) => [round(scale, 0.95), round(scale, 1), round(scale, 1.05)];

const sold = (
  month: string,
  customer: string,
  plan: string,
  outputTokens: number,
  computeSeconds: number,
  charged: bigint,
) => ({
  month,
  customerId: customer.toLowerCase(),
  customerName: customer,
  isInternal: customer === 'internal',
  model: plan,
  requests: 100,
  inputTokens: outputTokens * 2,
  outputTokens,
  computeMs: computeSeconds * 1000,
  chargedMicros: charged,
});
const booked = (
  month: string,
  account: string,
  source: string,
  customer: string | null,
  amountMicros: bigint,
  entries = 1,
) => ({
  month,
  account,
  source,
  customerId: customer?.toLowerCase() ?? null,
  customerName: customer,
  entries,
  amountMicros,
});
const run = (name: string, wallSeconds: number, outcome: 'finished' | 'failed', startedAt: string) => ({
  name,
  wallSeconds,
  device: 'cpu',
  outcome,
  startedAt: new Date(startedAt),
  tokensSeen: 1_000_000,
  joules: null,
});

const UNIT = 1_000_000n;

/** A machine of 0.36 an hour that writes 400 and reads 4000 tokens a second at best. */
export const exampleFacts = (): PictureFacts => ({
  project: 'shop',
  currency: 'USD',
  now: new Date('2026-12-02T00:00:00Z'),
  month: '2026-11',
  startsAt: new Date('2026-11-01T00:00:00Z'),
  endsAt: new Date('2026-12-01T00:00:00Z'),
  hourlyMicros: 360_000n,
  elsewhere: new Map(),
  runs: [run('wild', 1800, 'failed', '2026-10-20T00:00:00Z'), run('first', 7200, 'finished', '2026-11-02T00:00:00Z')],
  sales: [
    sold('2026-09', 'Acorn', 'shop', 30_000_000, 100_000, 60n * UNIT),
    sold('2026-10', 'Acorn', 'shop', 40_000_000, 150_000, 80n * UNIT),
    sold('2026-10', 'Birch', 'shop', 20_000_000, 80_000, 40n * UNIT),
    sold('2026-11', 'Acorn', 'shop', 60_000_000, 200_000, 120n * UNIT),
    sold('2026-11', 'Birch', 'shop-mini', 10_000_000, 50_000, 10n * UNIT),
    sold('2026-11', 'Cedar', 'shop', 50_000_000, 100_000, 100n * UNIT),
    sold('2026-11', 'internal', 'shop', 1_000_000, 10_000, 0n),
  ],
  ledger: [
    booked('2026-09', 'cash', 'payment', 'Acorn', 100n * UNIT),
    booked('2026-10', 'cash', 'payment', 'Birch', 50n * UNIT),
    booked('2026-11', 'revenue', 'usage', null, -230n * UNIT, 300),
    booked('2026-11', 'revenue', 'fee', 'Acorn', -20n * UNIT),
    booked('2026-11', 'cash', 'payment', 'Acorn', 200n * UNIT, 2),
    booked('2026-11', 'cash', 'payment', 'Cedar', 100n * UNIT),
    booked('2026-11', 'credit-grants', 'grant', 'Cedar', 5n * UNIT),
  ],
  subscriptions: [
    {
      customerId: 'acorn',
      customerName: 'Acorn',
      plan: 'pro',
      monthlyMicros: 20n * UNIT,
      paidFrom: new Date('2026-11-01T00:00:00Z'),
      endedAt: null,
    },
  ],
  price: { inputMicros: 0n, outputMicros: 2n * UNIT },
  curve: {
    schemaVersion: 1,
    measuredAt: '2026-11-05T00:00:00Z',
    model: 'shop',
    target: 'own gateway',
    inputTokens: 128,
    outputTokens: 64,
    points: [
      { concurrency: 1, rounds: rounds(0.6) },
      { concurrency: 2, rounds: rounds(1) },
      { concurrency: 4, rounds: rounds(1.6) },
      { concurrency: 8, rounds: rounds(2) },
    ],
  },
  file: parseBusinessFile(parse(BUSINESS_YAML), 'business.yaml'),
  quality: {
    model: 'faq',
    metric: 'accuracy',
    better: 'higher',
    value: 0.87,
    low: 0.84,
    high: 0.9,
    giant: { name: 'Giant-XL', value: 0.81, verdict: 'better' },
  },
});

/** A project in which nothing was ever done. */
export const emptyFacts = (): PictureFacts => ({
  ...exampleFacts(),
  hourlyMicros: null,
  runs: [],
  sales: [],
  ledger: [],
  subscriptions: [],
  price: null,
  curve: null,
  file: null,
  quality: null,
});
