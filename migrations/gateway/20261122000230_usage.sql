-- How many requests were answered, by the hour, and how long that took together. Hours and days are of UTC.
-- No reference to the client: the figures of one that is deleted go when their time is over.
create table usage_hourly (
    organization_id uuid        not null,
    client_id       uuid        not null,
    hour            timestamptz not null,
    credential_id   uuid        not null,
    template        text        not null,
    method          text        not null,
    status          smallint    not null,
    requests        bigint      not null,
    latency_micros  bigint      not null,
    primary key (organization_id, client_id, hour, credential_id, template, method, status)
) partition by range (hour);

-- The same by the day, counted in the same transactions; kept for longer.
create table usage_daily (
    organization_id uuid        not null,
    client_id       uuid        not null,
    day             timestamptz not null,
    credential_id   uuid        not null,
    template        text        not null,
    method          text        not null,
    status          smallint    not null,
    requests        bigint      not null,
    latency_micros  bigint      not null,
    primary key (organization_id, client_id, day, credential_id, template, method, status)
) partition by range (day);

-- How far each process has come with its batches. A batch and its number are written together, so that one
-- whose commit was not answered can be written again without being counted twice.
create table usage_writers (
    writer_id  uuid primary key,
    sequence   bigint      not null,
    written_at timestamptz not null
);
