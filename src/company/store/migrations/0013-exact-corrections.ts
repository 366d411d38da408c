import type { Migration } from '../migrate.js';

/**
 * A corrected event may cost less than nothing: under tiers, packages and free units its tokens may have made another event of the
 * month dearer, and that comes back with them. So a month is charged as if everything had been counted right.
 */
export const exactCorrections: Migration = {
  name: 'exact-corrections',
  // They correct by calling the functions below; what is new to them is an amount below 0, of which they only show and sum.
  olderPrograms: 'work',
  statements: `
    -- The database made its name up. What is there passed a stricter check, so nothing is read for this one.
    do $$
    declare
      named name;
    begin
      select conname into strict named from pg_constraint
       where conrelid = 'moat.usage_events'::regclass and contype = 'c' and pg_get_constraintdef(oid) like '%reversed%charged_micros%';
      execute format('alter table moat.usage_events drop constraint %I', named);
    end $$;
    alter table moat.usage_events add constraint usage_events_signs check (
      case when status = 'reversed'
        then greatest(input_tokens, cached_input_tokens, output_tokens, reasoning_tokens) <= 0
        else least(input_tokens, cached_input_tokens, output_tokens, reasoning_tokens) >= 0 end
      and (charged_micros >= 0 or status in ('reversed', 'corrected'))) not valid;

    -- A failed answer is free and counts in no tier, however often it is corrected.
    create function moat.was_failed(event moat.usage_events) returns boolean language sql stable as $$
      select event.status = 'failed' or event.corrects is not null and exists (
        select 1 from moat.usage_events u where u.id = split_part(event.id, '-', 1) and u.status = 'failed')
    $$;

    -- What a bill for what was used grows by with so many tokens more, or fewer.
    create function moat.rate_growth(charges jsonb, used moat.rated_usage, input bigint, cached bigint, output bigint) returns bigint
    language sql immutable as $$
      select moat.rate_all(charges, used.input + input, used.cached_input + cached, used.output + output, used.requests)
           - moat.rate_all(charges, used.input, used.cached_input, used.output, used.requests)
    $$;

    -- What the event should have cost: what it did, and what the month's bill changes by. Moves the month's rated usage along. Where
    -- prices changed within the month, what was used at each stands on what was used at those before it: so it moves along as well.
    create or replace function moat.recharge(event moat.usage_events, counts jsonb) returns bigint language plpgsql as $$
    declare
      price record;
      used moat.rated_usage;
      later record;
      begins timestamptz;
      more_input bigint := (counts->>'input')::bigint - event.input_tokens;
      more_cached bigint := (counts->>'cachedInput')::bigint - event.cached_input_tokens;
      more_output bigint := (counts->>'output')::bigint + (counts->>'reasoning')::bigint - event.output_tokens - event.reasoning_tokens;
      growth bigint := 0;
    begin
      if event.kind = 'internal' or moat.was_failed(event) then return 0; end if;
      select p.*, to_char(event.time at time zone p.time_zone, 'YYYY-MM') as month into price from moat.prices p where p.id = event.price_id;
      if price.charges is null then
        return moat.cost_micros(event.input_tokens + more_input, event.cached_input_tokens + more_cached, event.output_tokens + event.reasoning_tokens + more_output,
          price.input_micros_per_million, price.cached_micros_per_million, price.output_micros_per_million, price.request_micros);
      end if;
      select * into strict used from moat.rated_usage u
       where u.customer_id = event.customer_id and u.book = price.book and u.model = event.model and u.month = price.month for update;
      begins := (price.month || '-01')::timestamp at time zone price.time_zone;
      -- From all that was used in the month back to what was used at the event's price and those before it. Zones may differ by a day.
      for later in
        select p.charges, u.* from moat.prices p cross join lateral (
          select coalesce(sum(e.input_tokens), 0) as input, coalesce(sum(e.cached_input_tokens), 0) as cached,
                 coalesce(sum(e.output_tokens + e.reasoning_tokens), 0) as output,
                 coalesce(sum(case e.status when 'reversed' then -1 else 1 end), 0) as requests
            from moat.usage_events e where e.price_id = p.id and e.customer_id = event.customer_id and e.time >= begins - interval '1 day'
             and e.time < begins + interval '1 month 1 day' and to_char(e.time at time zone p.time_zone, 'YYYY-MM') = price.month
             and not moat.was_failed(e)) u
         where p.book = price.book and p.model = price.model and p.currency = price.currency and p.charges is not null
           and p.starts_at > price.starts_at and p.starts_at < begins + interval '1 month 1 day' order by p.starts_at desc
      loop
        growth := growth + moat.rate_growth(later.charges, used, more_input, more_cached, more_output);
        used.input := used.input - later.input;
        used.cached_input := used.cached_input - later.cached;
        used.output := used.output - later.output;
        used.requests := used.requests - later.requests;
        growth := growth - moat.rate_growth(later.charges, used, more_input, more_cached, more_output);
      end loop;
      growth := growth + moat.rate_growth(price.charges, used, more_input, more_cached, more_output);
      update moat.rated_usage u set input = u.input + more_input, cached_input = u.cached_input + more_cached, output = u.output + more_output,
          charged_micros = u.charged_micros + growth
       where u.customer_id = used.customer_id and u.book = used.book and u.model = used.model and u.month = used.month;
      return event.charged_micros + growth;
    end $$;

    -- The entries of a reversal or of a corrected event; the account is locked by whoever calls. What is charged and no credit covers is
    -- written off. What comes back is prepaid credit, but for what of the event and its corrections is written off by now.
    create function moat.book_correction(event moat.usage_events, event_id text, cost bigint, reason text, at timestamptz) returns void
    language plpgsql as $$
    #variable_conflict use_variable
    declare
      account moat.accounts;
      root text := split_part(event.id, '-', 1);
      written bigint;
      paid bigint;
      opened bigint;
    begin
      if cost = 0 then return; end if;
      select * into account from moat.accounts a where a.customer_id = event.customer_id and a.kind = 'prepaid';
      if cost > 0 then
        paid := greatest(0, least(cost, account.credit_line_micros - account.balance_micros));
      else
        select coalesce(sum(e.amount_micros), 0) into written
          from moat.usage_events u join moat.journal_transactions t on t.usage_event_id = u.id collate "default"
          join moat.journal_entries e on e.transaction_id = t.id join moat.accounts a on a.id = e.account_id
         where u.id >= root and u.id < root || '.' and a.kind = 'write-offs';
        paid := least(0, cost + written);
        perform moat.share_consumption(account.id);
      end if;
      insert into moat.journal_transactions (kind, usage_event_id, leg_count, created_at, description)
      values ('usage', event_id, 1 + (paid <> 0)::int + (paid <> cost)::int, event.time, reason) returning id into opened;
      insert into moat.journal_entries
      select opened, row_number() over (order by l.leg), coalesce(l.account_id, (select a.id from moat.accounts a
          where a.kind = l.kind and a.customer_id is null and a.currency = event.currency)), l.amount
        from (values (1, null::bigint, 'revenue', -cost), (2, account.id, 'prepaid', paid), (3, null, 'write-offs', cost - paid)) l(leg, account_id, kind, amount)
       where l.amount <> 0;
      -- Used before any other, so that the corrected charge finds it.
      if paid < 0 then
        insert into moat.credits (transaction_id, account_id, amount_micros, remaining_micros, priority, created_at)
        values (opened, account.id, -paid, -paid, 0, at);
      end if;
    end $$;

    create or replace function moat.correct_usage(event_id text, counts jsonb, reason text, at timestamptz) returns bigint language plpgsql as $$
    #variable_conflict use_variable
    declare
      event moat.usage_events;
      cost bigint;
    begin
      select * into strict event from moat.usage_events u where u.id = event_id;
      perform 1 from moat.accounts a where a.customer_id = event.customer_id and a.kind = 'prepaid' for no key update;
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
      -- Below 0 where a key's or a day's events cost less than nothing, and another's more. A budget that is younger did not count them.
      update moat.budget_spending s set spent_micros = s.spent_micros - event.charged_micros + cost from moat.budgets b
       where s.budget_id = b.id and s.window_start = moat.window_start(b.span, b.time_zone, event.time) and b.customer_id = event.customer_id
         and b.ended_at is null and (b.key_id is null or b.key_id = event.key_id) and (b.model is null or b.model = event.model);
      perform moat.book_correction(event, event.id || '-r', -event.charged_micros, reason, at);
      perform moat.book_correction(event, event.id || '-c', cost, reason, at);
      return cost;
    end $$;
  `,
};
