-- The people that applications send events about. A worker is found by what applications call them: the id that
-- an application gave them, or their e-mail address.
create table workers (
    organization_id uuid        not null,
    worker_id       uuid        not null,
    -- The connection that made the worker: `custom:<app>`.
    integration     text        not null,
    display_name    text,
    external_id     text,
    email           text,
    created_at      timestamptz not null,
    primary key (organization_id, worker_id)
);

create table worker_identities (
    organization_id uuid not null,
    -- `custom:<app>` for that application's ids, `email` for addresses in lower case.
    namespace       text not null,
    value           text not null,
    worker_id       uuid not null,
    primary key (organization_id, namespace, value)
);

create index worker_identities_by_worker on worker_identities (organization_id, worker_id);

-- One row per organisation: whoever makes or changes its workers locks it first, so that nobody is made twice
-- and the plan's cap holds.
create table accounts (
    organization_id uuid   primary key,
    workers         bigint not null default 0
);

-- Accepted events and snapshots by calendar month, UTC. Updated last in each write's transaction.
create table event_usage (
    organization_id uuid   not null,
    month           date   not null,
    used            bigint not null,
    primary key (organization_id, month)
) with (fillfactor = 50);
