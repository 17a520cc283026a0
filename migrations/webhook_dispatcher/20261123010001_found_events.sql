-- What events are found by.

-- The id of what an event speaks of, and of the request that it comes from. Null in events from before.
alter table events add column subject text;
alter table events add column request_id text;

-- Few events speak of one thing, so this leads to them whoever's they are.
create index events_subject on events (subject, event_id);

-- By type and by source: those of a rare one must not be looked for among all that an organisation has. There are
-- few pairs of a type and a source, so one index serves either: they are looked through one after the other.
create index events_named on events (organization_id, kind, origin, event_id);
drop index events_kind;
