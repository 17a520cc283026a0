-- Replays of the broker's dead letters, each carried out by one replica at a time, which holds it while its lease lasts.
-- The messages' own state is in the broker (ADR 13); this says what is wanted and how far it has come.
create table dead_letter_replays (
  id uuid primary key,
  queue text not null,
  filter jsonb not null,
  rate_per_second double precision check (rate_per_second > 0),
  state text not null check (state in ('QUEUED', 'RUNNING', 'CANCELLING', 'CANCELLED', 'COMPLETED', 'FAILED')),
  -- Null until they are counted.
  total bigint,
  moved bigint not null default 0,
  error text,
  requested_by text not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  ended_at timestamptz,
  holder uuid,
  lease_until timestamptz not null default '-infinity'
);

create unique index dead_letter_replays_under_way on dead_letter_replays (queue)
  where state in ('QUEUED', 'RUNNING', 'CANCELLING');
create index dead_letter_replays_newest on dead_letter_replays (queue, created_at desc, id desc);
