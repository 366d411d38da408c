import type { Migration } from '../migrate.js';

/**
 * Who may do what: users, sessions, waits after wrong passwords, the audit log, and logged prompts. Of every token only
 * its SHA-256 is here, so that who reads the database cannot sign in.
 */
export const access: Migration = {
  name: 'access',
  statements: `
    -- Never deleted, only disabled: the audit log names them.
    create table moat.users (
      id uuid primary key default gen_random_uuid(),
      email text not null check (length(email) between 3 and 254),
      name text not null check (length(name) between 1 and 200),
      role text not null check (role in ('owner', 'finance', 'developer', 'viewer')),
      password_hash text,
      oidc_issuer text,
      oidc_subject text,
      setup_hash bytea unique check (length(setup_hash) = 32),
      setup_expires_at timestamptz,
      created_at timestamptz not null,
      disabled_at timestamptz,
      check ((oidc_issuer is null) = (oidc_subject is null)),
      check ((setup_hash is null) = (setup_expires_at is null)),
      unique (oidc_issuer, oidc_subject)
    );
    create unique index users_by_email on moat.users (lower(email));
    create trigger never_deleted before delete or truncate on moat.users
      for each statement execute function moat.refuse_change();

    create table moat.sessions (
      id uuid primary key default gen_random_uuid(),
      hash bytea not null unique check (length(hash) = 32),
      user_id uuid not null references moat.users,
      csrf_token text not null,
      address text not null,
      agent text not null check (length(agent) <= 200),
      created_at timestamptz not null,
      last_seen_at timestamptz not null,
      expires_at timestamptz not null,
      revoked_at timestamptz
    );
    create index sessions_by_user on moat.sessions (user_id);
    create index sessions_by_expiry on moat.sessions (expires_at);

    -- A subject is the SHA-256 of an account, an address or both, so that what strangers type is not kept.
    create table moat.login_attempts (
      subject bytea primary key check (length(subject) = 32),
      failures integer not null check (failures >= 0),
      last_attempt_at timestamptz not null,
      next_allowed_at timestamptz not null,
      succeeded_at timestamptz
    );
    create index login_attempts_by_time on moat.login_attempts (last_attempt_at);

    create table moat.audit_log (
      id bigint primary key check (id >= 1),
      time timestamptz not null,
      actor text not null,
      action text not null,
      target text not null,
      details jsonb not null check (jsonb_typeof(details) = 'object'),
      previous_hash bytea not null unique check (length(previous_hash) = 32),
      hash bytea not null check (length(hash) = 32)
    );
    create trigger append_only before update or delete or truncate on moat.audit_log
      for each statement execute function moat.refuse_change();

    -- The last entry's number and hash. Its one row is locked by whoever appends, so that the chain cannot fork.
    create table moat.audit_head (
      singleton boolean primary key default true check (singleton),
      id bigint not null,
      hash bytea not null check (length(hash) = 32)
    );
    insert into moat.audit_head (id, hash) values (0, decode(repeat('00', 32), 'hex'));
    create trigger never_deleted before delete or truncate on moat.audit_head
      for each statement execute function moat.refuse_change();

    create table moat.prompt_log (
      id bigint generated always as identity primary key,
      time timestamptz not null,
      request_id text not null,
      customer_id text not null references moat.customers,
      model text not null,
      prompt text not null check (length(prompt) <= 32768),
      answer text not null check (length(answer) <= 32768),
      truncated boolean not null
    );
    create index prompt_log_by_time on moat.prompt_log (time);
    create index prompt_log_by_customer on moat.prompt_log (customer_id, id);
  `,
};
