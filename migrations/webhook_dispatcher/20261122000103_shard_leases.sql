-- Which replica delivers for which shard of subscriptions. Leases run on the database's clock.
create table shard_leases (
    shard      smallint    primary key check (shard between 0 and 63),
    owner      uuid,
    expires_at timestamptz not null default '-infinity'
) with (fillfactor = 25);

insert into shard_leases (shard) select generate_series(0, 63);

-- The replicas that are alive, so that each knows its share.
create table replicas (
    id         uuid        primary key,
    expires_at timestamptz not null
);
