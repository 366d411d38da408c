import type { Currency } from '../../base/money.js';
import type { Database } from '../store/database.js';

/** What an id stands for, for whoever reads a record that has only the id. */
export interface NamedId {
  readonly id: string;
  readonly kind: 'customer' | 'key' | 'user' | 'document';
  /** A customer's, key's or user's name; a document's number. */
  readonly name: string;
  readonly customerId: string | null;
  readonly customerName: string | null;
  readonly currency: Currency | null;
}

/** Those of the ids that are known: customers, keys, users, and the numbers of invoices, credit notes and top-ups. */
export async function nameIds({ sql }: Database, ids: readonly string[]): Promise<NamedId[]> {
  const wanted = [...new Set(ids)];
  if (wanted.length === 0) return [];
  return sql<NamedId[]>`
    with named (id, kind, name, customer_id) as (
      select id, 'customer', name, id from moat.customers where id = any(${wanted})
      union all select id, 'key', name, customer_id from moat.api_keys where id = any(${wanted})
      union all select id::text, 'user', email, null from moat.users where id::text = any(${wanted})
      union all select number, 'document', number, customer_id from moat.invoices where number = any(${wanted})
      union all select n.number, 'document', n.number, i.customer_id
        from moat.credit_notes n join moat.invoices i on i.id = n.invoice_id where n.number = any(${wanted})
      union all select number, 'document', number, customer_id from moat.top_ups where number = any(${wanted}))
    select n.id, n.kind, n.name, c.id as "customerId", c.name as "customerName", c.currency
      from named n left join moat.customers c on c.id = n.customer_id`;
}
