-- Who wants which events where. One table for all families; what a family does differently is code.
create table subscriptions (
    id                     uuid        primary key,
    organization_id        uuid        not null,
    organization_slug      text        not null,
    client_id              uuid        not null,
    family                 text        not null check (family in ('partner', 'platform', 'lex')),
    url                    text        not null,
    events                 text[]      not null,
    description            text,
    state                  text        not null default 'active' check (state in ('active', 'paused', 'disabled')),
    -- Null: the family's own.
    retry_policy           jsonb,
    -- Requests per second; null: unlimited.
    rate_limit             integer     check (rate_limit > 0),
    secret                 bytea       not null,
    secret_key_id          text        not null,
    -- The first characters, for lists.
    secret_hint            text        not null,
    previous_secret        bytea,
    previous_secret_key_id text,
    previous_secret_until  timestamptz,
    -- The version of `subscription_version` that wrote this row: what a snapshot has yet to read.
    changed                bigint      not null,
    created_at             timestamptz not null,
    updated_at             timestamptz not null,
    check ((previous_secret is null) = (previous_secret_key_id is null))
);

create index subscriptions_organization on subscriptions (organization_id, family, created_at, id);
create index subscriptions_changed on subscriptions (changed);

-- Bumped in the transaction of every write to `subscriptions`. Its row lock orders those writes, so a
-- snapshot that has read up to a version has seen everything that was committed before it.
create table subscription_version (
    only_row boolean primary key default true check (only_row),
    version  bigint  not null
);

insert into subscription_version (version) values (0);

-- How deliveries to a subscription went. Apart from `subscriptions`, because every settled batch writes here.
create table subscription_health (
    subscription_id       uuid    primary key,
    last_success_at       timestamptz,
    last_failure_at       timestamptz,
    -- Failed attempts since the last success.
    consecutive_failures  integer not null default 0,
    -- Deliveries that ended as dead letters since the last success.
    consecutive_exhausted integer not null default 0
) with (fillfactor = 50);
