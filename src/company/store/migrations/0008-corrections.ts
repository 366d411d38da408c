import type { Migration } from '../migrate.js';

/**
 * Usage that was counted wrong is taken back and stands anew, both as events and as ledger entries of their own. Where prices are by
 * tiers, the correction costs what the month's bill changes by, so that the month is charged as if it had been counted right.
 */
export const corrections: Migration = {
  name: 'corrections',
  statements: `
    create table moat.usage_corrections (
      event_id text collate "C" primary key,
      counts jsonb not null,
      reason text not null check (length(reason) between 1 and 500),
      corrected_at timestamptz not null
    );
    create trigger append_only before update or delete or truncate on moat.usage_corrections
      for each statement execute function moat.refuse_change();

    -- Usage measured elsewhere, by the caller's own name for it.
    create table moat.late_usage (
      customer_id text not null references moat.customers,
      reference text not null check (length(reference) between 1 and 200),
      event_id text not null unique,
      primary key (customer_id, reference)
    );
    create trigger append_only before update or delete or truncate on moat.late_usage
      for each statement execute function moat.refuse_change();

    -- What the event should have cost. Moves the month's rated usage along.
    create function moat.recharge(event moat.usage_events, counts jsonb) returns bigint language plpgsql as $$
    declare
      price record;
      used record;
      fresh bigint := (counts->>'input')::bigint;
      cached bigint := (counts->>'cachedInput')::bigint;
      said bigint := (counts->>'output')::bigint + (counts->>'reasoning')::bigint;
      cost bigint;
    begin
      if event.kind = 'internal' or event.status = 'failed' then return 0; end if;
      select p.*, to_char(event.time at time zone p.time_zone, 'YYYY-MM') as month into price from moat.prices p where p.id = event.price_id;
      if price.charges is null then
        return moat.cost_micros(fresh, cached, said, price.input_micros_per_million, price.cached_micros_per_million,
          price.output_micros_per_million, price.request_micros);
      end if;
      select * into strict used from moat.rated_usage u
       where u.customer_id = event.customer_id and u.book = price.book and u.model = event.model and u.month = price.month for update;
      cost := greatest(0, event.charged_micros
        + moat.rate_all(price.charges, used.input - event.input_tokens + fresh, used.cached_input - event.cached_input_tokens + cached,
            used.output - event.output_tokens - event.reasoning_tokens + said, used.requests)
        - moat.rate_all(price.charges, used.input, used.cached_input, used.output, used.requests));
      update moat.rated_usage u set input = u.input - event.input_tokens + fresh, cached_input = u.cached_input - event.cached_input_tokens + cached,
          output = u.output - event.output_tokens - event.reasoning_tokens + said, charged_micros = u.charged_micros - event.charged_micros + cost
       where u.customer_id = used.customer_id and u.book = used.book and u.model = used.model and u.month = used.month;
      return cost;
    end $$;

    create function moat.correct_usage(event_id text, counts jsonb, reason text, at timestamptz) returns bigint language plpgsql as $$
    #variable_conflict use_variable
    declare
      event moat.usage_events;
      account moat.accounts;
      cost bigint;
      paid bigint;
      returned bigint;
      opened bigint;
    begin
      select * into strict event from moat.usage_events u where u.id = event_id;
      select * into account from moat.accounts a where a.customer_id = event.customer_id and a.kind = 'prepaid' for no key update;
      insert into moat.usage_corrections values (event_id, counts, reason, at);
      cost := moat.recharge(event, counts);
      insert into moat.usage_events values
        (event.id || '-r', event.time, at, event.customer_id, event.key_id, event.model, event.price_id, -event.input_tokens, -event.cached_input_tokens,
         -event.output_tokens, -event.reasoning_tokens, 0, -event.charged_micros, event.currency, event.kind, 'reversed', event.id),
        (event.id || '-c', event.time, at, event.customer_id, event.key_id, event.model, event.price_id, (counts->>'input')::integer,
         (counts->>'cachedInput')::integer, (counts->>'output')::integer, (counts->>'reasoning')::integer, 0, cost, event.currency, event.kind,
         'corrected', event.id);
      update moat.usage_hours h set
          input_tokens = h.input_tokens - event.input_tokens + (counts->>'input')::bigint,
          cached_input_tokens = h.cached_input_tokens - event.cached_input_tokens + (counts->>'cachedInput')::bigint,
          output_tokens = h.output_tokens - event.output_tokens + (counts->>'output')::bigint,
          reasoning_tokens = h.reasoning_tokens - event.reasoning_tokens + (counts->>'reasoning')::bigint,
          charged_micros = h.charged_micros - event.charged_micros + cost
       where h.hour = date_trunc('hour', event.time, 'UTC') and h.customer_id = event.customer_id and h.key_id = coalesce(event.key_id, '')
         and h.model = event.model and h.currency = event.currency;
      -- A budget that is younger than the event did not count it.
      update moat.budget_spending s set spent_micros = greatest(0, s.spent_micros - event.charged_micros + cost) from moat.budgets b
       where s.budget_id = b.id and s.window_start = moat.window_start(b.span, b.time_zone, event.time) and b.customer_id = event.customer_id
         and b.ended_at is null and (b.key_id is null or b.key_id = event.key_id) and (b.model is null or b.model = event.model);
      if event.charged_micros <> 0 then
        perform moat.share_consumption(account.id);
        insert into moat.journal_transactions (kind, usage_event_id, leg_count, created_at, description)
        select 'usage', event.id || '-r', t.leg_count, event.time, reason from moat.journal_transactions t where t.usage_event_id = event.id
        returning id into opened;
        insert into moat.journal_entries
        select opened, e.leg, e.account_id, -e.amount_micros from moat.journal_entries e
          join moat.journal_transactions t on t.id = e.transaction_id where t.usage_event_id = event.id;
        select -e.amount_micros into returned from moat.journal_entries e where e.transaction_id = opened and e.account_id = account.id;
        -- Used before any other, so that the corrected charge finds it.
        if returned > 0 then
          insert into moat.credits (transaction_id, account_id, amount_micros, remaining_micros, priority, created_at)
          values (opened, account.id, returned, returned, 0, at);
        end if;
      end if;
      if cost > 0 then
        select greatest(0, least(cost, a.credit_line_micros - a.balance_micros)) into paid from moat.accounts a where a.id = account.id;
        insert into moat.journal_transactions (kind, usage_event_id, leg_count, created_at, description)
        values ('usage', event.id || '-c', 1 + (paid > 0)::int + (paid < cost)::int, event.time, reason) returning id into opened;
        insert into moat.journal_entries
        select opened, row_number() over (order by l.leg), coalesce(l.account_id, (select a.id from moat.accounts a where a.kind = l.kind and a.customer_id is null
            and a.currency = event.currency)), l.amount
          from (values (1, null::bigint, 'revenue', -cost), (2, account.id, 'prepaid', paid), (3, null, 'write-offs', cost - paid)) l(leg, account_id, kind, amount)
         where l.amount <> 0;
      end if;
      return cost;
    end $$;

    -- Whole months whose ids all lie before a time. What they held is written down first. @returns how many events went
    create function moat.drop_usage(before timestamptz, at timestamptz) returns bigint language plpgsql as $$
    declare
      part record;
      events bigint;
      charged bigint;
      last_hour timestamptz;
      total bigint := 0;
    begin
      for part in
        select c.relname as name, m[1] as first_id, m[2] as end_id, c.oid from pg_inherits i join pg_class c on c.oid = i.inhrelid
         cross join lateral regexp_match(pg_get_expr(c.relpartbound, c.oid), 'FROM \\(''([^'']+)''\\) TO \\(''([^'']+)''\\)') m
         where i.inhparent = 'moat.usage_events'::regclass and m is not null and m[2] collate "C" <= moat.first_usage_id(before) order by c.relname
      loop
        execute format('select count(*), coalesce(sum(charged_micros), 0), date_trunc(''hour'', max(time), ''UTC'') from moat.%I', part.name)
          into events, charged, last_hour;
        -- An answer that was begun in the month's last second may have ended after it.
        insert into moat.usage_dropped values (part.name, part.first_id, part.end_id, greatest(last_hour + interval '1 hour',
          to_timestamp(('x' || substr(part.end_id, 5, 12))::bit(48)::bigint / 1000.0)), events, charged, at);
        execute format('drop table moat.%I', part.name);
        total := total + events;
      end loop;
      return total;
    end $$;
  `,
};
