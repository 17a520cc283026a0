-- Automations. `steps` is a JSON array; what is in it is not shown by the API.
create table automations (
    organization_id uuid             not null,
    id              text collate "C" not null,
    version         bigint           not null,
    name            text             not null,
    description     text,
    active          boolean          not null,
    trigger_type    text             not null,
    steps           jsonb            not null check (jsonb_typeof(steps) = 'array'),
    created_at      timestamptz      not null,
    updated_at      timestamptz      not null,
    primary key (organization_id, id)
);
create unique index automations_name on automations (organization_id, name);
create index automations_by_created on automations (organization_id, created_at, id);
create index automations_by_updated on automations (organization_id, updated_at, id);
create index automations_by_trigger on automations (organization_id, trigger_type) where active;
