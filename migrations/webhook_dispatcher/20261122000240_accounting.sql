-- What became of an event as a whole.

-- When its last delivery had ended for the first time: what `webhook.event.settled` said was counted then.
-- Kept for events whose publisher asked for it.
alter table events add column settled_at timestamptz;
-- Where it came from, in the words of the platform surface: intake, crm, ingest:<app>. Null: from before this
-- column; `source` tells it.
alter table events add column origin text;

create index events_organization on events (organization_id, event_id);
