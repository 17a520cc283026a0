-- How often a row was changed: the `aggregateversion` of its events.
alter table organizations add column version bigint not null default 1;
alter table api_clients add column version bigint not null default 1;
alter table credentials add column version bigint not null default 1;
