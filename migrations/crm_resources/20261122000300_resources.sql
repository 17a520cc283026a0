-- Products, customers and leads. Ids are 24 hexadecimal characters; `version` grows with every change and is the
-- `aggregateversion` of its event. The keys that lists are sorted by have an index each, which the id completes:
-- a page is found in the index alone, however deep it lies.
create table products (
    organization_id   uuid             not null,
    id                text collate "C" not null,
    version           bigint           not null,
    name              text             not null,
    slug              text,
    sku               text,
    description       text,
    product_type      text             not null check (product_type in ('simple', 'service', 'variable', 'composite')),
    is_active         boolean          not null,
    tags              text[]           not null,
    category_name     text,
    currency          text             not null,
    price_cents       bigint           not null,
    inventory_enabled boolean          not null,
    inventory_mode    text             not null check (inventory_mode in ('materials', 'self', 'hybrid')),
    taxable           boolean          not null,
    tax_rate_percent  double precision not null,
    created_at        timestamptz      not null,
    updated_at        timestamptz      not null,
    primary key (organization_id, id)
);
create unique index products_slug on products (organization_id, slug);
create unique index products_sku on products (organization_id, sku);
create index products_by_created on products (organization_id, created_at, id);
create index products_by_updated on products (organization_id, updated_at, id);
create index products_by_name on products (organization_id, name, id);

create table customers (
    organization_id uuid             not null,
    id              text collate "C" not null,
    version         bigint           not null,
    name            text             not null,
    short_name      text,
    email           text,
    phone           text,
    birthdate       date,
    source          text,
    notes           text,
    is_active       boolean          not null,
    created_at      timestamptz      not null,
    updated_at      timestamptz      not null,
    primary key (organization_id, id)
);
create index customers_by_created on customers (organization_id, created_at, id);
create index customers_by_updated on customers (organization_id, updated_at, id);
create index customers_by_name on customers (organization_id, name, id);
create index customers_by_email on customers (organization_id, lower(email)) where email is not null;

-- `customer_id` outlives the customer: that the lead was converted stays true.
create table leads (
    organization_id          uuid             not null,
    id                       text collate "C" not null,
    version                  bigint           not null,
    name                     text             not null,
    email                    text,
    phone                    text,
    company_name             text,
    job_title                text,
    source                   text,
    preferred_contact_method text,
    status                   text             not null,
    notes                    text,
    metadata                 jsonb            not null,
    customer_id              text collate "C",
    created_at               timestamptz      not null,
    updated_at               timestamptz      not null,
    primary key (organization_id, id)
);
create index leads_by_created on leads (organization_id, created_at, id);
create index leads_by_updated on leads (organization_id, updated_at, id);
create index leads_by_name on leads (organization_id, name, id);
create index leads_by_status on leads (organization_id, status, created_at, id);
create index leads_by_email on leads (organization_id, lower(email)) where email is not null;
