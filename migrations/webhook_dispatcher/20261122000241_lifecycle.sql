-- The life of a subscription beyond its creation.

-- A deleted one stays, emptied of everything but its ids, until no replica can hold an older picture of it and
-- none of its deliveries is open.
alter table subscriptions drop constraint subscriptions_state_check;
alter table subscriptions add constraint subscriptions_state_check
    check (state in ('active', 'paused', 'disabled', 'deleted'));
alter table subscriptions add column metadata jsonb;

create index subscriptions_client on subscriptions (organization_id, client_id);

-- Deliveries that have ended, ever; pending ones are counted where they are.
alter table subscription_health add column ended bigint not null default 0;

-- Organisations and clients that are gone. What still arrives for them is not taken.
create table gone (
    what    text        not null check (what in ('organization', 'client')),
    id      uuid        not null,
    gone_at timestamptz not null,
    primary key (what, id)
);
