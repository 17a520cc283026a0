-- What happened, by the hour: what everybody looks at first must not be counted anew from a day of rows each time.

-- Events that were accepted, by when they were made; but for those that tell of webhooks.
create table event_hours (
    organization_id uuid        not null,
    hour            timestamptz not null,
    accepted        bigint      not null,
    primary key (organization_id, hour)
);

create index event_hours_hour on event_hours (hour);

-- Requests to subscribers, by when they were made.
create table delivery_hours (
    organization_id uuid        not null,
    subscription_id uuid        not null,
    hour            timestamptz not null,
    delivered       bigint      not null,
    failed          bigint      not null,
    primary key (organization_id, subscription_id, hour)
);

create index delivery_hours_hour on delivery_hours (hour);

-- Up to where the hours are counted: what is later is in the tables of events and attempts alone.
create table hours_counted (
    only_row boolean     primary key default true check (only_row),
    until    timestamptz not null
);

insert into hours_counted (until) values ('2000-01-01T00:00:00Z');

-- Dead letters by when they were given up. Stays small, because few deliveries end so.
create index deliveries_dead_ended on deliveries (organization_id, ended_at, subscription_id) where state = 2;

-- Events of a type: those of a rare one must not be looked for among all that an organisation has.
create index events_kind on events (organization_id, kind, event_id);
