import type { Migration } from '../migrate.js';

/**
 * Reservations and usage events, and the two functions every answer passes: `admit` (authenticate, price, reserve)
 * and `settle` (usage event, ledger entry, reservation closed). Both take a batch, so that requests arriving
 * together share one round trip and one commit.
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
    ) language plpgsql as $$
    #variable_conflict use_column
    declare
      asked record;
      cost bigint;
    begin
      -- A reservation lost in a power cut is a reservation released, so admission does not wait for the disk.
      perform set_config('synchronous_commit', 'off', true);
      -- All accounts of the batch at once and in one order: two gateways never wait for each other in a circle.
      perform 1 from moat.accounts a where a.id in (
        select p.id from jsonb_to_recordset(batch) as r(hash text)
          join moat.api_keys k on k.hash = decode(r.hash, 'hex')
          join moat.accounts p on p.customer_id = k.customer_id and p.kind = 'prepaid'
      ) order by a.id for no key update;
      for asked in
        select r.*, c.id as customer, k.id as key, c.kind as customer_kind, c.currency as customer_currency, p.id as account, q.id as price,
               q.input_micros_per_million as input_rate, q.output_micros_per_million as output_rate
          from rows from (
            jsonb_to_recordset(batch) as (request_id text, hash text, model text, input_tokens integer, max_tokens integer)
          ) with ordinality as r(request_id, hash, model, input_tokens, max_tokens, ordinal)
          left join moat.api_keys k on k.hash = decode(r.hash, 'hex') and k.revoked_at is null
          left join moat.customers c on c.id = k.customer_id or (r.hash is null and c.kind = 'internal')
          left join moat.accounts p on p.customer_id = c.id and p.kind = 'prepaid' and p.currency = c.currency
          left join lateral (
            select * from moat.prices x where x.model = r.model and x.currency = c.currency and x.starts_at <= at
             order by x.starts_at desc limit 1
          ) q on true
         order by ordinal
      loop
        place := asked.ordinal - 1;
        customer_id := asked.customer; key_id := asked.key; kind := asked.customer_kind; currency := asked.customer_currency;
        account_id := asked.account; price_id := asked.price; input_price := asked.input_rate; output_price := asked.output_rate;
        reserved_micros := null; available_micros := null;
        if asked.customer is null then
          outcome := 'unknown-key';
        elsif asked.customer_kind = 'internal' then
          outcome := 'admitted'; reserved_micros := 0;
        elsif asked.price is null then
          outcome := 'unpriced';
        else
          cost := moat.cost_micros(asked.input_tokens, asked.max_tokens, asked.input_rate, asked.output_rate);
          update moat.accounts a set reserved_micros = a.reserved_micros + cost
           where a.id = asked.account and -a.balance_micros - a.reserved_micros >= cost;
          if found then
            insert into moat.reservations values (asked.request_id, asked.account, cost, at + lifetime);
            outcome := 'admitted'; reserved_micros := cost;
          else
            outcome := 'insufficient-credit'; reserved_micros := cost;
            select -a.balance_micros - a.reserved_micros into available_micros from moat.accounts a where a.id = asked.account;
          end if;
        end if;
        return next;
      end loop;
    end $$;

    create function moat.settle(batch jsonb) returns table (request_id text, charged_micros bigint, settled boolean)
    language plpgsql as $$
    #variable_conflict use_column
    begin
      perform 1 from moat.accounts a
        where a.id in (select r.account_id from jsonb_to_recordset(batch) as r(account_id bigint)) order by a.id for no key update;
      -- Every query below sees the events this call records, and those alone: a repeated request finds its event there
      -- and is answered from it.
      return query
      with asked as (
        select * from jsonb_to_recordset(batch) as r(
          request_id text, at timestamptz, customer_id text, key_id text, kind text, currency text, account_id bigint, model text,
          price_id bigint, input_tokens integer, cached_tokens integer, output_tokens integer, compute_us bigint, status text)
      ), costed as (
        select a.*, 'use_' || substr(a.request_id, 5) as event_id,
               -- A failed answer is recorded, and free.
               case when a.kind = 'internal' or a.status = 'failed' then 0
                    else moat.cost_micros(a.input_tokens, a.output_tokens, p.input_micros_per_million, p.output_micros_per_million) end as cost
          from asked a left join moat.prices p on p.id = a.price_id
      ), recorded as (
        insert into moat.usage_events
        select event_id, at, customer_id, key_id, model, price_id, input_tokens, cached_tokens, output_tokens, compute_us, cost,
               currency, kind, status from costed order by event_id
        on conflict (id) do nothing
        returning id
      ), closed as (
        delete from moat.reservations r using costed c where r.request_id = c.request_id returning r.account_id, r.amount_micros
      ), released as (
        update moat.accounts a set reserved_micros = a.reserved_micros - d.amount
          from (select account_id, sum(amount_micros)::bigint as amount from closed group by account_id) d
         where a.id = d.account_id
        returning a.id
      )
      select c.request_id, coalesce(u.charged_micros, c.cost), r.id is not null
        from costed c left join recorded r on r.id = c.event_id left join moat.usage_events u on u.id = c.event_id;
      perform moat.book_usage(batch);
    end $$;

    -- Books the charge of every event of the batch that the journal does not hold yet.
    create function moat.book_usage(batch jsonb) returns void language plpgsql as $$
    begin
      with due as (
        select u.id, u.time, u.charged_micros as cost, a.id as account_id, v.id as revenue_id, w.id as write_off_id,
               -- Credit left for this event after the batch's earlier ones. It covers the cost, because it was reserved;
               -- it does not only if the reservation was lost with the server, and then the rest is written off.
               -a.balance_micros - coalesce(sum(u.charged_micros) over (
                 partition by a.id order by u.id rows between unbounded preceding and 1 preceding), 0)::bigint as left_over
          from (select distinct * from jsonb_to_recordset(batch) as x(request_id text, account_id bigint)) r
          join moat.usage_events u on u.id = 'use_' || substr(r.request_id, 5) and u.charged_micros > 0
          join moat.accounts a on a.id = r.account_id
          join moat.accounts v on v.kind = 'revenue' and v.currency = u.currency
          join moat.accounts w on w.kind = 'write-offs' and w.currency = u.currency
         where not exists (select 1 from moat.journal_transactions t where t.usage_event_id = u.id)
      ), split as (
        select *, greatest(0, least(cost, left_over)) as paid from due
      ), opened as (
        insert into moat.journal_transactions (kind, usage_event_id, leg_count, created_at)
        select 'usage', id, 1 + (paid > 0)::int + (paid < cost)::int, time from split
        returning id, usage_event_id
      ), legs as (
        select o.id, 1 as leg, s.revenue_id as account_id, -s.cost as amount from opened o join split s on s.id = o.usage_event_id
        union all
        select o.id, 2, s.account_id, s.paid from opened o join split s on s.id = o.usage_event_id where s.paid > 0
        union all
        select o.id, 3, s.write_off_id, s.cost - s.paid from opened o join split s on s.id = o.usage_event_id where s.paid < s.cost
      )
      insert into moat.journal_entries select id, leg, account_id, amount from legs order by id, leg;
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
