-- Sessions of the console. A stolen table opens nothing: the id is a digest of what the browser holds, and the API key
-- is sealed with a key that is not in the database.
create table console_sessions (
  organization_id uuid not null,
  credential_id uuid not null,
  id bytea primary key,
  sealed bytea not null,
  created_at timestamptz not null,
  used_at timestamptz not null,
  expires_at timestamptz not null
);

create index console_sessions_by_credential on console_sessions (organization_id, credential_id);
create index console_sessions_by_end on console_sessions (expires_at);
