-- Messages by month of arrival. `received_at` is the time inside the version 7 `id`, to the millisecond, so
-- that the id alone finds the partition; the id is that of the message's event as well. A document is what was
-- sent, word for word where it was JSON; null once nothing of it may be read any more.
create table messages (
    id               uuid        not null,
    received_at      timestamptz not null,
    organization_id  uuid        not null,
    message_id       text        not null,
    lead_id          text,
    status           text        not null check (status in ('RECEIVED', 'PROCESSED', 'REJECTED', 'DELIVERED', 'DLQ')),
    document         text,
    -- What becomes of it when nobody gets it in time.
    on_expiry        text        not null check (on_expiry in ('DLQ', 'DISCARD', 'RETURN')),
    -- Null for what is never acknowledged.
    ack_status       text        check (ack_status in ('RECEIVED', 'PROCESSED', 'REJECTED', 'ERROR')),
    ack_at           timestamptz,
    -- A JSON list of issues.
    ack_errors       text,
    duplicate_status text,
    duplicate_of     text,
    primary key (id, received_at)
) partition by range (received_at);

create index messages_dead on messages (organization_id, id desc) where status = 'DLQ';
create index messages_of_organization on messages (organization_id, id);

-- What a message is known by: its sender's organisation and the id that the sender gave it, for ever. Leads to
-- the message that counts: the accepted one, else the last that was refused. Beside it what the sender is
-- answered when the same comes again, and who else may read it.
create table message_names (
    organization_id uuid        not null,
    message_id      text        not null,
    id              uuid        not null,
    accepted        boolean     not null,
    processed_at    timestamptz not null,
    processing_ms   integer     not null,
    -- A JSON list of issues; null for none.
    warnings        text,
    lead_id         text,
    receiver_id     text,
    -- Organisations that it went to.
    readers         uuid[]      not null,
    -- Whether nobody had the receiver's name when it came: then whoever has it is the receiver.
    awaited         boolean     not null,
    primary key (organization_id, message_id)
) partition by hash (organization_id, message_id);

create table message_names_0 partition of message_names for values with (modulus 8, remainder 0);
create table message_names_1 partition of message_names for values with (modulus 8, remainder 1);
create table message_names_2 partition of message_names for values with (modulus 8, remainder 2);
create table message_names_3 partition of message_names for values with (modulus 8, remainder 3);
create table message_names_4 partition of message_names for values with (modulus 8, remainder 4);
create table message_names_5 partition of message_names for values with (modulus 8, remainder 5);
create table message_names_6 partition of message_names for values with (modulus 8, remainder 6);
create table message_names_7 partition of message_names for values with (modulus 8, remainder 7);

create index message_names_by_message on message_names (message_id);

-- Leads as far as the rules must know them. Several may have one `lead_id`: nobody can take another's.
create table leads (
    key           uuid        primary key,
    lead_id       text        not null,
    opened_by     uuid        not null,
    opened_at     timestamptz not null,
    -- Names in the message that opened it.
    opener        text        not null,
    receiver      text        not null,
    -- Whether anybody may go on with it: it is addressed to the exchange, or to everybody.
    open          boolean     not null,
    -- Organisations that sent or were sent a message of it.
    parties       uuid[]      not null,
    -- Receivers of it that nobody was when the message came.
    awaited       text[]      not null,
    status        text        not null,
    assigned_to   text,
    product_type  text,
    regions       text[]      not null,
    -- When it came about, by its own account.
    created_at    timestamptz not null,
    -- Within whose leads `fingerprint` tells duplicates.
    dedup_scope   text        not null,
    fingerprint   text,
    duplicate_of  text,
    closure       text,
    closed_at     timestamptz
);

create index leads_by_lead_id on leads (lead_id);
create index leads_by_fingerprint on leads (dedup_scope, fingerprint, opened_at)
    where fingerprint is not null and duplicate_of is null;
create index leads_by_opener on leads (opened_by);

create table assets (
    organization_id uuid        not null,
    asset_id        text        not null,
    status          text        not null,
    changed_at      timestamptz not null,
    primary key (organization_id, asset_id)
);

-- The level that an organisation last declared.
create table capabilities (
    organization_id uuid        primary key,
    level           text        not null check (level in ('L1', 'L2', 'L3')),
    declared_at     timestamptz not null
);

-- A copy of the organisations that take part, kept up by events and filled in by look-ups.
create table organizations (
    organization_id uuid        primary key,
    -- The primary name first.
    lex_ids         text[]      not null,
    changed_at      timestamptz not null
);

create index organizations_by_lex_id on organizations using gin (lex_ids);

create sequence conformance_sessions;

create table conformance_reports (
    session_id      text        primary key,
    organization_id uuid        not null,
    run_at          timestamptz not null,
    report          jsonb       not null
);

create index conformance_reports_of_organization on conformance_reports (organization_id);
