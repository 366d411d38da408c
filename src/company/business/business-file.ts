/** The founder's own page (`business.yaml`): what no meter can know. Amounts are decimals; what is left out is missing, never 0. */
import { z } from 'zod';
import { MoatError } from '../../base/errors.js';
import { type Micros, parseMicros, type Rate } from '../../base/money.js';
import { ASSUMPTIONS } from './forecast.js';
import { exactly } from './measurement.js';

export const BLOCKS = [
  'partners',
  'activities',
  'resources',
  'value',
  'relationships',
  'channels',
  'segments',
  'costs',
  'revenue',
] as const;
export type Block = (typeof BLOCKS)[number];

/** `30`, `30.5` or `"30.50"`: a number's shortest decimal form is what the founder wrote. */
const amount = z.union([z.string(), z.number()]).transform((written, context): Micros => {
  try {
    const micros = parseMicros(String(written));
    if (micros >= 0n) return micros;
  } catch {
    // said below
  }
  context.addIssue({ code: 'custom', message: `"${written}" is not an amount such as 30.50` });
  return z.NEVER;
});
const percent = z
  .number()
  .min(0)
  .max(99)
  .transform((value): Rate => {
    const { numerator, denominator } = exactly(value, 'percent');
    return { numerator, denominator: denominator * 100n };
  });
const month = z.string().regex(/^\d{4}-(0[1-9]|1[0-2])$/, 'a month such as 2026-11');
const day = z.iso.date('a day such as 2026-11-30');
const byMonth = z.record(month, amount);
const text = z.string().min(1).max(2000);
const name = z.string().min(1).max(100);
const evidence = z.array(text).max(20).default([]);

/** A bare text is a claim; with a fact, the fact's figure stands beside it; with evidence, links do. */
const entry = z.union([
  text.transform((claim) => ({ text: claim, fact: undefined, evidence: [] as string[] })),
  z.strictObject({ text, fact: z.string().optional(), evidence }).transform((each) => ({ ...each, fact: each.fact })),
]);
const entries = z.array(entry).max(30).default([]);

const range = z.union([
  z.number().transform((base) => ({ base, fact: undefined, low: undefined, high: undefined })),
  z
    .strictObject({
      base: z.number().optional(),
      fact: z.string().optional(),
      low: z.number().optional(),
      high: z.number().optional(),
    })
    .refine(({ base, fact }) => (base === undefined) !== (fact === undefined), 'either base or fact')
    .transform(({ base, fact, low, high }) => ({ base, fact, low, high })),
]);

const competitor = z.strictObject({
  name,
  /** Of a million tokens. */
  inputPrice: amount.optional(),
  outputPrice: amount.optional(),
  /** On our own test set, in the unit of our own score. */
  quality: z.number().optional(),
  /** To the first token. */
  latencyMs: z.number().nonnegative().optional(),
  limits: text.optional(),
  evidence,
});

const schema = z.strictObject({
  schemaVersion: z.literal(1).default(1),
  canvas: z
    .strictObject(Object.fromEntries(BLOCKS.map((block) => [block, entries])) as Record<Block, typeof entries>)
    .prefault({}),
  /** What an hour of serving is paid for. */
  serving: z
    .strictObject({
      machines: z.int().min(1).max(100_000).default(1),
      hoursPerDay: z.number().min(0).max(24).default(24),
      /** Trained on the same machines: their time is paid already. */
      alsoTrains: z.boolean().default(false),
    })
    .optional(),
  electricity: z
    .strictObject({
      watts: z.number().nonnegative().optional(),
      pricePerKilowattHour: amount.optional(),
      inHourlyPrice: z.boolean().default(true),
    })
    .optional(),
  /** What the payment service keeps. */
  payments: z.strictObject({ percent, fixed: amount }).optional(),
  /** Costs of every month: people, rent. */
  monthlyCosts: z
    .array(z.strictObject({ name, amount, from: month.optional(), to: month.optional() }))
    .max(200)
    .optional(),
  /** What data cost, when it was paid. */
  dataCosts: z
    .array(z.strictObject({ name, amount, date: day }))
    .max(1000)
    .optional(),
  /** Revenue that goes through other books, by line: `advertising: { 2026-11: 30 }`. */
  otherRevenue: z.record(name, byMonth).default({}),
  channels: z
    .array(z.strictObject({ name, spend: byMonth.optional(), customers: z.array(name).default([]) }))
    .max(100)
    .optional(),
  /** In the bank at the end of that day. */
  cash: z.strictObject({ amount, at: day }).optional(),
  /** A model under `models/` whose report says how good it is. */
  evaluation: z.strictObject({ model: name, giant: name.optional() }).optional(),
  scenario: z
    .strictObject({
      months: z.int().min(1).max(120).default(24),
      draws: z.int().min(100).max(100_000).default(2000),
      seed: z.int().min(0).max(4_294_967_295).default(1),
      assumptions: z.partialRecord(z.enum(ASSUMPTIONS), range).default({}),
    })
    .optional(),
  buildOrBuy: z
    .strictObject({
      /** The name of a competitor with an output price. */
      giant: name,
      ownShare: z.number().min(0).max(1).default(1),
      trainingMonths: z.int().min(1).max(120).default(12),
      /** Millions of output tokens a month. */
      volumes: z.array(z.number().positive()).min(1).max(20).default([1, 10, 100, 1000]),
    })
    .optional(),
  market: z
    .strictObject({
      competitors: z.array(competitor).max(50).default([]),
      positioning: z
        .strictObject({ x: z.enum(['price', 'quality', 'latency']), y: z.enum(['price', 'quality', 'latency']) })
        .default({ x: 'price', y: 'quality' }),
      moat: z.strictObject({ data: entries, evaluation: entries, switching: entries, licences: entries }).prefault({}),
    })
    .prefault({}),
});

export type BusinessFile = z.output<typeof schema>;
export type CanvasEntry = z.output<typeof entry>;
export type Competitor = z.output<typeof competitor>;
export type StatedRange = z.output<typeof range>;

/** @param value as YAML or JSON gave it; null for an empty file. @throws MoatError `bad-business-file` naming the field */
export function parseBusinessFile(value: unknown, origin: string): BusinessFile {
  const parsed = schema.safeParse(value ?? {});
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new MoatError(
    'bad-business-file',
    [origin, issue?.path.join('.') ?? '', issue?.message ?? ''].filter((part) => part !== '').join(': '),
    {
      fix: 'docs/BUSINESS.md shows every field.',
    },
  );
}
