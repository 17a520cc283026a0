-- Since when a run waits for a receiver that does not work; such waiting is no attempt.
alter table automation_runs add column waiting_since timestamptz;
