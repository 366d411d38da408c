import type { Migration } from '../migrate.js';

/**
 * Requests that carry a key of the customer's own, so that a repeat is answered with the first answer. A row is claimed by one
 * process at a time, for as long as it renews its lease; the request id outlives the process, and with it the one usage event
 * that the request can have.
 */
export const idempotency: Migration = {
  name: 'idempotency',
  statements: `
    create table moat.idempotency_keys (
      customer_id text not null references moat.customers,
      key text not null check (length(key) between 1 and 255),
      -- Of method, path and body: the same key for something else is a mistake.
      fingerprint bytea not null check (length(fingerprint) = 32),
      request_id text not null unique,
      -- Counts the claims, so that a process that lost its claim cannot finish another's.
      attempt integer not null check (attempt >= 1),
      state text not null check (state in ('running', 'finished')),
      lease_until timestamptz not null,
      status smallint,
      headers jsonb,
      -- Null for an answer that was too large to keep.
      body bytea check (length(body) <= 2097152),
      created_at timestamptz not null,
      expires_at timestamptz not null,
      check ((state = 'finished') = (status is not null)),
      primary key (customer_id, key)
    );
    create index idempotency_keys_by_expiry on moat.idempotency_keys (expires_at);
  `,
};
