import type { Migration } from '../migrate.js';

const SETTINGS =
  'set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set join_collapse_limit = 1 set plan_cache_mode = force_generic_plan';

/**
 * Limits that hold for all gateways of a database together, and reservations that expire by the database's clock, which all of them
 * share. Functions keep the names and parameters that gateways of the version before call.
 */
export const sharedLimits: Migration = {
  name: 'shared-limits',
  statements: `
    -- What is left of a limit's minute for all gateways together. Not logged: one that is lost with the server begins full.
    create unlogged table moat.rate_buckets (
      limit_id text not null,
      kind text not null check (kind in ('requests', 'tokens')),
      level double precision not null check (level >= 0),
      filled_at timestamptz not null,
      primary key (limit_id, kind)
    ) with (fillfactor = 50);

    -- Takes shares out of buckets: all that is needed or nothing, and of what is left then an eighth at most as a spare, so that the
    -- less there is, the less lies idle at one gateway. What is given back is there first. Buckets in one order: no circle of waiting.
    create function moat.lease_rates(asks jsonb, at timestamptz default null)
    returns table (place integer, granted double precision, level double precision) language plpgsql as $$
    #variable_conflict use_column
    declare
      ask record;
      bucket record;
      moment timestamptz;
      amount double precision;
    begin
      perform set_config('synchronous_commit', 'off', true);
      for ask in
        select r.* from rows from (
          jsonb_to_recordset(asks) as (id text, kind text, per_minute double precision, needed double precision, spare double precision, back double precision)
        ) with ordinality as r(id, kind, per_minute, needed, spare, back, ordinal) order by r.id, r.kind, r.ordinal
      loop
        insert into moat.rate_buckets as b values (ask.id, ask.kind, ask.per_minute, coalesce(at, clock_timestamp()))
        on conflict (limit_id, kind) do update set filled_at = b.filled_at returning b.level, b.filled_at into bucket;
        -- After its lock, so that no gateway's moment lies before another's; a clock that is set back fills nothing.
        moment := coalesce(at, clock_timestamp());
        amount := least(ask.per_minute, bucket.level + ask.back
          + greatest(0, extract(epoch from moment - bucket.filled_at)::double precision) * ask.per_minute / 60);
        place := ask.ordinal - 1;
        -- A fraction that is missing by rounding alone is there.
        granted := case when ask.needed <= amount + 1e-6 then ask.needed + floor(least(ask.spare, greatest(0, amount - ask.needed) / 8)) else 0 end;
        level := greatest(0, amount - granted);
        update moat.rate_buckets b set level = greatest(0, amount - granted), filled_at = moment where b.limit_id = ask.id and b.kind = ask.kind;
        return next;
      end loop;
    end $$;

    -- The limits of requests at one time that an open request counts under.
    alter table moat.reservations add slots text[];

    -- @returns null where each limit has room for one more, else which has not. The account's hold is locked by whoever calls.
    create function moat.missing_slot(account bigint, wanted jsonb) returns jsonb language sql as $$
      select jsonb_build_object('outcome', 'too-many-open', 'available', '0', 'limit', w.most::text, 'slot', w.id)
        from jsonb_to_recordset(wanted) as w(id text, most integer)
       where (select count(*) from moat.reservations r where r.account_id = account and w.id = any(r.slots)) >= w.most
       limit 1
    $$;

    -- Whoever sweeps, and whatever time he has.
    create or replace function moat.sweep(at timestamptz) returns integer language sql as $$
      select moat.release(array(select request_id from moat.reservations where expires_at <= now()))
    $$;

    -- As before, but for requests that are limited in how many there are at one time, and for the clock that reservations end by.
    create or replace function moat.admit(batch jsonb, released jsonb, at timestamptz, lifetime interval)
    returns table (
      place integer, outcome text, customer_id text, key_id text, kind text, currency text, account_id bigint, price_id bigint,
      is_rated boolean, is_limited boolean, reserved_micros bigint, missing jsonb
    ) language plpgsql ${SETTINGS} as $$
    #variable_conflict use_column
    declare
      accounts bigint[];
      asked record;
      until timestamptz;
    begin
      -- A reservation lost in a power cut is a reservation released, so admission does not wait for the disk.
      perform set_config('synchronous_commit', 'off', true);
      if released <> '[]' then perform moat.release(array(select jsonb_array_elements_text(released))); end if;
      -- All holds of the batch at once and in one order: two gateways never wait for each other in a circle.
      -- Left joins, and once: written as inner joins they may be planned from the accounts' side, and each batch reads every customer.
      accounts := array(
        select p.id from jsonb_to_recordset(batch) as r(hash text)
          left join moat.key_secrets s on s.hash = decode(r.hash, 'hex') left join moat.api_keys k on k.id = s.key_id
          left join moat.accounts p on p.customer_id = k.customer_id and p.kind = 'prepaid');
      for asked in
        select h.account_id, a.next_expiry <= at as is_due from moat.holds h left join moat.accounts a on a.id = h.account_id
         where h.account_id = any(accounts) order by h.account_id for no key update of h
      loop
        if asked.is_due then perform moat.expire_credit(asked.account_id, at); end if;
      end loop;
      until := clock_timestamp() + lifetime;
      -- Where the credit covers all that a customer asks for in this batch, one update reserves it; where it does not, or a budget
      -- or a number of requests at one time limits him, his requests are taken one by one, in order, below.
      for asked in
        with resolved as materialized (
          select r.*, c.id as customer, k.id as key, c.kind as customer_kind, c.currency as customer_currency, p.id as account,
                 q.id as price, q.charges is not null as rated,
                 case when r.hash is not null and k.id is null then 'unknown-key'
                      when c.kind = 'internal' then 'admitted'
                      when k.expires_at <= at or s.expires_at <= at then 'expired-key'
                      when c.suspended_at is not null then 'suspended'
                      when r.scope <> all(k.scopes) or r.model <> all(k.models) then 'forbidden'
                      when q.id is null or q.is_withdrawn then 'unpriced' end as verdict,
                 moat.cost_micros(r.input_tokens, 0, r.max_tokens, greatest(q.input_micros_per_million, q.cached_micros_per_million), 0,
                   q.output_micros_per_million, q.request_micros) as cost,
                 exists (select 1 from moat.budgets b where b.customer_id = c.id and b.ended_at is null
                    and (b.key_id is null or b.key_id = k.id) and (b.model is null or b.model = r.model)) as is_limited
            from rows from (
              jsonb_to_recordset(batch) as (request_id text, hash text, scope text, model text, input_tokens integer, max_tokens integer, slots jsonb)
            ) with ordinality as r(request_id, hash, scope, model, input_tokens, max_tokens, slots, ordinal)
            left join moat.key_secrets s on s.hash = decode(r.hash, 'hex')
            left join moat.api_keys k on k.id = s.key_id and k.revoked_at is null
            left join moat.customers c on c.id = case when r.hash is null then 'internal' else k.customer_id end
            left join moat.accounts p on p.kind = 'prepaid' and p.customer_id = c.id and p.currency = c.currency
            left join lateral (
              select * from moat.prices x where x.book = c.book and x.model = r.model and x.currency = c.currency and x.starts_at <= at
               order by x.starts_at desc limit 1
            ) q on true
        ), totals as (
          select account, sum(cost)::bigint as total from resolved where verdict is null group by account
          having not bool_or(is_limited or slots is not null)
        ), covered as (
          update moat.holds h set reserved_micros = h.reserved_micros + t.total from totals t join moat.accounts a on a.id = t.account
           where h.account_id = t.account and a.credit_line_micros - a.balance_micros - h.reserved_micros >= t.total
          returning h.account_id as id
        ), kept as (
          insert into moat.reservations
          select request_id, account, cost, until from resolved where verdict is null and account in (select id from covered)
        )
        select r.*, r.account in (select id from covered) as is_covered from resolved r order by ordinal
      loop
        place := asked.ordinal - 1;
        customer_id := asked.customer; key_id := asked.key; kind := asked.customer_kind; currency := asked.customer_currency;
        account_id := asked.account; price_id := asked.price; is_rated := coalesce(asked.rated, false);
        is_limited := asked.is_limited;
        reserved_micros := asked.cost; missing := null;
        outcome := asked.verdict;
        if asked.verdict = 'admitted' then
          reserved_micros := 0; is_rated := false; is_limited := false;
        elsif asked.verdict is null and not asked.is_covered then
          for attempt in 1..2 loop
            missing := coalesce(moat.missing_slot(asked.account, asked.slots), moat.reserve_one(
              asked.request_id, asked.account, asked.customer, asked.key, asked.model, asked.cost, at, until));
            exit when missing is null or attempt = 2 or moat.release_settled(asked.account) = 0;
          end loop;
          if missing is null and asked.slots is not null then
            update moat.reservations r set slots = array(select e->>'id' from jsonb_array_elements(asked.slots) e) where r.request_id = asked.request_id;
          end if;
          outcome := missing->>'outcome';
        end if;
        outcome := coalesce(outcome, 'admitted');
        return next;
      end loop;
    end $$;
  `,
};
