import type { Migration } from '../migrate.js';

/**
 * Usage events by month, in disjoint token classes. An event's id begins with the time of its request, so the months are ranges of
 * ids: the primary key stays the id alone, and one request has one event in all partitions together. A month can be dropped whole
 * when its retention is over; what it held stays in `usage_hours` and `usage_dropped`.
 */
export const usagePartitions: Migration = {
  name: 'usage-partitions',
  statements: `
    alter table moat.usage_events rename to usage_events_before;
    alter table moat.usage_events_before rename constraint usage_events_pkey to usage_events_before_pkey;
    alter index moat.usage_events_by_time rename to usage_events_before_by_time;
    alter index moat.usage_events_by_customer rename to usage_events_before_by_customer;

    create table moat.usage_events (
      -- 'use_', 12 hex digits of the request's time in milliseconds, and what the request's own id ends with.
      id text collate "C" primary key check (id like 'use\\_%'),
      time timestamptz not null,
      -- When it was booked: an event of the past may come late.
      recorded_at timestamptz not null,
      customer_id text not null references moat.customers,
      key_id text,
      model text not null,
      price_id bigint,
      -- Disjoint: tokens of the prompt that no cache had, those it had, tokens that are read, tokens thought before them.
      input_tokens integer not null,
      cached_input_tokens integer not null,
      output_tokens integer not null,
      reasoning_tokens integer not null,
      compute_us bigint not null check (compute_us >= 0),
      charged_micros bigint not null,
      currency text not null,
      kind text not null check (kind in ('paying', 'internal')),
      status text not null check (status in ('finished', 'aborted', 'failed', 'reversed', 'corrected')),
      -- Of a reversal, the event it takes back; of a correction, the event in whose place it stands.
      corrects text,
      check (kind = 'paying' or charged_micros = 0),
      check ((corrects is not null) = (status in ('reversed', 'corrected'))),
      check (case when status = 'reversed'
        then greatest(input_tokens, cached_input_tokens, output_tokens, reasoning_tokens) <= 0 and charged_micros <= 0
        else least(input_tokens, cached_input_tokens, output_tokens, reasoning_tokens) >= 0 and charged_micros >= 0 end),
      check (greatest(abs(input_tokens), abs(cached_input_tokens), abs(output_tokens), abs(reasoning_tokens)) <= 100000000)
    ) partition by range (id);
    create index usage_events_by_time on moat.usage_events (time);
    create index usage_events_by_customer on moat.usage_events (customer_id, time);
    create table moat.usage_events_default partition of moat.usage_events default;
    create trigger append_only before update or delete or truncate on moat.usage_events
      for each statement execute function moat.refuse_change();
    create trigger append_only before update or delete or truncate on moat.usage_events_default
      for each statement execute function moat.refuse_change();

    create function moat.first_usage_id(at timestamptz) returns text language sql stable as $$
      select 'use_' || lpad(to_hex((extract(epoch from at) * 1000)::bigint), 12, '0')
    $$;

    -- The months (UTC) of a time and the two after it. A month of which something already lies in the default partition stays there.
    create function moat.ensure_usage_partitions(at timestamptz) returns void language plpgsql as $$
    declare
      begins timestamptz;
      named text;
    begin
      for months in 0..2 loop
        begins := (date_trunc('month', at at time zone 'UTC') + make_interval(months => months)) at time zone 'UTC';
        named := 'usage_events_' || to_char(begins at time zone 'UTC', 'YYYY_MM');
        if to_regclass('moat.' || named) is not null then continue; end if;
        perform pg_advisory_xact_lock(hashtext('moat usage partitions'));
        if to_regclass('moat.' || named) is not null or exists (
          select 1 from moat.usage_events_default where id >= moat.first_usage_id(begins)
             and id < moat.first_usage_id((begins at time zone 'UTC' + interval '1 month') at time zone 'UTC')) then continue; end if;
        execute format('create table moat.%I partition of moat.usage_events for values from (%L) to (%L)', named,
          moat.first_usage_id(begins), moat.first_usage_id((begins at time zone 'UTC' + interval '1 month') at time zone 'UTC'));
        execute format('create trigger append_only before update or delete or truncate on moat.%I
          for each statement execute function moat.refuse_change()', named);
      end loop;
    end $$;

    insert into moat.usage_events
    select id, time, time, customer_id, key_id, model, price_id, input_tokens - cached_tokens, cached_tokens, output_tokens, 0,
           compute_us, charged_micros, currency, kind, status, null from moat.usage_events_before;
    drop table moat.usage_events_before;

    -- What was used in an hour (UTC): for charts, for limits, and for what is known of months whose events were dropped.
    create table moat.usage_hours (
      hour timestamptz not null,
      customer_id text not null references moat.customers,
      key_id text not null,
      model text not null,
      currency text not null,
      requests bigint not null,
      unfinished bigint not null,
      input_tokens bigint not null,
      cached_input_tokens bigint not null,
      output_tokens bigint not null,
      reasoning_tokens bigint not null,
      compute_us bigint not null,
      charged_micros bigint not null,
      primary key (hour, customer_id, key_id, model, currency)
    ) with (fillfactor = 50);
    create index usage_hours_by_customer on moat.usage_hours (customer_id, hour);
    insert into moat.usage_hours
    select date_trunc('hour', time), customer_id, coalesce(key_id, ''), model, currency, count(*), count(*) filter (where status <> 'finished'),
           sum(input_tokens), sum(cached_input_tokens), sum(output_tokens), sum(reasoning_tokens), sum(compute_us), sum(charged_micros)
      from moat.usage_events group by 1, 2, 3, 4, 5;

    create table moat.usage_dropped (
      partition text primary key,
      -- Ids from the first (inclusive) to the end (exclusive) are gone.
      first_id text collate "C" not null,
      end_id text collate "C" not null,
      -- Hours before it can no longer be held against their events.
      checked_from timestamptz not null,
      events bigint not null,
      charged_micros bigint not null,
      dropped_at timestamptz not null
    );
    create trigger append_only before update or delete or truncate on moat.usage_dropped
      for each statement execute function moat.refuse_change();
  `,
};
