-- The LEX family.

-- What it asks for beside `events`: filters and the form of the messages.
alter table subscriptions add column lex jsonb;
-- The LEX names of the organisation, as far as they are known: who it is when a message names its recipients.
alter table subscriptions add column lex_ids text[] not null default '{}';
-- Whether the subscriber was ever told the secret, or chose it.
alter table subscriptions add column secret_known boolean not null default true;
-- Where an organisation is told what became of its own messages. It matches nothing, and no list shows it.
alter table subscriptions add column notices boolean not null default false;

create unique index subscriptions_notices on subscriptions (organization_id)
    where notices and state <> 'deleted';

alter table subscription_health add column delivered bigint not null default 0;

-- What is kept of organisations, from their own events.
create table organizations (
    organization_id uuid   primary key,
    lex_ids         text[] not null,
    -- Of the event that was read last: older ones are passed over. 0: from a request of the organisation.
    version         bigint not null
);
