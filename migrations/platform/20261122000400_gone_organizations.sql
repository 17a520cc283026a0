-- Organisations whose things were removed, until they are removed once more: a request that was let in before the
-- deletion may have been written behind it.
create table gone_organizations (
    organization_id uuid        primary key,
    look_again_at   timestamptz not null
);
