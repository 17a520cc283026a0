-- Who changed what in the control plane, or operated on the platform. Written in the change's transaction and
-- never updated; cut by month.
create sequence audit_log_seq;

create table audit_log (
    id              uuid        not null,
    occurred_at     timestamptz not null,
    -- The order of entries of one moment.
    seq             bigint      not null default nextval('audit_log_seq'),
    -- Whose thing it was; null for the platform's. No reference: the log outlives what it speaks of.
    organization_id uuid,
    -- `client:<id>`, or an operator by name.
    actor           text        not null,
    -- When it was a client.
    client_id       uuid,
    credential_id   uuid,
    action          text        not null,
    target          text        not null,
    -- An address or a host.
    origin          text,
    request_id      text,
    before          jsonb,
    after           jsonb,
    primary key (occurred_at, id)
) partition by range (occurred_at);
create index audit_log_organization on audit_log (organization_id, occurred_at, seq);
