import type { Migration } from '../migrate.js';

/**
 * Where nothing was left to pay with, the write-off was leg 3 of 2 and the journal refused the whole settlement: it could
 * never be booked. It is leg 2 then. The rest of `settle` stays as it is, so only this place of it is replaced.
 */
export const wholeWriteOffs: Migration = {
  name: 'whole-write-offs',
  statements: `
    do $$
    declare
      body text := pg_get_functiondef('moat.settle(jsonb, timestamptz)'::regprocedure);
      leg text := 'union all select 3, (select id';
    begin
      if position(leg in body) = 0 then raise exception 'moat.settle is another one'; end if;
      execute replace(body, leg, 'union all select 2 + (s.paid > 0)::int, (select id');
    end $$;
  `,
};
