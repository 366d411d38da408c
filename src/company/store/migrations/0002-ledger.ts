import type { Migration } from '../migrate.js';

/**
 * The journal. All legs of a transaction are written by one INSERT, and a trigger over that statement's rows refuses
 * it unless each transaction in it sums to zero in one currency and is complete. So an unbalanced journal can never
 * be seen, not even inside the transaction that writes it; a deferred trigger would check row by row, and later.
 * The same trigger keeps the materialised balances, so that no writer can forget them.
 */
export const ledger: Migration = {
  name: 'ledger',
  statements: `
    create table moat.journal_transactions (
      id bigint generated always as identity primary key,
      kind text not null check (kind in ('usage', 'payment', 'grant')),
      usage_event_id text unique,
      -- The caller's own name for a payment or grant: the same one books once.
      reference text unique,
      leg_count smallint not null check (leg_count >= 2),
      created_at timestamptz not null,
      check ((kind = 'usage') = (usage_event_id is not null))
    );

    -- The trigger below holds both references for a whole statement at once, and what they name can never be deleted.
    create table moat.journal_entries (
      transaction_id bigint not null,
      leg smallint not null check (leg >= 1),
      account_id bigint not null,
      amount_micros bigint not null check (amount_micros <> 0),
      primary key (transaction_id, leg)
    );
    create index journal_entries_by_account on moat.journal_entries (account_id);

    create function moat.post_entries() returns trigger language plpgsql
    set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set join_collapse_limit = 1 set plan_cache_mode = force_generic_plan as $$
    declare
      wrong bigint;
    begin
      select n.transaction_id into wrong
        from new_entries n
        left join moat.journal_transactions t on t.id = n.transaction_id
        left join moat.accounts a on a.id = n.account_id
       group by n.transaction_id, t.leg_count
      having t.leg_count is null or sum(n.amount_micros) <> 0 or count(distinct a.currency) <> 1 or count(a.id) <> t.leg_count
          or max(n.leg) > t.leg_count
       limit 1;
      if found then
        raise exception 'journal transaction % does not balance', wrong using errcode = 'check_violation', constraint = 'journal_balances';
      end if;
      -- Locks are taken in one order, so that two writers never wait for each other.
      perform 1 from moat.accounts where id in (select account_id from new_entries) order by id for no key update;
      update moat.accounts a set balance_micros = a.balance_micros + d.delta
        from (select account_id, sum(amount_micros)::bigint as delta from new_entries group by account_id) d
       where a.id = d.account_id;
      return null;
    end $$;
    create trigger post_entries after insert on moat.journal_entries
      referencing new table as new_entries for each statement execute function moat.post_entries();

    create function moat.refuse_change() returns trigger language plpgsql as $$
    begin
      raise exception '%.% is append-only', tg_table_schema, tg_table_name using errcode = 'insufficient_privilege';
    end $$;
    create trigger append_only before update or delete or truncate on moat.journal_transactions
      for each statement execute function moat.refuse_change();
    create trigger append_only before update or delete or truncate on moat.journal_entries
      for each statement execute function moat.refuse_change();
    create trigger never_deleted before delete or truncate on moat.accounts
      for each statement execute function moat.refuse_change();
  `,
};
