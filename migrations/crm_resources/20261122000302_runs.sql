-- Runs of automations: which step is next, when, and who is at it. `steps` and `data` are as they were when the event
-- came. A row is taken by writing a token and a time into `lease` and `leased_until`; who still has its token when it
-- commits a step was the only one to take that step. `log` is what was done, oldest first.
create table automation_runs (
    organization_id uuid             not null,
    id              uuid             not null,
    automation_id   text collate "C" not null,
    event_id        uuid             not null,
    event_type      text             not null,
    subject         text             not null,
    depth           integer          not null,
    data            jsonb            not null,
    steps           jsonb            not null,
    state           text             not null check (state in ('pending', 'completed', 'dead_letter')),
    position        integer          not null,
    attempts        integer          not null,
    next_at         timestamptz      not null,
    lease           uuid,
    leased_until    timestamptz,
    error           text,
    log             jsonb            not null,
    created_at      timestamptz      not null,
    finished_at     timestamptz,
    primary key (organization_id, id)
);
create unique index automation_runs_event on automation_runs (organization_id, automation_id, event_id);
create index automation_runs_due on automation_runs (next_at) where state = 'pending';
create index automation_runs_by_automation on automation_runs (organization_id, automation_id, created_at, id);
create index automation_runs_finished on automation_runs (finished_at) where finished_at is not null;
