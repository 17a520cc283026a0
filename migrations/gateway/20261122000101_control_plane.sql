-- The tenants, with the figures of their plans.
create table organizations (
    id                                   uuid primary key,
    slug                                 text        not null,
    name                                 text        not null,
    lex_organization_id                  text,
    lex_aliases                          text[]      not null,
    lex_conformance_level                text,
    lex_tier                             text        not null,
    lex_notification_webhook             text,
    api_enabled                          boolean     not null,
    monthly_event_quota                  bigint      not null,
    requests_per_minute_per_key          bigint      not null,
    requests_per_minute_per_organization bigint      not null,
    max_workers                          bigint,
    metadata                             jsonb,
    created_at                           timestamptz not null,
    updated_at                           timestamptz not null,
    constraint organizations_slug_unique unique (slug)
);

-- Every name that an organisation bears in LEX messages, its id and its aliases: each belongs to one alone.
create table lex_names (
    lex_name        text not null,
    organization_id uuid not null references organizations on delete cascade,
    constraint lex_names_unique primary key (lex_name)
);
create index lex_names_organization on lex_names (organization_id);

create table api_clients (
    id              uuid primary key,
    organization_id uuid        not null references organizations on delete cascade,
    name            text        not null,
    description     text,
    redirect_uris   text[]      not null,
    website         text,
    logo_url        text,
    contact_email   text        not null,
    status          text        not null,
    rate_limit_tier text        not null,
    webhook_url     text,
    -- Null: everything of its organisation but platform:admin.
    scopes          text[],
    metadata        jsonb,
    created_at      timestamptz not null,
    updated_at      timestamptz not null,
    constraint api_clients_tenant_unique unique (organization_id, id)
);
create index api_clients_created on api_clients (organization_id, created_at);

-- The applications that ingest keys stand for; the allow-list belongs to the application, not to a key.
create table apps (
    id                  uuid primary key,
    organization_id     uuid        not null references organizations on delete cascade,
    slug                text        not null,
    name                text        not null,
    allowed_event_types text[],
    created_at          timestamptz not null,
    updated_at          timestamptz not null,
    constraint apps_slug_unique unique (organization_id, slug),
    constraint apps_tenant_unique unique (organization_id, id)
);

-- Credentials of all kinds. Nothing in here is secret.
create table credentials (
    id                  uuid primary key,
    organization_id     uuid        not null,
    client_id           uuid        not null,
    kind                text        not null,
    name                text        not null,
    scopes              text[]      not null,
    rate_limit_override bigint,
    app_id              uuid,
    allowed_origins     text[],
    metadata            jsonb,
    expires_at          timestamptz,
    revoked_at          timestamptz,
    last_used_at        timestamptz,
    created_at          timestamptz not null,
    foreign key (organization_id, client_id) references api_clients (organization_id, id) on delete cascade,
    foreign key (organization_id, app_id) references apps (organization_id, id)
);
create index credentials_client on credentials (organization_id, client_id, created_at);

-- What a credential is proved with: a keyed hash where it is only compared, sealed where it must be read
-- back. A rotated credential has two for a while; the one that does not retire is shown.
create table credential_secrets (
    -- The public part of what a caller presents: key id, first characters, or `kid`.
    lookup        text primary key,
    credential_id uuid        not null references credentials on delete cascade,
    hash          bytea,
    sealed_key_id text,
    sealed        bytea,
    retires_at    timestamptz,
    created_at    timestamptz not null,
    check ((hash is null) <> (sealed is null)),
    check ((sealed_key_id is null) = (sealed is null))
);
create index credential_secrets_credential on credential_secrets (credential_id);
