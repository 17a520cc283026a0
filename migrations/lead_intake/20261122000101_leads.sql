-- Leads of partners, by month of acceptance. `received_at` is the time inside the version 7 `lead_id`, to
-- the millisecond, so that the id alone finds the partition.
create table leads (
    organization_id  uuid        not null,
    lead_id          uuid        not null,
    received_at      timestamptz not null,
    partner_slug     text        not null,
    correlation_id   uuid        not null,
    client_id        uuid        not null,
    credential_id    uuid        not null,
    status           text        not null check (status in ('received', 'hubspot_upserted', 'dispatched', 'completed', 'failed')),
    next_action      text        not null check (next_action in ('pending_orchestrator', 'manual_review')),
    hubspot_deal_id  text,
    version          bigint      not null default 1,
    customer         jsonb       not null,
    offer            jsonb,
    commission       jsonb,
    partner_metadata jsonb,
    primary key (lead_id, received_at)
) partition by range (received_at);

create index leads_by_organization on leads (organization_id, lead_id desc);
