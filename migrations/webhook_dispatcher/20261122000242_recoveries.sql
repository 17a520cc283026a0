-- Wishes to deliver again what had ended badly, worked off in batches, each in one transaction with the mark
-- of how far it got: a recovery that is interrupted goes on where it was.
create table recoveries (
    id              uuid        primary key,
    organization_id uuid        not null,
    subscription_id uuid        not null,
    -- The events from one moment to another, as bounds of their ids.
    first_event     uuid        not null,
    last_event      uuid        not null,
    -- The states of deliveries that are meant.
    states          smallint[]  not null,
    recovered       bigint      not null default 0,
    -- When the next batch may be made due; they are spread over time.
    next_at         timestamptz not null,
    created_at      timestamptz not null,
    finished_at     timestamptz
);

-- One at a time.
create unique index recoveries_running on recoveries (subscription_id) where finished_at is null;
