-- What happened to workers, by month of acceptance; retention drops partitions. Written with `copy`, so it has one
-- index: that of the timeline, which is also how the events of a worker are found when they are removed. `metadata`
-- is `json`, which keeps what was sent as it was sent and costs less to write.
create table events (
    organization_id uuid        not null,
    worker_id       uuid        not null,
    occurred_at     timestamptz not null,
    -- Version 7; ascending in the order of the batch.
    event_id        uuid        not null,
    received_at     timestamptz not null,
    event_type      text        not null,
    category        text        not null,
    app             text        not null,
    duration        integer,
    metadata        json
) partition by range (received_at);

create index events_timeline on events (worker_id, occurred_at desc, event_id desc);

-- The latest snapshot of each type: a worker's cards.
create table snapshots (
    organization_id uuid        not null,
    worker_id       uuid        not null,
    app             text        not null,
    snapshot_type   text        not null,
    taken_at        timestamptz not null,
    event_id        uuid        not null,
    metrics         json        not null,
    metadata        json,
    primary key (organization_id, worker_id, app, snapshot_type)
);
