import type { Migration } from '../migrate.js';

/**
 * Credit that customers ask for. A request is no invoice and books nothing; once it is paid, the credit, an invoice that is a receipt
 * and the entries of both are there together. Unused credit that was paid for can be paid back.
 */
export const topUps: Migration = {
  name: 'top-ups',
  // An older billing run would take an invoice for credit for the last one of a plan, and bill usage a second time.
  olderPrograms: 'stop',
  statements: `
    alter table moat.invoices
      -- Neither of an invoice for credit: it covers no usage.
      alter subscription_id drop not null,
      alter period drop not null,
      add check ((subscription_id is null) = (period is null)),
      add check (subscription_id is not null or (usage_micros = 0 and covers_before = after_before and covers_through = after_through));
    alter table moat.invoice_lines
      drop constraint invoice_lines_kind_check,
      add constraint invoice_lines_kind_check
        check (kind in ('usage', 'adjustment', 'fee', 'seats', 'minimum', 'proration', 'tax', 'rounding', 'credit'));
    alter table moat.document_numbers
      drop constraint document_numbers_series_check,
      add constraint document_numbers_series_check check (series in ('invoice', 'credit-note', 'top-up'));
    alter table moat.credit_notes
      -- What of it was paid back in money.
      add refunded_micros bigint not null default 0,
      add constraint credit_notes_parts check (refunded_micros >= 0 and off_due_micros + refunded_micros <= amount_micros);

    create table moat.top_ups (
      id bigint generated always as identity primary key,
      number text not null unique,
      customer_id text not null references moat.customers,
      currency text not null,
      -- Credit that he gets, and what he pays for it, with the tax of the seller as it was when he asked.
      amount_micros bigint not null check (amount_micros > 0),
      due_micros bigint not null check (due_micros >= amount_micros),
      seller jsonb not null,
      state text not null default 'open' check (state in ('open', 'paid', 'void')),
      requested_at timestamptz not null,
      settled_at timestamptz,
      invoice_id bigint unique references moat.invoices,
      check ((state = 'open') = (settled_at is null)),
      check ((state = 'paid') = (invoice_id is not null))
    );
    create index top_ups_by_customer on moat.top_ups (customer_id, id);
    create index top_ups_open on moat.top_ups (id) where state = 'open';
    create function moat.keep_top_up() returns trigger language plpgsql as $$
    begin
      if old.state <> 'open' or to_jsonb(new) - '{state,settled_at,invoice_id}'::text[] <> to_jsonb(old) - '{state,settled_at,invoice_id}'::text[] then
        raise exception 'top-up % is %: it cannot change any more', old.number, old.state using errcode = 'insufficient_privilege';
      end if;
      return new;
    end $$;
    create trigger keep_top_up before update on moat.top_ups for each row execute function moat.keep_top_up();
    create trigger never_deleted before delete or truncate on moat.top_ups for each statement execute function moat.refuse_change();

    -- What a payment service said, once each: the same notice again books nothing.
    create table moat.payment_notices (
      id text primary key check (length(id) between 1 and 200),
      top_up_id bigint not null references moat.top_ups,
      fingerprint bytea not null check (length(fingerprint) = 32),
      received_at timestamptz not null
    );
    create trigger append_only before update or delete or truncate on moat.payment_notices
      for each statement execute function moat.refuse_change();
  `,
};
