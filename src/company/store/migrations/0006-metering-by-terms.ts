import type { Migration } from '../migrate.js';

const SETTINGS =
  'set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set join_collapse_limit = 1 set plan_cache_mode = force_generic_plan';

/**
 * Admission and settlement by terms. Two rows a customer and never both in one transaction: `holds` (what is reserved) belongs to
 * admission, `accounts` (what was charged) to settlement. Admission locks the holds first and reads balances afterwards, and a
 * reservation is released only after its charge is committed: so what is read can be too little for a moment, never too much.
 * Where it is too little, reservations whose event is there are released and the request is tried again.
 */
export const meteringByTerms: Migration = {
  name: 'metering-by-terms',
  statements: `
    drop function moat.admit(jsonb, timestamptz, interval);
    drop function moat.settle(jsonb);
    drop function moat.sweep(timestamptz);
    drop function moat.cost_micros(bigint, bigint, bigint, bigint);
    create index reservations_by_account on moat.reservations (account_id);

    -- Rounded up once an event. Tokens <= 1e8 and prices <= 1e10 keep the products within bigint.
    create function moat.cost_micros(input bigint, cached bigint, output bigint, input_price bigint, cached_price bigint, output_price bigint, request_price bigint)
    returns bigint language sql immutable as $$
      select (input * input_price + cached * cached_price + output * output_price + 999999) / 1000000 + request_price
    $$;

    -- billing/rating.ts says what these mean; a test holds the two against each other.
    create function moat.rate(charge jsonb, quantity bigint) returns bigint language plpgsql immutable as $$
    declare
      charged numeric := greatest(0, quantity - (charge->>'free')::numeric);
      per numeric := (charge->>'per')::numeric;
      tier jsonb;
      begins numeric := 0;
      ends numeric;
      total numeric := 0;
    begin
      case charge->>'kind'
        when 'flat' then return ceil(charged * (charge->>'priceMicros')::numeric / per);
        when 'package' then return ceil(charged / per) * (charge->>'priceMicros')::numeric;
        else null;
      end case;
      for tier in select value from jsonb_array_elements(charge->'tiers') with ordinality order by ordinality loop
        ends := (tier->>'upTo')::numeric;
        if charge->>'kind' = 'volume' then
          if ends is null or charged <= ends then return ceil(charged * (tier->>'priceMicros')::numeric / per); end if;
        else
          ends := least(coalesce(ends, charged), charged);
          total := total + (ends - begins) * (tier->>'priceMicros')::numeric;
          begins := ends;
        end if;
      end loop;
      return ceil(total / per);
    end $$;

    create function moat.rate_all(charges jsonb, input bigint, cached bigint, output bigint, requests bigint) returns bigint
    language sql immutable as $$
      select coalesce(moat.rate(charges->'input', input), 0) + coalesce(moat.rate(charges->'cachedInput', cached), 0)
           + coalesce(moat.rate(charges->'output', output), 0) + coalesce(moat.rate(charges->'request', requests), 0)
    $$;

    create function moat.window_start(span text, zone text, at timestamptz) returns timestamptz language sql stable as $$
      select case span when 'total' then 'epoch'::timestamptz else date_trunc(span, at at time zone zone) at time zone zone end
    $$;

    -- Shares what was consumed since the last time out over an account's credits. The account's row is locked by whoever calls.
    create function moat.share_consumption(account bigint) returns void language plpgsql as $$
    declare
      consumed bigint;
      credit record;
    begin
      select coalesce((select sum(remaining_micros) from moat.credits c where c.account_id = a.id), 0) - greatest(0, -a.balance_micros)
        into consumed from moat.accounts a where a.id = account;
      for credit in select id, remaining_micros from moat.credits where account_id = account and remaining_micros > 0
                     order by priority, expires_at nulls last, id loop
        exit when consumed <= 0;
        update moat.credits set remaining_micros = remaining_micros - least(credit.remaining_micros, consumed) where id = credit.id;
        consumed := consumed - least(credit.remaining_micros, consumed);
      end loop;
    end $$;

    -- Takes expired credit off, but for what open requests still hold of it. @returns how much
    create function moat.expire_credit(account bigint, at timestamptz) returns bigint language plpgsql as $$
    declare
      held bigint;
      gone bigint;
      total bigint := 0;
      credit record;
      opened bigint;
    begin
      perform moat.release_settled(account);
      select reserved_micros into held from moat.holds where account_id = account for no key update;
      perform 1 from moat.accounts where id = account for no key update;
      perform moat.share_consumption(account);
      for credit in select c.*, a.currency from moat.credits c join moat.accounts a on a.id = c.account_id
                     where c.account_id = account and c.remaining_micros > 0 order by c.priority, c.expires_at nulls last, c.id loop
        gone := credit.remaining_micros - least(held, credit.remaining_micros);
        held := held - least(held, credit.remaining_micros);
        if credit.expires_at is null or credit.expires_at > at or gone = 0 then continue; end if;
        insert into moat.journal_transactions (kind, leg_count, created_at, description)
        values ('expiry', 2, at, 'credit ' || credit.id) returning id into opened;
        insert into moat.journal_entries
        select opened, 1, account, gone
        union all select opened, 2, a.id, -gone from moat.accounts a
         where a.kind = 'expired-credit' and a.customer_id is null and a.currency = credit.currency;
        update moat.credits set remaining_micros = remaining_micros - gone where id = credit.id;
        total := total + gone;
      end loop;
      update moat.accounts set next_expiry = (
        select min(case when c.expires_at <= at then at + interval '15 seconds' else c.expires_at end)
          from moat.credits c where c.account_id = account and c.remaining_micros > 0) where id = account;
      return total;
    end $$;

    -- Closes reservations: settled, given back, or of a gateway that died. Safe to repeat.
    create function moat.release(ids text[]) returns integer language plpgsql ${SETTINGS} as $$
    declare
      released integer;
    begin
      perform 1 from moat.holds where account_id in (select account_id from moat.reservations where request_id = any(ids))
        order by account_id for no key update;
      with gone as materialized (
        delete from moat.reservations where request_id = any(ids) returning account_id, amount_micros, budgets
      ), freed as (
        update moat.holds h set reserved_micros = h.reserved_micros - d.amount
          from (select account_id, sum(amount_micros)::bigint as amount from gone group by account_id) d where h.account_id = d.account_id
      ), unspent as (
        update moat.budgets b set reserved_micros = b.reserved_micros - d.amount
          from (select u.id, sum(g.amount_micros)::bigint as amount from gone g cross join unnest(g.budgets) as u(id) group by u.id) d
         where b.id = d.id
      )
      select count(*) into released from gone;
      return released;
    end $$;

    create function moat.sweep(at timestamptz) returns integer language sql as $$
      select moat.release(array(select request_id from moat.reservations where expires_at <= at))
    $$;

    -- Those that were settled, of one account, where the gateway that served them has not said so yet.
    create function moat.release_settled(account bigint) returns integer language sql as $$
      select moat.release(array(select r.request_id from moat.reservations r join moat.usage_events u on u.id = 'use_' || substr(r.request_id, 5)
                                 where r.account_id = account))
    $$;

    -- One request, alone: credit and every budget it falls under, or nothing. @returns null when it is reserved, else what is missing
    create function moat.reserve_one(request text, account bigint, customer text, key text, sold text, cost bigint, at timestamptz, until timestamptz)
    returns jsonb language plpgsql ${SETTINGS} as $$
    declare
      available bigint;
      limited bigint[];
      short record;
    begin
      select a.credit_line_micros - a.balance_micros - h.reserved_micros into available
        from moat.holds h join moat.accounts a on a.id = h.account_id where h.account_id = account;
      if available < cost then return jsonb_build_object('outcome', 'insufficient-credit', 'available', available::text); end if;
      limited := array(select b.id from moat.budgets b where b.customer_id = customer and b.ended_at is null
                          and (b.key_id is null or b.key_id = key) and (b.model is null or b.model = sold) order by b.id for no key update);
      if limited <> '{}' then
        select b.*, moat.window_start(b.span, b.time_zone, at) as began,
               b.limit_micros - b.reserved_micros - coalesce(s.spent_micros, 0) as left_over into short
          from moat.budgets b left join moat.budget_spending s
            on s.budget_id = b.id and s.window_start = moat.window_start(b.span, b.time_zone, at)
         where b.id = any(limited) and b.limit_micros - b.reserved_micros - coalesce(s.spent_micros, 0) < cost order by b.id limit 1;
        if found then
          return jsonb_build_object('outcome', 'over-budget', 'available', short.left_over::text, 'limit', short.limit_micros::text, 'span', short.span,
            'on', case when short.key_id is not null then 'key' when short.model is not null then 'model' else 'customer' end,
            'resets', case short.span when 'total' then null else
              (date_trunc(short.span, at at time zone short.time_zone) + ('1 ' || short.span)::interval) at time zone short.time_zone end);
        end if;
        update moat.budgets set reserved_micros = reserved_micros + cost where id = any(limited);
      end if;
      update moat.holds set reserved_micros = reserved_micros + cost where account_id = account;
      insert into moat.reservations values (request, account, cost, until, nullif(limited, '{}'));
      return null;
    end $$;

    create function moat.admit(batch jsonb, released jsonb, at timestamptz, lifetime interval)
    returns table (
      place integer, outcome text, customer_id text, key_id text, kind text, currency text, account_id bigint, price_id bigint,
      is_rated boolean, is_limited boolean, reserved_micros bigint, missing jsonb
    ) language plpgsql ${SETTINGS} as $$
    #variable_conflict use_column
    declare
      accounts bigint[];
      asked record;
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
      -- Where the credit covers all that a customer asks for in this batch, one update reserves it; where it does not, or a budget
      -- limits him, his requests are taken one by one, in order, below.
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
              jsonb_to_recordset(batch) as (request_id text, hash text, scope text, model text, input_tokens integer, max_tokens integer)
            ) with ordinality as r(request_id, hash, scope, model, input_tokens, max_tokens, ordinal)
            left join moat.key_secrets s on s.hash = decode(r.hash, 'hex')
            left join moat.api_keys k on k.id = s.key_id and k.revoked_at is null
            left join moat.customers c on c.id = case when r.hash is null then 'internal' else k.customer_id end
            left join moat.accounts p on p.kind = 'prepaid' and p.customer_id = c.id and p.currency = c.currency
            left join lateral (
              select * from moat.prices x where x.book = c.book and x.model = r.model and x.currency = c.currency and x.starts_at <= at
               order by x.starts_at desc limit 1
            ) q on true
        ), totals as (
          select account, sum(cost)::bigint as total from resolved where verdict is null group by account having not bool_or(is_limited)
        ), covered as (
          update moat.holds h set reserved_micros = h.reserved_micros + t.total from totals t join moat.accounts a on a.id = t.account
           where h.account_id = t.account and a.credit_line_micros - a.balance_micros - h.reserved_micros >= t.total
          returning h.account_id as id
        ), kept as (
          insert into moat.reservations
          select request_id, account, cost, at + lifetime from resolved where verdict is null and account in (select id from covered)
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
          missing := moat.reserve_one(asked.request_id, asked.account, asked.customer, asked.key, asked.model, asked.cost, at, at + lifetime);
          if missing is not null and moat.release_settled(asked.account) > 0 then
            missing := moat.reserve_one(asked.request_id, asked.account, asked.customer, asked.key, asked.model, asked.cost, at, at + lifetime);
          end if;
          outcome := missing->>'outcome';
        end if;
        outcome := coalesce(outcome, 'admitted');
        return next;
      end loop;
    end $$;

    -- What requests under tiers, packages or free units cost: what the month's bill grows by. Each is counted once.
    create function moat.rate_events(batch jsonb) returns jsonb language plpgsql as $$
    declare
      asked record;
      used record;
      costs jsonb := '{}';
      cost bigint;
    begin
      for asked in
        select r.*, p.book, p.charges, to_char(r.at at time zone p.time_zone, 'YYYY-MM') as month
          from jsonb_to_recordset(batch) as r(request_id text, at timestamptz, customer_id text, model text, price_id bigint, is_rated boolean,
                 status text, input_tokens bigint, cached_input_tokens bigint, output_tokens bigint, reasoning_tokens bigint)
          join moat.prices p on p.id = r.price_id
         where r.is_rated and r.status <> 'failed' and not exists (select 1 from moat.usage_events u where u.id = 'use_' || substr(r.request_id, 5))
         order by r.request_id
      loop
        if costs ? asked.request_id then continue; end if;
        select * into used from moat.rated_usage u
         where u.customer_id = asked.customer_id and u.book = asked.book and u.model = asked.model and u.month = asked.month for update;
        cost := greatest(0, moat.rate_all(asked.charges, coalesce(used.input, 0) + asked.input_tokens, coalesce(used.cached_input, 0) + asked.cached_input_tokens,
            coalesce(used.output, 0) + asked.output_tokens + asked.reasoning_tokens, coalesce(used.requests, 0) + 1)
          - moat.rate_all(asked.charges, coalesce(used.input, 0), coalesce(used.cached_input, 0), coalesce(used.output, 0), coalesce(used.requests, 0)));
        insert into moat.rated_usage as u values (asked.customer_id, asked.book, asked.model, asked.month, asked.input_tokens, asked.cached_input_tokens,
          asked.output_tokens + asked.reasoning_tokens, 1, cost)
        on conflict (customer_id, book, model, month) do update set input = u.input + excluded.input, cached_input = u.cached_input + excluded.cached_input,
          output = u.output + excluded.output, requests = u.requests + 1, charged_micros = u.charged_micros + excluded.charged_micros;
        costs := costs || jsonb_build_object(asked.request_id, cost);
      end loop;
      return costs;
    end $$;

    -- As before, but for its locks: balances are moved one account after the other, in the order of their ids, which is what keeps two
    -- writers from waiting for each other in a circle.
    create or replace function moat.post_entries() returns trigger language plpgsql ${SETTINGS} as $$
    declare
      wrong bigint;
      moved record;
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
      for moved in select account_id, sum(amount_micros)::bigint as delta from new_entries group by account_id order by account_id loop
        update moat.accounts set balance_micros = balance_micros + moved.delta where id = moved.account_id;
      end loop;
      return null;
    end $$;

    create function moat.settle(batch jsonb, recorded timestamptz) returns table (request_id text, charged_micros bigint, settled boolean)
    language plpgsql ${SETTINGS} as $$
    #variable_conflict use_column
    declare
      rated jsonb;
      fresh_limited text[] := '{}';
    begin
      perform 1 from moat.accounts a
        where a.id = any(array(select r.account_id from jsonb_to_recordset(batch) as r(account_id bigint))) order by a.id for no key update;
      if batch @> '[{"is_rated": true}]' then rated := moat.rate_events(batch); end if;
      -- Of the events that are new, before they are written.
      if batch @> '[{"is_limited": true}]' then fresh_limited := array(
        select r.request_id from jsonb_to_recordset(batch) as r(request_id text, is_limited boolean)
         where r.is_limited and not exists (select 1 from moat.usage_events u where u.id = 'use_' || substr(r.request_id, 5)));
      end if;
      for request_id, charged_micros, settled in
      with asked as materialized (
        select distinct on (request_id) * from jsonb_to_recordset(batch) as r(
          request_id text, at timestamptz, customer_id text, key_id text, kind text, currency text, account_id bigint, model text,
          price_id bigint, input_tokens integer, cached_input_tokens integer, output_tokens integer, reasoning_tokens integer,
          compute_us bigint, status text)
        order by request_id
      ), costed as materialized (
        select a.*, 'use_' || substr(a.request_id, 5) as event_id,
               -- A failed answer is recorded, and free.
               case when a.kind = 'internal' or a.status = 'failed' then 0
                    when p.charges is not null then coalesce((rated->>a.request_id)::bigint, 0)
                    else moat.cost_micros(a.input_tokens, a.cached_input_tokens, a.output_tokens + a.reasoning_tokens, p.input_micros_per_million,
                      p.cached_micros_per_million, p.output_micros_per_million, p.request_micros) end as cost
          from asked a left join moat.prices p on p.id = a.price_id
      ), recorded as (
        -- Only what is returned here is new; everything below is for new events alone.
        insert into moat.usage_events
        select event_id, at, recorded, customer_id, key_id, model, price_id, input_tokens, cached_input_tokens, output_tokens, reasoning_tokens,
               compute_us, cost, currency, kind, status from costed
        on conflict (id) do nothing
        returning id
      ), fresh as materialized (
        select * from costed where event_id in (select id from recorded)
      ), counted as (
        insert into moat.usage_hours as h
        select date_trunc('hour', at, 'UTC'), customer_id, coalesce(key_id, ''), model, currency, count(*), count(*) filter (where status <> 'finished'),
               sum(input_tokens), sum(cached_input_tokens), sum(output_tokens), sum(reasoning_tokens), sum(compute_us), sum(cost)
          from fresh group by 1, 2, 3, 4, 5 order by 1, 2, 3, 4, 5
        on conflict (hour, customer_id, key_id, model, currency) do update set
          requests = h.requests + excluded.requests, unfinished = h.unfinished + excluded.unfinished,
          input_tokens = h.input_tokens + excluded.input_tokens, cached_input_tokens = h.cached_input_tokens + excluded.cached_input_tokens,
          output_tokens = h.output_tokens + excluded.output_tokens, reasoning_tokens = h.reasoning_tokens + excluded.reasoning_tokens,
          compute_us = h.compute_us + excluded.compute_us, charged_micros = h.charged_micros + excluded.charged_micros
      ), due as (
        select c.event_id, c.at, c.cost, c.account_id, c.currency,
               -- Credit left for this event after the batch's earlier ones. It covers the cost, because it was reserved;
               -- it does not only if the reservation was lost with the server, and then the rest is written off.
               (select a.credit_line_micros - a.balance_micros from moat.accounts a where a.id = c.account_id) - coalesce(sum(c.cost) over (
                 partition by c.account_id order by c.event_id rows between unbounded preceding and 1 preceding), 0)::bigint as left_over
          from fresh c where c.cost > 0
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
            union all select 2 + (s.paid > 0)::int, (select id from moat.accounts where kind = 'write-offs' and customer_id is null and currency = s.currency),
                             s.cost - s.paid where s.paid < s.cost
          ) l(leg, account_id, amount)
      )
      select c.request_id, c.cost, c.event_id in (select event_id from fresh) from costed c
      loop
        -- What was settled before keeps what it cost then.
        if not settled then
          select u.charged_micros into charged_micros from moat.usage_events u where u.id = 'use_' || substr(request_id, 5);
        end if;
        return next;
      end loop;
      if fresh_limited <> '{}' then
        insert into moat.budget_spending as s
        select b.id, moat.window_start(b.span, b.time_zone, u.time), sum(u.charged_micros) from moat.usage_events u join moat.budgets b
            on b.customer_id = u.customer_id and b.ended_at is null and (b.key_id is null or b.key_id = u.key_id) and (b.model is null or b.model = u.model)
         where u.id in (select 'use_' || substr(r, 5) from unnest(fresh_limited) r) group by 1, 2 order by 1, 2
        on conflict (budget_id, window_start) do update set spent_micros = s.spent_micros + excluded.spent_micros;
      end if;
    end $$;
  `,
};
