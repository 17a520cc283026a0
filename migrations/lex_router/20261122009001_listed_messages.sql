-- What lists of messages are narrowed down by. Null in messages from before, and where a message does not say.
alter table messages add column message_type text;
alter table messages add column sender_id text;
alter table messages add column receiver_id text;

-- What came in under a name, newest first. A parent's index cannot be built concurrently; the tables are small at
-- the time of this migration.
create index message_names_by_receiver on message_names (receiver_id, id) where accepted;

-- What came in for those who take part in a lead: most of what is addressed to the exchange goes to nobody else.
create index message_names_to_parties on message_names using gin (readers)
    where receiver_id = 'LEX-PLATFORM' and readers <> '{}';

-- Runs of the conformance cases, newest first.
create index conformance_reports_by_time on conformance_reports (organization_id, run_at desc, session_id desc);
