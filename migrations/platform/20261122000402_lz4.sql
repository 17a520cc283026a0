-- Events of a batch and stored answers are large and alike: the default compression costs more than all the rest of
-- their insert, LZ4 hardly anything. A server that was built without it keeps the default.
do $$
begin
    alter table outbox alter column payload set compression lz4;
    alter table idempotency alter column response set compression lz4;
exception when feature_not_supported then
    raise notice 'this server has no LZ4';
end
$$;
