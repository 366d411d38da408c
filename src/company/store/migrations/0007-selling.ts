import type { Migration } from '../migrate.js';

/**
 * Plans, subscriptions, invoices. What a customer uses goes through his prepaid account; what he is billed for beyond that (fees,
 * seats, overage, tax) is owed on his receivable account, so that a fee never eats the credit it has bought.
 */
export const selling: Migration = {
  name: 'selling',
  statements: `
    alter table moat.accounts
      drop constraint accounts_kind_check,
      drop constraint accounts_check,
      add constraint accounts_kind_check check (kind in ('prepaid', 'receivable', 'revenue', 'cash', 'credit-grants', 'write-offs',
        'expired-credit', 'tax-payable')),
      add constraint accounts_check check ((kind in ('prepaid', 'receivable')) = (customer_id is not null));
    insert into moat.accounts (kind, currency) select distinct 'tax-payable', currency from moat.accounts;
    insert into moat.accounts (kind, customer_id, currency) select 'receivable', customer_id, currency from moat.accounts where kind = 'prepaid';
    -- An invoice reads one account's entries from a transaction on.
    drop index moat.journal_entries_by_account;
    create index journal_entries_by_account on moat.journal_entries (account_id, transaction_id);

    alter table moat.customers
      -- As invoices name him: name, address, taxId, email, language.
      add details jsonb not null default '{}',
      -- Why he was suspended; what was done for an overdue invoice is undone by its payment.
      add suspended_for text check (suspended_for in ('overdue', 'manual'));
    alter table moat.budgets add alert_percents integer[] not null default '{80,100}';

    create table moat.plans (
      id bigint generated always as identity primary key,
      name text not null check (length(name) between 1 and 100),
      version integer not null check (version >= 1),
      currency text not null check (currency ~ '^[A-Z]{3}$'),
      definition jsonb not null,
      published_at timestamptz not null,
      unique (name, version)
    );
    create trigger append_only before update or delete or truncate on moat.plans
      for each statement execute function moat.refuse_change();

    create table moat.subscriptions (
      id bigint generated always as identity primary key,
      customer_id text not null references moat.customers,
      plan_id bigint not null references moat.plans,
      seats integer not null check (seats between 0 and 1000000),
      started_at timestamptz not null,
      -- When the first period begins that is paid for: the start, or the trial's end. Later ones begin on its day of the month.
      paid_from timestamptz not null,
      -- The period that has to be billed next, and when it begins.
      next_period integer not null,
      next_at timestamptz not null,
      -- What holds from the next period on, where it was decided already.
      next_plan_id bigint references moat.plans,
      next_seats integer check (next_seats between 0 and 1000000),
      ends_at timestamptz,
      ended_at timestamptz,
      -- Usage booked before it was prepaid, and belongs to no invoice.
      covered_id bigint not null
    );
    create unique index one_subscription on moat.subscriptions (customer_id) where ended_at is null;
    create index subscriptions_due on moat.subscriptions (next_at) where ended_at is null;

    create table moat.billing_periods (
      subscription_id bigint not null references moat.subscriptions,
      period integer not null,
      starts_at timestamptz not null,
      ends_at timestamptz not null check (ends_at > starts_at),
      plan_id bigint not null references moat.plans,
      seats integer not null,
      primary key (subscription_id, period)
    );

    create table moat.invoices (
      id bigint generated always as identity primary key,
      state text not null check (state in ('draft', 'open', 'paid', 'void')),
      number text unique,
      customer_id text not null references moat.customers,
      subscription_id bigint not null references moat.subscriptions,
      -- The period that it opens; what was used before its start is what it covers.
      period integer not null,
      currency text not null,
      seller jsonb not null,
      buyer jsonb not null,
      usage_from timestamptz not null,
      -- Covers usage and adjustments with a time before and an id up to these, less what the invoice before covered in the same sense.
      covers_before timestamptz not null,
      covers_through bigint not null,
      after_before timestamptz not null,
      after_through bigint not null,
      -- No uncovered transaction of the account has a lower id.
      resume_id bigint not null,
      usage_micros bigint not null,
      tax_percent text,
      tax_micros bigint not null,
      total_micros bigint not null,
      from_credit_micros bigint not null,
      due_micros bigint not null check (due_micros >= 0),
      transaction_id bigint unique,
      issued_at timestamptz not null,
      due_at timestamptz not null,
      settled_at timestamptz,
      unique (subscription_id, period),
      check ((state = 'draft') = (number is null)),
      check (total_micros = from_credit_micros + due_micros)
    );
    create index invoices_by_customer on moat.invoices (customer_id, id);
    create index invoices_open on moat.invoices (due_at) where state = 'open';

    create table moat.invoice_lines (
      invoice_id bigint not null references moat.invoices,
      position integer not null,
      kind text not null check (kind in ('usage', 'adjustment', 'fee', 'seats', 'minimum', 'proration', 'tax', 'rounding')),
      amount_micros bigint not null,
      detail jsonb not null,
      primary key (invoice_id, position)
    );

    create function moat.keep_invoice() returns trigger language plpgsql as $$
    begin
      if tg_op = 'DELETE' then
        raise exception 'an invoice is never deleted' using errcode = 'insufficient_privilege';
      end if;
      if old.state <> 'draft' and (to_jsonb(new) - 'state' - 'settled_at' <> to_jsonb(old) - 'state' - 'settled_at'
          or not (old.state = 'open' and new.state in ('open', 'paid', 'void'))) then
        raise exception 'invoice % is %: it cannot change any more', old.number, old.state using errcode = 'insufficient_privilege';
      end if;
      return new;
    end $$;
    create trigger keep_invoice before update or delete on moat.invoices for each row execute function moat.keep_invoice();
    create trigger never_truncated before truncate on moat.invoices for each statement execute function moat.refuse_change();
    create function moat.keep_invoice_lines() returns trigger language plpgsql as $$
    begin
      if not exists (select 1 from moat.invoices i where i.id = new.invoice_id and i.state = 'draft') then
        raise exception 'an invoice that is issued takes no more lines' using errcode = 'insufficient_privilege';
      end if;
      return new;
    end $$;
    create trigger draft_only before insert on moat.invoice_lines for each row execute function moat.keep_invoice_lines();
    create trigger append_only before update or delete or truncate on moat.invoice_lines
      for each statement execute function moat.refuse_change();

    -- What the next invoice has to say beside fees and usage.
    create table moat.pending_lines (
      id bigint generated always as identity primary key,
      customer_id text not null references moat.customers,
      kind text not null check (kind in ('proration')),
      amount_micros bigint not null,
      detail jsonb not null,
      created_at timestamptz not null,
      invoice_id bigint references moat.invoices
    );
    create index pending_lines_open on moat.pending_lines (customer_id) where invoice_id is null;

    create table moat.credit_notes (
      id bigint generated always as identity primary key,
      number text not null unique,
      invoice_id bigint not null references moat.invoices,
      amount_micros bigint not null check (amount_micros > 0),
      tax_micros bigint not null check (tax_micros between 0 and amount_micros),
      -- What it takes off the sum due, and what it gives back as prepaid credit.
      off_due_micros bigint not null check (off_due_micros between 0 and amount_micros),
      reason text not null,
      transaction_id bigint not null unique,
      issued_at timestamptz not null
    );
    create index credit_notes_by_invoice on moat.credit_notes (invoice_id);
    create trigger append_only before update or delete or truncate on moat.credit_notes
      for each statement execute function moat.refuse_change();

    -- Numbers without gaps: the row is locked until the document that took a number is committed with it.
    create table moat.document_numbers (
      entity text not null,
      series text not null check (series in ('invoice', 'credit-note')),
      year integer not null,
      last integer not null check (last >= 1),
      primary key (entity, series, year)
    );
    create function moat.next_number(entity text, series text, year integer) returns integer language sql as $$
      insert into moat.document_numbers as n values (entity, series, year, 1)
      on conflict on constraint document_numbers_pkey do update set last = n.last + 1 returning last
    $$;

    -- Written once for a threshold of a credit or of a budget's span of time.
    create table moat.spend_alerts (
      id bigint generated always as identity primary key,
      customer_id text not null references moat.customers,
      subject text not null,
      percent integer not null,
      spent_micros bigint not null,
      limit_micros bigint not null,
      fired_at timestamptz not null,
      delivered_at timestamptz,
      unique (subject, percent)
    );
    create index spend_alerts_undelivered on moat.spend_alerts (id) where delivered_at is null;
    create index accounts_by_expiry on moat.accounts (next_expiry) where next_expiry is not null;
  `,
};
