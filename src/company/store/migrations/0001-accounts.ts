import type { Migration } from '../migrate.js';

/** Customers, their keys, prices, and the accounts of the ledger with their materialised balances. */
export const accounts: Migration = {
  name: 'accounts',
  statements: `
    create table moat.customers (
      id text primary key,
      name text not null unique check (length(name) between 1 and 200),
      kind text not null check (kind in ('paying', 'internal')),
      currency text not null check (currency ~ '^[A-Z]{3}$'),
      created_at timestamptz not null
    );
    create unique index one_internal_customer on moat.customers (kind) where kind = 'internal';

    create table moat.api_keys (
      id text primary key,
      customer_id text not null references moat.customers,
      name text not null,
      hash bytea not null unique check (length(hash) = 32),
      display_prefix text not null,
      created_at timestamptz not null,
      revoked_at timestamptz
    );
    create index api_keys_by_customer on moat.api_keys (customer_id);

    -- A model without a row here is not for sale; a price of 0 is a decision and a row.
    create table moat.prices (
      id bigint generated always as identity primary key,
      model text not null,
      currency text not null check (currency ~ '^[A-Z]{3}$'),
      input_micros_per_million bigint not null check (input_micros_per_million between 0 and 10000000000),
      output_micros_per_million bigint not null check (output_micros_per_million between 0 and 10000000000),
      starts_at timestamptz not null,
      unique (model, currency, starts_at)
    );

    -- Debits are positive, credits negative. A customer's prepaid credit is owed to him: a liability, at most zero, so
    -- that no program, whatever its defect, can spend credit that is not there.
    create table moat.accounts (
      id bigint generated always as identity primary key,
      kind text not null check (kind in ('prepaid', 'revenue', 'cash', 'credit-grants', 'write-offs')),
      customer_id text references moat.customers,
      currency text not null,
      balance_micros bigint not null default 0,
      reserved_micros bigint not null default 0 check (reserved_micros >= 0),
      check ((kind = 'prepaid') = (customer_id is not null)),
      constraint prepaid_never_overdrawn check (kind <> 'prepaid' or balance_micros <= 0),
      unique nulls not distinct (kind, customer_id, currency)
    ) with (fillfactor = 50);
    create index accounts_by_customer on moat.accounts (customer_id) where customer_id is not null;
  `,
};
