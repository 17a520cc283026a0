-- Finds what has expired. Rows that are kept for ever are not in it. A parent's index cannot be built
-- concurrently; the tables are small at the time of this migration.
create index idempotency_expiry on idempotency (expires_at) where expires_at is not null;
