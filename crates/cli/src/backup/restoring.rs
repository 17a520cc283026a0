//! Bringing a backup into an empty database.

use super::manifest::{Manifest, write_private};
use super::postgres::{self, count, on_database};
use super::{BROKER, DATABASE, KEYS, KEYS_OWNER, definitions_of, ended_well, note};
use crate::audit::Operator;
use crate::clients::ops;
use crate::output::Format;
use crate::progress;
use anyhow::{Context, ensure};
use clap::Args;
use contracts::Service;
use platform::secrets::{Sealed, SealingKeys};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use std::fs;
use std::path::PathBuf;

/// Restore a backup into an empty database. Every checksum is compared before, every table's rows after.
#[derive(Args, Debug)]
pub struct Restore {
    /// The directory that leadwire backup made.
    directory: PathBuf,
    /// PostgreSQL, an empty database, as a user who may create roles and schemas.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    database_url: SecretString,
    #[command(flatten)]
    tools: postgres::Tools,
    /// Only compare the checksums.
    #[arg(long)]
    verify: bool,
    /// RabbitMQ's management API, with user and password: bring the broker's definitions back, too.
    #[arg(long, env = "RABBITMQ_MANAGEMENT_URL", hide_env_values = true)]
    management_url: Option<SecretString>,
    /// The virtual host to bring them into.
    #[arg(long, default_value = "leadwire")]
    vhost: String,
    /// A new file to write the keys to.
    #[arg(long, requires = "backup_key")]
    keys_file: Option<PathBuf>,
    /// What the keys were sealed with.
    #[arg(long, env = "LEADWIRE_BACKUP_KEY", hide_env_values = true, value_name = "ID:KEY")]
    backup_key: Option<SecretString>,
    #[command(flatten)]
    operator: Operator,
    #[command(flatten)]
    format: Format,
}

/// Restores a backup. The answer is what to print.
///
/// # Errors
/// When the backup is damaged, the database is not empty, or what is there afterwards is not what was backed up.
pub async fn restore(arguments: Restore) -> anyhow::Result<String> {
    let directory = &arguments.directory;
    let manifest = Manifest::verified(directory)?;
    let document = json!({"directory": directory, "manifest": manifest});
    if arguments.verify {
        let people = || format!("the backup of {} is whole\n", manifest.created_at);
        return Ok(arguments.format.answer(&document, people));
    }
    let sign = progress::sign("restoring the database");
    database(&arguments, &manifest).await?;
    sign.finish_and_clear();
    if let Some(management) = arguments.management_url.as_ref().filter(|_| manifest.has(BROKER)) {
        let definitions: Value = serde_json::from_slice(&fs::read(directory.join(BROKER))?)?;
        let path = definitions_of(&arguments.vhost)?;
        ops::put_definitions(management, &path, &definitions).await.context("the broker's definitions")?;
    }
    if let (Some(file), Some(key)) = (&arguments.keys_file, &arguments.backup_key) {
        ensure!(manifest.has(KEYS), "there are no keys in this backup");
        let sealed =
            Sealed::unpack(&fs::read(directory.join(KEYS))?).context("the sealed keys are damaged")?;
        let keys = SealingKeys::parse(key).context("--backup-key")?.open(&sealed, KEYS_OWNER)?;
        write_private(file, &keys)?;
    }
    note(arguments.database_url.expose_secret(), &arguments.operator, "backup.restored", &manifest).await?;
    let people = || {
        let rows: i64 = manifest.tables.values().sum();
        format!(
            "restored {rows} rows of {} tables, all counted; run leadwire migrate and leadwire topology apply next\n",
            manifest.tables.len()
        )
    };
    Ok(arguments.format.answer(&document, people))
}

async fn database(arguments: &Restore, manifest: &Manifest) -> anyhow::Result<()> {
    let url = arguments.database_url.expose_secret();
    let mut connection = PgConnection::connect(url).await.context("the database does not answer")?;
    let schemas = Service::ALL.map(|service| service.schema().to_owned()).to_vec();
    let found: Vec<String> =
        sqlx::query_scalar("select nspname::text from pg_namespace where nspname = any($1)")
            .bind(schemas)
            .fetch_all(&mut connection)
            .await?;
    ensure!(found.is_empty(), "the database is not empty, it has {}: give an empty one", found.join(", "));
    let (major, _) = postgres::version(&mut connection).await?;
    let program = arguments.tools.find("pg_restore", major).await?;
    for service in Service::ALL {
        // Roles belong to the server, not to the database, and are not in the dump.
        let role = service.role();
        let create = format!(
            "do $$ begin create role {role} login; exception when duplicate_object or unique_violation then null; end $$; \
             grant {role} to current_user"
        );
        connection.execute(AssertSqlSafe(create)).await?;
    }
    let mut command = on_database(&program, url)?;
    command.arg("--exit-on-error").arg(arguments.directory.join(DATABASE));
    ended_well("pg_restore", &command.output().await?)?;
    let counts = count(&mut connection).await?;
    let differing = manifest.tables.iter().filter(|(table, rows)| counts.get(*table) != Some(rows));
    let differing: Vec<_> = differing.map(|(table, _)| table.as_str()).collect();
    ensure!(
        differing.is_empty(),
        "these tables have not the rows that were backed up: {}",
        differing.join(", ")
    );
    Ok(connection.close().await?)
}
