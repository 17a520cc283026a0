//! Roles, schemas and migrations of all services: one schema and one role each, forward only.
//!
//! Run by `leadwire migrate` with an operator's connection, never by a service.

use contracts::Service;
use sqlx::migrate::{MigrateError, Migration, Migrator};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use std::borrow::Cow;

/// The tables that every service has.
static PLATFORM: Migrator = sqlx::migrate!("../../migrations/platform");
static GATEWAY: Migrator = sqlx::migrate!("../../migrations/gateway");
static LEAD_INTAKE: Migrator = sqlx::migrate!("../../migrations/lead_intake");
static INGEST: Migrator = sqlx::migrate!("../../migrations/ingest");
static LEX_ROUTER: Migrator = sqlx::migrate!("../../migrations/lex_router");
static CRM_RESOURCES: Migrator = sqlx::migrate!("../../migrations/crm_resources");
static WEBHOOK_DISPATCHER: Migrator = sqlx::migrate!("../../migrations/webhook_dispatcher");

/// Brings one service's role, schema and tables up to date. Safe to repeat and to run from several places.
///
/// # Errors
/// When the connection may not create roles and schemas, or a migration fails.
pub async fn migrate(url: &str, service: Service) -> Result<(), MigrateError> {
    let mut connection = PgConnection::connect(url).await?;
    let (role, schema) = (service.role(), service.schema());
    // Roles belong to the whole cluster, and two migrations may create one at the same moment.
    let create_role = format!(
        "do $$ begin create role {role} login; \
         exception when duplicate_object or unique_violation then null; end $$"
    );
    connection.execute(AssertSqlSafe(create_role)).await?;
    let own_schema = format!(
        "grant {role} to current_user; \
         create schema if not exists {schema} authorization {role}; \
         set role {role}; set search_path to {schema}; set lock_timeout to '5s'"
    );
    connection.execute(AssertSqlSafe(own_schema)).await?;
    migrator(service).run_direct(None, &mut connection, false).await?;
    connection.close().await?;
    Ok(())
}

/// The shared migrations and the service's own as one sequence, ordered by their versions.
fn migrator(service: Service) -> Migrator {
    let own = match service {
        Service::Gateway => &GATEWAY,
        Service::LeadIntake => &LEAD_INTAKE,
        Service::Ingest => &INGEST,
        Service::LexRouter => &LEX_ROUTER,
        Service::CrmResources => &CRM_RESOURCES,
        Service::WebhookDispatcher => &WEBHOOK_DISPATCHER,
    };
    let mut all: Vec<Migration> = PLATFORM.iter().chain(own.iter()).cloned().collect();
    all.sort_by_key(|migration| migration.version);
    Migrator { migrations: Cow::Owned(all), ..Migrator::DEFAULT }
}

/// The versions of a service's migrations, as far as this program knows them.
pub fn versions(service: Service) -> Vec<i64> {
    migrator(service).iter().map(|migration| migration.version).collect()
}

/// A short name for the present migrations of a service: it changes when any of them does.
pub fn fingerprint(service: Service) -> String {
    let checksums: Vec<u8> =
        migrator(service).iter().flat_map(|migration| migration.checksum.iter().copied()).collect();
    let [a, b, c, d, ..] = platform::secrets::digest(&checksums);
    format!("{:08x}", u32::from_be_bytes([a, b, c, d]))
}
