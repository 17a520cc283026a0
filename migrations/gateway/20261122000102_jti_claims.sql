-- The tokens that were used and have not expired yet. Not partitioned by expiry: the same `jti` with another
-- `exp` is a replay too, so the key must hold over the whole table. `jti` is stored as its SHA-256.
create table jti_claims (
    credential_id uuid        not null,
    jti           bytea       not null,
    expires_at    timestamptz not null,
    primary key (credential_id, jti)
) with (
    autovacuum_vacuum_scale_factor = 0,
    autovacuum_vacuum_threshold = 20000,
    autovacuum_vacuum_cost_delay = 0,
    autovacuum_vacuum_insert_scale_factor = 0.2
);
create index jti_claims_expiry on jti_claims (expires_at);
