import type { Migration } from '../migrate.js';

const SETTINGS =
  'set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set join_collapse_limit = 1 set plan_cache_mode = force_generic_plan';

/** What is reserved ahead of requests is one reservation for many, and shrinks as they are settled. */
export const creditLeases: Migration = {
  name: 'credit-leases',
  olderPrograms: 'work',
  statements: `
    -- Takes amounts off reservations. Holds before reservations, as everywhere; one that was swept has nothing left to give back.
    create function moat.shrink(cuts jsonb) returns void language plpgsql ${SETTINGS} as $$
    begin
      -- What a power cut loses of it stays reserved until its reservation ends.
      perform set_config('synchronous_commit', 'off', true);
      perform 1 from moat.holds where account_id in (
          select r.account_id from jsonb_to_recordset(cuts) as c(id text) join moat.reservations r on r.request_id = c.id)
        order by account_id for no key update;
      with cut as materialized (
        update moat.reservations r set amount_micros = r.amount_micros - c.amount
          from jsonb_to_recordset(cuts) as c(id text, amount bigint) where r.request_id = c.id
        returning r.account_id, c.amount
      )
      update moat.holds h set reserved_micros = h.reserved_micros - d.amount
        from (select account_id, sum(amount)::bigint as amount from cut group by account_id) d where h.account_id = d.account_id;
    end $$;
  `,
};
