-- The events whose effects are committed, per consumer. Event ids are version 7 UUIDs, so ranges of ids are
-- ranges of time: cut by week, and retention drops partitions. `platform_pg::partitions` makes the partitions.
create table inbox (
    event_id uuid     not null,
    -- A number of the service's own.
    consumer smallint not null,
    primary key (event_id, consumer)
) partition by range (event_id);
