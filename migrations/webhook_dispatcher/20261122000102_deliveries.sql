-- Events and what became of them. Event ids are version 7 UUIDs, so ranges of ids are ranges of time: the
-- tables are cut by week, and retention drops partitions. `platform_pg::partitions` makes the partitions.

-- What is delivered, once per event.
create table events (
    event_id        uuid        not null primary key,
    organization_id uuid        not null,
    source          text        not null,
    kind            text        not null,
    occurred_at     timestamptz not null,
    traceparent     text,
    track_delivery  boolean     not null,
    -- The JSON of `data`, byte for byte as it was published.
    payload         bytea       not null,
    received_at     timestamptz not null
) partition by range (event_id);

-- One row for each (event, matching subscription), from the match to a terminal state.
create table deliveries (
    event_id        uuid        not null,
    subscription_id uuid        not null,
    organization_id uuid        not null,
    -- 0 pending, 1 delivered, 2 dead_letter, 3 skipped_disabled, 4 cancelled
    state           smallint    not null check (state between 0 and 4),
    attempts        smallint    not null default 0,
    -- How often it was replayed. With `attempts` it guards a settlement against a late rival.
    replay          smallint    not null default 0,
    next_at         timestamptz not null,
    last_status     smallint,
    last_error      text,
    created_at      timestamptz not null,
    -- When it reached a terminal state.
    ended_at        timestamptz,
    primary key (event_id, subscription_id)
) partition by range (event_id);

-- What is due. Stays small, because most rows are terminal.
create index deliveries_due on deliveries (subscription_id, next_at) where state = 0;
create index deliveries_log on deliveries (subscription_id, event_id);

-- Every request that was made. Append only; ids are of the attempt's own moment.
create table attempts (
    id              uuid        not null primary key,
    event_id        uuid        not null,
    subscription_id uuid        not null,
    attempt         smallint    not null,
    replay          smallint    not null,
    started_at      timestamptz not null,
    duration_ms     integer     not null,
    status          smallint,
    error           text
) partition by range (id);

create index attempts_delivery on attempts (subscription_id, event_id);
