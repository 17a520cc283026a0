-- What operators see of deliveries.

-- The trace context of a delivery's last attempt, where that was recorded: the next attempt links to it.
alter table deliveries add column traceparent text;

-- Why a dead letter was given up: exhausted, rejected or expired. Means nothing in another state.
alter table deliveries add column reason text;

-- What an operator looks for. Stays small, because few deliveries end so.
create index deliveries_dead on deliveries (event_id) where state = 2;

-- What a recovery is narrowed down to: events of a type, dead letters with a reason.
alter table recoveries add column kind text;
alter table recoveries add column reason text;
