/** Who sells and who buys, as invoices name them. */
import { z } from 'zod';
import { MoatError } from '../../../base/errors.js';
import type { AuditWriter } from '../../access/audit-log.js';
import type { Books } from '../customers.js';

const line = z.string().min(1).max(200);

const amount = z.string().regex(/^\d{1,9}(\.\d{1,2})?$/, 'an amount such as "10.00"');

const sellerSchema = z.strictObject({
  name: line,
  /** Whose invoices are numbered together; a name for machines. */
  entity: z
    .string()
    .regex(/^[a-z0-9-]{1,50}$/, 'lower-case letters, digits and hyphens')
    .default('main'),
  /** In whose years numbers begin anew. */
  timeZone: z.string().default('UTC'),
  address: z.array(line).max(8).default([]),
  taxId: line.optional(),
  email: line.optional(),
  /** How to pay: a bank account, a link. */
  payment: z.array(line).max(8).default([]),
  /** Added to what is due beyond prepaid credit, such as "19" or "7.7". */
  taxPercent: z
    .string()
    .regex(/^\d{1,2}(\.\d{1,4})?$/, 'a percentage such as "19" or "7.7"')
    .optional(),
  taxName: line.default('VAT'),
  /** How much credit a customer may ask for at a time. */
  topUp: z.strictObject({ minimum: amount.default('5.00'), maximum: amount.default('10000.00') }).prefault({}),
});
export type Seller = z.output<typeof sellerSchema>;

const buyerSchema = z.strictObject({
  name: line,
  address: z.array(line).max(8).default([]),
  taxId: line.optional(),
  email: line.optional(),
  language: z.enum(['en', 'zh']).default('en'),
});
export type Buyer = z.output<typeof buyerSchema>;

/** @param json what company.json says @throws MoatError `bad-company` naming the field */
export function parseSeller(json: unknown, origin: string): Seller {
  return parse(sellerSchema, json, origin, 'bad-company');
}

/** @throws MoatError `unknown-customer` */
export async function readBuyer({ database }: Books, customerId: string): Promise<Buyer> {
  const [row] = await database.sql<{ name: string; details: unknown }[]>`
    select name, details from moat.customers where id = ${customerId}`;
  if (row === undefined) throw new MoatError('unknown-customer', `customer "${customerId}" does not exist`);
  return buyerFrom(row.details, row.name);
}

/** How invoices name a customer from now on. @throws MoatError `bad-customer`, `unknown-customer` */
export async function setBuyer(
  { database }: Books,
  customerId: string,
  json: unknown,
  audit?: AuditWriter,
): Promise<Buyer> {
  const buyer = parse(buyerSchema, json, 'customer', 'bad-customer');
  await database.sql.begin(async (sql) => {
    const changed = await sql`
      update moat.customers set details = ${JSON.stringify(buyer)}::text::jsonb where id = ${customerId} returning id`;
    if (changed.length === 0) throw new MoatError('unknown-customer', `customer "${customerId}" does not exist`);
    await audit?.(sql, { action: 'customer.named', target: customerId, details: { name: buyer.name } });
  });
  return buyer;
}

/** What is kept of a customer, or an invoice; a customer without details goes by his name. */
export function buyerFrom(stored: unknown, name: string): Buyer {
  const details = typeof stored === 'object' ? stored : {};
  return buyerSchema.parse({ name, ...details });
}

function parse<T>(schema: z.ZodType<T>, json: unknown, origin: string, code: string): T {
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new MoatError(code, `${[origin, ...(issue?.path ?? [])].join(': ')}: ${issue?.message ?? 'not readable'}`, {
    fix: 'docs/BILLING.md shows one.',
  });
}
