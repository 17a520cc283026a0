//! A migrated database of its own for every test.

use contracts::Service;
use platform_pg::{DatabaseSettings, migrations};
use secrecy::SecretString;
use sqlx::postgres::{PgConnectOptions, PgPool};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use std::str::FromStr;
use std::time::Duration;

/// Any constant: templates are made one at a time.
const TEMPLATE_LOCK: i64 = 0x7465_7374;

/// A database with the tables of one service, dropped at the end of the test.
#[derive(Debug)]
pub struct TestDatabase {
    service: Service,
    name: String,
    admin: PgConnectOptions,
}

impl TestDatabase {
    /// Copies the service's migrated template, which the first test makes.
    pub async fn create(service: Service) -> Self {
        let admin = PgConnectOptions::from_str(&crate::required("LEADWIRE_TEST_DATABASE_URL")).unwrap();
        let mut connection = PgConnection::connect_with(&admin)
            .await
            .expect("the test PostgreSQL does not answer: run the tests with ./dev test");
        let template = template(&mut connection, &admin, service).await;
        let name = format!("t_{}", crate::unique_id().simple());
        let create = format!("create database {name} template {template}");
        connection.execute(AssertSqlSafe(create)).await.unwrap();
        Self { service, name, admin }
    }

    /// What the service is configured with: its own role, as in production.
    pub fn settings(&self) -> DatabaseSettings {
        DatabaseSettings {
            url: SecretString::from(self.url(self.service.role())),
            max_connections: 8,
            acquire_timeout: Duration::from_secs(5),
            statement_timeout: Duration::from_secs(10),
        }
    }

    /// A pool for assertions, with the service's own role and schema.
    pub fn pool(&self) -> PgPool {
        platform_pg::connect(&self.settings(), self.service).unwrap()
    }

    /// The database's URL for a role.
    pub fn url(&self, role: &str) -> String {
        format!("postgres://{role}@{}:{}/{}", self.admin.get_host(), self.admin.get_port(), self.name)
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let drop_it = format!("drop database if exists {} with (force)", self.name);
        let admin = self.admin.clone();
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                if let Ok(mut connection) = PgConnection::connect_with(&admin).await {
                    connection.execute(AssertSqlSafe(drop_it)).await.ok();
                }
            });
        });
        dropping.join().ok();
    }
}

/// The name of the service's template for the present migrations; made when it is not there yet.
async fn template(connection: &mut PgConnection, admin: &PgConnectOptions, service: Service) -> String {
    let name = format!("template_{}_{}", service.schema(), migrations::fingerprint(service));
    sqlx::query("select pg_advisory_lock($1)").bind(TEMPLATE_LOCK).execute(&mut *connection).await.unwrap();
    let exists: bool = sqlx::query_scalar("select exists (select from pg_database where datname = $1)")
        .bind(&name)
        .fetch_one(&mut *connection)
        .await
        .unwrap();
    if !exists {
        // Made under another name first, so that a killed test run leaves no half-made template.
        let draft = format!("draft_{}", crate::unique_id().simple());
        connection.execute(AssertSqlSafe(format!("create database {draft}"))).await.unwrap();
        let url =
            format!("postgres://{}@{}:{}/{draft}", admin.get_username(), admin.get_host(), admin.get_port());
        migrations::migrate(&url, service).await.unwrap();
        connection.execute(AssertSqlSafe(format!("alter database {draft} rename to {name}"))).await.unwrap();
    }
    sqlx::query("select pg_advisory_unlock($1)").bind(TEMPLATE_LOCK).execute(&mut *connection).await.unwrap();
    name
}
