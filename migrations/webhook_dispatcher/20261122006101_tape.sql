-- How far the tape is accounted for, and which replica reads it. Leases run on the database's clock.
create table tape (
    only_row     boolean     primary key default true check (only_row),
    -- The last message that is accounted for, with all before it. Null: none yet. Its id tells whether the tape is
    -- still the one that the offset is of.
    last_offset  bigint,
    last_message uuid,
    reader       uuid,
    read_until   timestamptz not null default '-infinity'
);

insert into tape default values;
