-- Events on their way to the broker. Written in the transaction of the change they speak of, deleted once
-- the broker has confirmed them; never updated. `seq` is the only index.
create table outbox (
    seq         bigint generated always as identity primary key,
    event_id    uuid        not null,
    routing_key text        not null,
    kind        text        not null,
    headers     jsonb       not null default '{}',
    payload     bytea       not null,
    created_at  timestamptz not null default now()
) with (
    autovacuum_vacuum_scale_factor = 0,
    autovacuum_vacuum_threshold = 20000,
    autovacuum_vacuum_cost_delay = 0,
    autovacuum_vacuum_insert_scale_factor = 0.2
);
