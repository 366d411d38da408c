/** A book of prices as a founder writes it (JSON), and the bill it makes of a month's usage. */
import { z } from 'zod';
import { MoatError } from '../../base/errors.js';
import { type Micros, parseMicros } from '../../base/money.js';
import { type Charge, rate } from './rating.js';

/** Disjoint: tokens of the prompt that a cache had are not among the input tokens. */
export const USAGE_CLASSES = ['input', 'cachedInput', 'output', 'request'] as const;
export type UsageClass = (typeof USAGE_CLASSES)[number];

/** An amount of money, 0 or more, as a decimal string. */
export const amountSchema = z.string().transform((text, context): Micros => {
  try {
    const micros = parseMicros(text);
    if (micros >= 0n) return micros;
    context.addIssue({ code: 'custom', message: `"${text}" is below 0` });
  } catch {
    context.addIssue({ code: 'custom', message: `"${text}" is not an amount such as "0.10"` });
  }
  return z.NEVER;
});
const units = z.int().min(0).max(1e15).transform(BigInt);
const tiers = z
  .array(z.strictObject({ upTo: z.int().positive().max(1e15).transform(BigInt).optional(), price: amountSchema }))
  .min(1)
  .max(100)
  .superRefine((list, context) => {
    for (const [index, { upTo }] of list.entries()) {
      const isLast = index === list.length - 1;
      const before = list[index - 1]?.upTo ?? 0n;
      if (isLast && upTo !== undefined)
        context.addIssue({ code: 'custom', message: 'the last tier ends, and what is beyond would have no price' });
      else if (!isLast && (upTo === undefined || upTo <= before))
        context.addIssue({ code: 'custom', message: `tier ${index + 1} does not end above the one before it` });
    }
  })
  .transform((list) => list.map(({ upTo, price }) => ({ upTo, priceMicros: price })));

const common = { free: units.default(0n), per: z.int().positive().max(1e12).default(1_000_000).transform(BigInt) };
const priced = ({ price, ...rest }: { price: Micros; free: bigint; per: bigint }) => ({ ...rest, priceMicros: price });
const chargeSchema: z.ZodType<Charge> = z.discriminatedUnion('kind', [
  z
    .strictObject({ kind: z.literal('flat'), price: amountSchema, ...common })
    .transform(({ kind, ...charge }) => ({ kind, ...priced(charge) })),
  z
    .strictObject({ kind: z.literal('package'), price: amountSchema, ...common })
    .transform(({ kind, ...charge }) => ({ kind, ...priced(charge) })),
  z.strictObject({ kind: z.literal('graduated'), tiers, ...common }),
  z.strictObject({ kind: z.literal('volume'), tiers, ...common }),
]);

const bookSchema = z.strictObject({
  name: z.string().min(1).max(100),
  currency: z.string().regex(/^[A-Z]{3}$/, 'an ISO 4217 code such as USD'),
  /** By the model's name; what has no price here is not sold. */
  models: z.record(z.string(), z.partialRecord(z.enum(USAGE_CLASSES), chargeSchema)),
  /** A month, for each person who may use it. */
  seat: amountSchema.optional(),
  /** A month; what is used less is filled up to it. */
  minimum: amountSchema.optional(),
});
export type PriceBook = z.output<typeof bookSchema>;

/** @throws MoatError `bad-price-book` naming the field */
export function parsePriceBook(json: unknown, origin: string): PriceBook {
  const parsed = bookSchema.safeParse(json);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new MoatError(
    'bad-price-book',
    `${origin}: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'not a price book'}`,
    {
      fix: 'moat prices --help shows one.',
    },
  );
}

export interface ModelUsage {
  readonly model: string;
  readonly quantities: Readonly<Record<UsageClass, bigint>>;
}

/** Of one customer in one month. */
export interface MonthUsage {
  readonly models: readonly ModelUsage[];
  readonly seats: bigint;
}

export interface BillLine {
  readonly what: UsageClass | 'seat' | 'minimum';
  readonly model: string | undefined;
  readonly quantity: bigint;
  readonly micros: Micros;
}

export interface Bill {
  readonly lines: readonly BillLine[];
  /** Σ of the lines. */
  readonly totalMicros: Micros;
  /** Models that were used and have no price in the book: they would have been refused. */
  readonly unpriced: readonly string[];
}

/** Lines of what was used, of seats, and of what is missing to the minimum. */
export function billOf(book: PriceBook, { models, seats }: MonthUsage): Bill {
  const used = models.flatMap(({ model, quantities }): BillLine[] => {
    const charges = book.models[model] ?? {};
    return USAGE_CLASSES.flatMap((what) => {
      const charge = charges[what];
      const quantity = quantities[what];
      return charge === undefined || quantity === 0n ? [] : [{ what, model, quantity, micros: rate(charge, quantity) }];
    });
  });
  const seated: BillLine[] =
    book.seat === undefined || seats === 0n
      ? []
      : [{ what: 'seat', model: undefined, quantity: seats, micros: seats * book.seat }];
  const lines = [...used, ...seated];
  const subtotal = lines.reduce((sum, { micros }) => sum + micros, 0n);
  const missing = (book.minimum ?? 0n) - subtotal;
  const filled: BillLine[] = missing > 0n ? [{ what: 'minimum', model: undefined, quantity: 1n, micros: missing }] : [];
  return {
    lines: [...lines, ...filled],
    totalMicros: subtotal + (missing > 0n ? missing : 0n),
    unpriced: models.map(({ model }) => model).filter((model) => book.models[model] === undefined),
  };
}

/** The least that a million units of a kind may be sold for, model by model; what is free is left out of it. */
export function lowestPrices(
  { models }: PriceBook,
  what: UsageClass,
): { readonly model: string; readonly microsPerMillion: Micros }[] {
  return Object.entries(models).flatMap(([model, charges]) => {
    const charge = charges[what];
    if (charge === undefined) return [];
    const prices = 'tiers' in charge ? charge.tiers.map(({ priceMicros }) => priceMicros) : [charge.priceMicros];
    const lowest = prices.reduce((a, b) => (b < a ? b : a));
    return [{ model, microsPerMillion: (lowest * 1_000_000n) / charge.per }];
  });
}
