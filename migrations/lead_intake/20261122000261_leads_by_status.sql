-- A list that is filtered by status costs the same on every page, however rare the status is. A parent's index
-- cannot be built concurrently; the tables are small at the time of this migration.
create index leads_by_status on leads (organization_id, status, lead_id desc);
