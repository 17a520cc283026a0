-- LEX messages end at a time, and some of them wait for somebody to send them to.

-- By its own word; null: its deliveries take as long as they take.
alter table events add column expires_at timestamptz;
-- What happens then, or when it has waited in vain. Null: no LEX message.
alter table events add column on_expiry text check (on_expiry in ('DLQ', 'DISCARD', 'RETURN'));

-- Whether what becomes of this delivery is what the publisher asked to be told.
alter table deliveries add column counts boolean not null default true;
-- When the last request of it was made.
alter table deliveries add column attempted_at timestamptz;

-- The messages of which something is open. What is settled leaves this table, so it stays small however many
-- weeks of events there are.
create table open_messages (
    event_id     uuid        primary key,
    -- By its own word or, while it waits, by that of the exchange.
    expires_at   timestamptz,
    -- It waits for a subscription of its receiver; none of those up to this version matched. Null: it does not
    -- wait.
    held_version bigint,
    -- It waited in vain until it expired.
    lapsed       boolean     not null default false
);

create index open_messages_expiry on open_messages (expires_at);
create index open_messages_held on open_messages (held_version) where held_version is not null;
