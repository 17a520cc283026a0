-- How far each lead has come on its way through HubSpot and the webhooks: the state that the broker only
-- triggers. One row per `lead.created` event. Event ids are version 7 UUIDs, so ranges of ids are ranges of
-- time: cut by week, and retention drops partitions whose rows are all done. Holds nothing of the person.
create table orchestrations (
    event_id           uuid        not null primary key,
    -- Null while the step is `expected`: an outcome came before the event that it is about.
    organization_id    uuid,
    lead_id            uuid,
    traceparent        text,
    step               text        not null check (step in ('expected', 'contact', 'deal', 'association', 'deliveries', 'done')),
    -- Answers of HubSpot that concerned this lead and may be different another time. Outages do not count.
    attempts           smallint    not null default 0,
    -- When it is to be taken up, or, while somebody has it, when it may be taken from them.
    next_at            timestamptz not null,
    lease              uuid,
    hubspot_contact_id text,
    hubspot_deal_id    text,
    last_error         text,
    -- `webhook.event.matched`: how many subscriptions.
    matched            integer,
    -- `webhook.event.settled`: what became of the deliveries.
    delivered          integer,
    dead_letter        integer,
    cancelled          integer,
    expired            integer,
    check ((step = 'expected') = (lead_id is null)),
    check ((lead_id is null) = (organization_id is null))
) partition by range (event_id);

-- What is due. Small, because rows leave it when HubSpot is done with them.
create index orchestrations_due on orchestrations (next_at) where step in ('contact', 'deal', 'association');
create index orchestrations_by_organization on orchestrations (organization_id, lead_id);
