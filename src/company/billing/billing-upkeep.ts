/** Everything about money that time brings on: credit expires, periods end, thresholds are passed, invoices fall overdue. */
import { runBilling } from './billing-run.js';
import type { Books } from './customers.js';
import type { Seller } from './invoices/parties.js';
import { type SpendAlert, deliverSpendAlerts, fireSpendAlerts } from './spend-alerts.js';

export interface BillingUpkeep {
  /** Without one nothing is billed: an invoice needs somebody who issues it. */
  readonly seller: Seller | undefined;
  /** Tells a customer. Default: alerts are only listed. */
  readonly deliver?: (alert: SpendAlert) => Promise<void>;
  /** Called with what went wrong for one customer, or in one step; the rest is done. */
  readonly onProblem: (error: unknown) => void;
}

/** To be called every minute, by as many processes as like; what one has done, another finds done. */
export async function keepBilling(books: Books, { seller, deliver, onProblem }: BillingUpkeep): Promise<void> {
  const steps = [
    () => expireCredits(books, onProblem),
    async () => {
      if (seller !== undefined) await runBilling(books, { seller, onProblem });
    },
    () => suspendOverdue(books),
    () => fireSpendAlerts(books),
    async () => {
      if (deliver !== undefined) await deliverSpendAlerts(books, deliver);
    },
  ];
  for (const step of steps) {
    try {
      await step();
    } catch (error) {
      onProblem(error);
    }
  }
}

const MINUTE_MS = 60_000;

/** Does it now and every minute. @returns what ends it, when what is under way is done */
export function startBillingUpkeep(books: Books, upkeep: BillingUpkeep): { close(): Promise<void> } {
  let running = keepBilling(books, upkeep);
  const timer = setInterval(() => {
    running = running.then(() => keepBilling(books, upkeep));
  }, MINUTE_MS);
  timer.unref();
  return {
    async close() {
      clearInterval(timer);
      await running;
    },
  };
}

/** Takes credit off that has expired; what open requests hold of it goes when they are done. */
export async function expireCredits(books: Books, onProblem: (error: unknown) => void): Promise<void> {
  const now = new Date(books.clock.now());
  const { sql } = books.database;
  const due = await sql<{ id: bigint }[]>`select id from moat.accounts where next_expiry <= ${now} order by id`;
  for (const { id } of due) await sql`select moat.expire_credit(${id}, ${now})`.catch(onProblem);
}

/**
 * Suspends customers whose plan says so, when an invoice is overdue for as long as it says. Payment lifts it.
 * @returns the customers that are suspended now and were not before
 */
export async function suspendOverdue({ database, clock }: Books): Promise<string[]> {
  const now = new Date(clock.now());
  const rows = await database.sql<{ id: string }[]>`
    update moat.customers c set suspended_at = ${now}, suspended_for = 'overdue'
     where c.suspended_at is null and exists (
       select 1 from moat.invoices i join moat.subscriptions s on s.id = i.subscription_id join moat.plans p on p.id = s.plan_id
        where i.customer_id = c.id and i.state = 'open'
          and i.due_at + make_interval(days => (p.definition->>'suspendAfterDays')::int) <= ${now})
    returning id`;
  return rows.map(({ id }) => id).sort();
}
