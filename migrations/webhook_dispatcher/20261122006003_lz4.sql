-- As in the outbox: what is kept to be delivered is large where it is a batch, a lead or a message of LEX.
do $$
begin
    alter table events alter column payload set compression lz4;
exception when feature_not_supported then
    raise notice 'this server has no LZ4';
end
$$;
