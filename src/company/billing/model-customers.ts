import { MoatError } from '../../base/errors.js';
import type { Books } from './customers.js';

/** Somebody who was told that he can have a model. */
export interface ModelCustomer {
  readonly id: string;
  readonly name: string;
  /** The plan whose price book sells it; null for a key that was made for the model by name. */
  readonly plan: string | null;
}

/** Who counts on a model: subscribers whose plan's prices in force name it, and keys made for it. By name; at most 1,000. */
export async function customersOfModel({ database, clock }: Books, model: string): Promise<ModelCustomer[]> {
  const now = new Date(clock.now());
  return database.sql<ModelCustomer[]>`
    with books as (
      select book, currency from (
        select distinct on (book, currency) book, currency, is_withdrawn from moat.prices
         where model = ${model} and starts_at <= ${now} order by book, currency, starts_at desc) p
       where not is_withdrawn)
    select c.id, c.name, p.name as plan
      from moat.subscriptions s
      join moat.plans p on p.id in (s.plan_id, s.next_plan_id)
      join moat.customers c on c.id = s.customer_id
      join books b on b.book = coalesce(p.definition->>'book', 'list') and b.currency = p.currency
     where s.ended_at is null and (s.ends_at is null or s.ends_at > ${now})
    union
    select c.id, c.name, null from moat.api_keys k join moat.customers c on c.id = k.customer_id
     where k.revoked_at is null and (k.expires_at is null or k.expires_at > ${now}) and ${model} = any(k.models)
     order by 2, 3 limit 1000`;
}

const MOST_NAMED = 5;

/** @throws MoatError `model-in-use`, naming who would lose it */
export async function assertNobodyHas(books: Books, model: string): Promise<void> {
  const customers = await customersOfModel(books, model);
  if (customers.length === 0) return;
  const named = customers
    .slice(0, MOST_NAMED)
    .map(({ name, plan }) => (plan === null ? `${name} (a key made for it)` : `${name} (plan ${plan})`));
  const more = customers.length - named.length;
  throw new MoatError(
    'model-in-use',
    `"${model}" is what these customers have: ${named.join(', ')}${more > 0 ? ` and ${more} more` : ''}`,
    {
      fix: 'Promote another model to its name instead, or withdraw it all the same with --force.',
    },
  );
}
