import type { Migration } from '../migrate.js';

/**
 * On what terms a customer may use a model: price books with versions, keys with an end and a scope, credit that expires, credit
 * lines, spending limits. What is reserved leaves the account's own row, so that a request being admitted never waits for another
 * one whose settlement is on its way to the disk.
 */
export const terms: Migration = {
  name: 'terms',
  statements: `
    -- A version of a book is in force from its start until the next one's. 'list' is what everybody pays who has no book of his own.
    create table moat.price_books (
      id bigint generated always as identity primary key,
      name text not null check (length(name) between 1 and 100),
      version integer not null check (version >= 1),
      currency text not null check (currency ~ '^[A-Z]{3}$'),
      -- In whose months tiers, free units and minimums begin anew.
      time_zone text not null,
      starts_at timestamptz not null,
      definition jsonb not null,
      published_at timestamptz not null,
      unique (name, version),
      unique (name, currency, starts_at)
    );
    create trigger append_only before update or delete or truncate on moat.price_books
      for each statement execute function moat.refuse_change();

    -- The rates are exact where there are no charges; where there are (tiers, packages, free units), they are the most a token can cost.
    alter table moat.prices
      add book text not null default 'list',
      add cached_micros_per_million bigint,
      add request_micros bigint not null default 0 check (request_micros between 0 and 10000000000),
      add charges jsonb,
      add time_zone text not null default 'UTC',
      add is_withdrawn boolean not null default false;
    update moat.prices set cached_micros_per_million = input_micros_per_million;
    alter table moat.prices
      alter cached_micros_per_million set not null,
      add check (cached_micros_per_million between 0 and 10000000000),
      drop constraint prices_model_currency_starts_at_key,
      add unique (book, model, currency, starts_at);

    alter table moat.customers
      add book text not null default 'list',
      add suspended_at timestamptz;

    alter table moat.api_keys
      add expires_at timestamptz,
      -- Null: everything. Else what it may do ('chat', 'embeddings' …) and with which models.
      add scopes text[],
      add models text[],
      add last_used_at timestamptz;
    -- A key may have two secrets while one takes the other's place.
    create table moat.key_secrets (
      hash bytea primary key check (length(hash) = 32),
      key_id text not null references moat.api_keys,
      display_prefix text not null,
      created_at timestamptz not null,
      expires_at timestamptz
    );
    create index key_secrets_by_key on moat.key_secrets (key_id);
    insert into moat.key_secrets (hash, key_id, display_prefix, created_at) select hash, id, display_prefix, created_at from moat.api_keys;
    alter table moat.api_keys drop column hash, drop column display_prefix;

    -- How fast: of a customer, with one of his keys, for one model, or both. Counted in each gateway's memory.
    create table moat.rate_limits (
      id bigint generated always as identity primary key,
      customer_id text not null references moat.customers,
      key_id text references moat.api_keys,
      model text,
      requests_per_minute integer check (requests_per_minute >= 1),
      tokens_per_minute bigint check (tokens_per_minute >= 1),
      concurrent_requests integer check (concurrent_requests >= 1),
      check (num_nonnulls(requests_per_minute, tokens_per_minute, concurrent_requests) >= 1),
      unique nulls not distinct (customer_id, key_id, model)
    );

    alter table moat.accounts drop constraint prepaid_never_overdrawn;
    alter table moat.accounts
      -- How much may be owed beyond prepaid credit.
      add credit_line_micros bigint not null default 0 check (credit_line_micros >= 0),
      -- Of the credit that expires first; no request is admitted after it before that credit is taken off.
      add next_expiry timestamptz,
      add constraint prepaid_never_overdrawn check (kind <> 'prepaid' or balance_micros <= credit_line_micros),
      drop constraint accounts_kind_check,
      add constraint accounts_kind_check
        check (kind in ('prepaid', 'revenue', 'cash', 'credit-grants', 'write-offs', 'expired-credit'));
    insert into moat.accounts (kind, currency) select distinct 'expired-credit', currency from moat.accounts;

    alter table moat.journal_transactions drop constraint journal_transactions_kind_check;
    alter table moat.journal_transactions
      add constraint journal_transactions_kind_check
        check (kind in ('usage', 'payment', 'grant', 'expiry', 'fee', 'adjustment', 'credit-note', 'refund')),
      add description text;

    -- What open requests may still cost. The sum of an account's reservations; a trigger would be the same for every row.
    create table moat.holds (
      account_id bigint primary key references moat.accounts,
      reserved_micros bigint not null default 0 check (reserved_micros >= 0)
    ) with (fillfactor = 50);
    insert into moat.holds select id, reserved_micros from moat.accounts where kind = 'prepaid';
    alter table moat.accounts drop column reserved_micros;
    create function moat.open_hold() returns trigger language plpgsql as $$
    begin
      insert into moat.holds (account_id) values (new.id);
      return null;
    end $$;
    create trigger open_hold after insert on moat.accounts for each row when (new.kind = 'prepaid') execute function moat.open_hold();

    alter table moat.reservations add budgets bigint[];

    -- Prepaid credit as it came, where it expires or has its turn. Consumption is shared out when the set of credits changes:
    -- between two changes every order of consumption leaves the same remainders.
    create table moat.credits (
      id bigint generated always as identity primary key,
      transaction_id bigint not null unique,
      account_id bigint not null references moat.accounts,
      amount_micros bigint not null check (amount_micros > 0),
      remaining_micros bigint not null check (remaining_micros between 0 and amount_micros),
      -- Lower is used first.
      priority integer not null,
      expires_at timestamptz,
      created_at timestamptz not null
    );
    create index credits_open on moat.credits (account_id) where remaining_micros > 0;
    insert into moat.credits (transaction_id, account_id, amount_micros, remaining_micros, priority, created_at)
    select t.id, e.account_id, -e.amount_micros, -e.amount_micros, 100, t.created_at
      from moat.journal_transactions t join moat.journal_entries e on e.transaction_id = t.id join moat.accounts a on a.id = e.account_id
     where t.kind in ('payment', 'grant') and a.kind = 'prepaid' and e.amount_micros < 0;

    -- How much may be spent in a span of time: by a customer, with one of his keys, on one model, or both.
    create table moat.budgets (
      id bigint generated always as identity primary key,
      customer_id text not null references moat.customers,
      key_id text references moat.api_keys,
      model text,
      span text not null check (span in ('day', 'month', 'total')),
      time_zone text not null,
      limit_micros bigint not null check (limit_micros >= 0),
      reserved_micros bigint not null default 0 check (reserved_micros >= 0),
      ended_at timestamptz
    );
    create index budgets_by_customer on moat.budgets (customer_id) where ended_at is null;
    create table moat.budget_spending (
      budget_id bigint not null references moat.budgets,
      window_start timestamptz not null,
      spent_micros bigint not null,
      primary key (budget_id, window_start)
    ) with (fillfactor = 50);

    -- What a customer used of a book's model in a month of the book's zone: where in the tiers the next token falls.
    create table moat.rated_usage (
      customer_id text not null references moat.customers,
      book text not null,
      model text not null,
      month text not null,
      input bigint not null,
      cached_input bigint not null,
      output bigint not null,
      requests bigint not null,
      charged_micros bigint not null,
      primary key (customer_id, book, model, month)
    );
  `,
};
