-- What was answered to a request that must have one effect only. Hash-partitioned, because the key must be
-- unique for as long as the row lives; a null `expires_at` means for ever.
create table idempotency (
    scope       uuid        not null,
    key         text        not null,
    fingerprint bytea       not null,
    status      smallint    not null,
    response    bytea       not null,
    expires_at  timestamptz,
    primary key (scope, key)
) partition by hash (scope, key);

create table idempotency_0 partition of idempotency for values with (modulus 8, remainder 0);
create table idempotency_1 partition of idempotency for values with (modulus 8, remainder 1);
create table idempotency_2 partition of idempotency for values with (modulus 8, remainder 2);
create table idempotency_3 partition of idempotency for values with (modulus 8, remainder 3);
create table idempotency_4 partition of idempotency for values with (modulus 8, remainder 4);
create table idempotency_5 partition of idempotency for values with (modulus 8, remainder 5);
create table idempotency_6 partition of idempotency for values with (modulus 8, remainder 6);
create table idempotency_7 partition of idempotency for values with (modulus 8, remainder 7);
