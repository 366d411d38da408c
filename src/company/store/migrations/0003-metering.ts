import type { Migration } from '../migrate.js';

/**
 * Reservations and usage events, and the two functions every answer passes: `admit` (authenticate, price, reserve)
 * and `settle` (usage event, ledger entry, reservation closed). Both take a batch, so that requests arriving
 * together share one round trip and one commit. Their plans are made once, on nearly empty tables, and kept: so they are
 * told to look rows up by index, or they would read a grown table whole for every batch.
 */
export const metering: Migration = {
  name: 'metering',
  statements: `
    -- Open reservations only: settling or sweeping deletes the row.
    create table moat.reservations (
      request_id text primary key,
      account_id bigint not null,
      amount_micros bigint not null check (amount_micros >= 0),
      expires_at timestamptz not null
    );
    create index reservations_by_expiry on moat.reservations (expires_at);

    create table moat.usage_events (
      -- 'use_' and the request's own suffix: one request can have one event.
      id text primary key check (id like 'use\\_%'),
      time timestamptz not null,
      customer_id text not null references moat.customers,
      key_id text,
      model text not null,
      price_id bigint,
      input_tokens integer not null check (input_tokens between 0 and 100000000),
      cached_tokens integer not null check (cached_tokens between 0 and input_tokens),
      output_tokens integer not null check (output_tokens between 0 and 100000000),
      compute_us bigint not null check (compute_us >= 0),
      charged_micros bigint not null check (charged_micros >= 0),
      currency text not null,
      kind text not null check (kind in ('paying', 'internal')),
      status text not null check (status in ('finished', 'aborted', 'failed')),
      check (kind = 'paying' or charged_micros = 0)
    );
    create index usage_events_by_time on moat.usage_events (time);
    create index usage_events_by_customer on moat.usage_events (customer_id, time);
    create trigger append_only before update or delete or truncate on moat.usage_events
      for each statement execute function moat.refuse_change();

    -- Rounded up once an event. Tokens <= 1e8 and prices <= 1e10 keep the products within bigint.
    create function moat.cost_micros(input_tokens bigint, output_tokens bigint, input_price bigint, output_price bigint)
    returns bigint language sql immutable as $$
      select (input_tokens * input_price + output_tokens * output_price + 999999) / 1000000
    $$;

    create function moat.admit(batch jsonb, at timestamptz, lifetime interval)
    returns table (
      place integer, outcome text, customer_id text, key_id text, kind text, currency text, account_id bigint,
      price_id bigint, input_price bigint, output_price bigint, reserved_micros bigint, available_micros bigint
    ) language plpgsql set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set join_collapse_limit = 1 set plan_cache_mode = force_generic_plan as $$
    #variable_conflict use_column
    declare
      asked record;
    begin
      -- A reservation lost in a power cut is a reservation released, so admission does not wait for the disk.
      perform set_config('synchronous_commit', 'off', true);
      -- All accounts of the batch at once and in one order: two gateways never wait for each other in a circle.
      perform 1 from moat.accounts a where a.id in (
        select p.id from jsonb_to_recordset(batch) as r(hash text)
          join moat.api_keys k on k.hash = decode(r.hash, 'hex')
          join moat.accounts p on p.customer_id = k.customer_id and p.kind = 'prepaid'
      ) order by a.id for no key update;
      -- Where the credit covers all that a customer asks for in this batch, one update reserves it; where it does not,
      -- his requests are taken one by one, in order, below.
      for asked in
        with resolved as materialized (
          select r.*, c.id as customer, k.id as key, c.kind as customer_kind, c.currency as customer_currency, p.id as account,
                 q.id as price, q.input_micros_per_million as input_rate, q.output_micros_per_million as output_rate,
                 case when c.kind = 'paying' then
                   moat.cost_micros(r.input_tokens, r.max_tokens, q.input_micros_per_million, q.output_micros_per_million)
                 end as cost
            from rows from (
              jsonb_to_recordset(batch) as (request_id text, hash text, model text, input_tokens integer, max_tokens integer)
            ) with ordinality as r(request_id, hash, model, input_tokens, max_tokens, ordinal)
            left join moat.api_keys k on k.hash = decode(r.hash, 'hex') and k.revoked_at is null
            left join moat.customers c on c.id = case when r.hash is null then 'internal' else k.customer_id end
            left join moat.accounts p on p.kind = 'prepaid' and p.customer_id = c.id and p.currency = c.currency
            left join lateral (
              select * from moat.prices x where x.model = r.model and x.currency = c.currency and x.starts_at <= at
               order by x.starts_at desc limit 1
            ) q on true
        ), totals as (
          select account, sum(cost)::bigint as total from resolved where cost is not null group by account
        ), covered as (
          update moat.accounts a set reserved_micros = a.reserved_micros + t.total from totals t
           where a.id = t.account and -a.balance_micros - a.reserved_micros >= t.total
          returning a.id
        ), kept as (
          insert into moat.reservations
          select request_id, account, cost, at + lifetime from resolved where cost is not null and account in (select id from covered)
        )
        select r.*, r.account in (select id from covered) as is_covered from resolved r order by ordinal
      loop
        place := asked.ordinal - 1;
        customer_id := asked.customer; key_id := asked.key; kind := asked.customer_kind; currency := asked.customer_currency;
        account_id := asked.account; price_id := asked.price; input_price := asked.input_rate; output_price := asked.output_rate;
        reserved_micros := asked.cost; available_micros := null;
        if asked.customer is null then
          outcome := 'unknown-key';
        elsif asked.customer_kind = 'internal' then
          outcome := 'admitted'; reserved_micros := 0;
        elsif asked.price is null then
          outcome := 'unpriced';
        elsif asked.is_covered then
          outcome := 'admitted';
        else
          update moat.accounts a set reserved_micros = a.reserved_micros + asked.cost
           where a.id = asked.account and -a.balance_micros - a.reserved_micros >= asked.cost;
          if found then
            insert into moat.reservations values (asked.request_id, asked.account, asked.cost, at + lifetime);
            outcome := 'admitted';
          else
            outcome := 'insufficient-credit';
            select -a.balance_micros - a.reserved_micros into available_micros from moat.accounts a where a.id = asked.account;
          end if;
        end if;
        return next;
      end loop;
    end $$;

    create function moat.settle(batch jsonb) returns table (request_id text, charged_micros bigint, settled boolean)
    language plpgsql set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set join_collapse_limit = 1 set plan_cache_mode = force_generic_plan as $$
    #variable_conflict use_column
    begin
      perform 1 from moat.accounts a
        where a.id in (select r.account_id from jsonb_to_recordset(batch) as r(account_id bigint)) order by a.id for no key update;
      return query
      with asked as materialized (
        select distinct on (request_id) * from jsonb_to_recordset(batch) as r(
          request_id text, at timestamptz, customer_id text, key_id text, kind text, currency text, account_id bigint, model text,
          price_id bigint, input_tokens integer, cached_tokens integer, output_tokens integer, compute_us bigint, status text)
        order by request_id
      ), costed as materialized (
        select a.*, 'use_' || substr(a.request_id, 5) as event_id,
               -- A failed answer is recorded, and free.
               case when a.kind = 'internal' or a.status = 'failed' then 0
                    else moat.cost_micros(a.input_tokens, a.output_tokens, p.input_micros_per_million, p.output_micros_per_million) end as cost
          from asked a left join moat.prices p on p.id = a.price_id
      ), recorded as (
        -- Only what is returned here is new; everything below but the closing of reservations is for new events alone.
        insert into moat.usage_events
        select event_id, at, customer_id, key_id, model, price_id, input_tokens, cached_tokens, output_tokens, compute_us, cost,
               currency, kind, status from costed
        on conflict (id) do nothing
        returning id
      ), closed as (
        delete from moat.reservations r using costed c where r.request_id = c.request_id returning r.account_id, r.amount_micros
      ), released as (
        update moat.accounts a set reserved_micros = a.reserved_micros - d.amount
          from (select account_id, sum(amount_micros)::bigint as amount from closed group by account_id) d
         where a.id = d.account_id
      ), due as (
        select c.event_id, c.at, c.cost, c.account_id, c.currency,
               -- Credit left for this event after the batch's earlier ones. It covers the cost, because it was reserved;
               -- it does not only if the reservation was lost with the server, and then the rest is written off.
               (select -a.balance_micros from moat.accounts a where a.id = c.account_id) - coalesce(sum(c.cost) over (
                 partition by c.account_id order by c.event_id rows between unbounded preceding and 1 preceding), 0)::bigint as left_over
          from costed c where c.cost > 0 and c.event_id in (select id from recorded)
      ), split as materialized (
        select *, greatest(0, least(cost, left_over)) as paid from due
      ), opened as (
        insert into moat.journal_transactions (kind, usage_event_id, leg_count, created_at)
        select 'usage', event_id, 1 + (paid > 0)::int + (paid < cost)::int, at from split
        returning id, usage_event_id
      ), booked as (
        insert into moat.journal_entries
        select o.id, l.leg, l.account_id, l.amount
          from opened o join split s on s.event_id = o.usage_event_id
          cross join lateral (
            select 1, (select id from moat.accounts where kind = 'revenue' and customer_id is null and currency = s.currency), -s.cost
            union all select 2, s.account_id, s.paid where s.paid > 0
            union all select 3, (select id from moat.accounts where kind = 'write-offs' and customer_id is null and currency = s.currency),
                             s.cost - s.paid where s.paid < s.cost
          ) l(leg, account_id, amount)
      )
      select c.request_id, coalesce((select u.charged_micros from moat.usage_events u where u.id = c.event_id), c.cost),
             c.event_id in (select id from recorded)
        from costed c;
    end $$;

    -- Releases what a killed gateway had reserved; what it had generated but not settled is not billed.
    create function moat.sweep(at timestamptz) returns integer language plpgsql as $$
    declare
      swept integer;
    begin
      perform 1 from moat.accounts a
        where a.id in (select account_id from moat.reservations where expires_at <= at) order by a.id for no key update;
      with gone as (
        delete from moat.reservations where expires_at <= at returning account_id, amount_micros
      ), released as (
        update moat.accounts a set reserved_micros = a.reserved_micros - d.amount
          from (select account_id, sum(amount_micros)::bigint as amount from gone group by account_id) d
         where a.id = d.account_id
      )
      select count(*) into swept from gone;
      return swept;
    end $$;
  `,
};
