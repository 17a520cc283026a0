//! `leadwire backup` and `leadwire restore`: the database, the broker's definitions and the keys, in one directory.
//!
//! What lies in queues is not in it: the outboxes are, and whatever a service had not finished is in its tables.
//! Keys are only ever written sealed. A directory without a manifest is not a backup: the manifest comes last.

mod manifest;
mod postgres;
mod restoring;

pub use restoring::{Restore, restore};

use crate::audit::{Operator, directly};
use crate::clients::ops;
use crate::output::Format;
use crate::progress;
use anyhow::{Context, ensure};
use clap::Args;
use contracts::internal::AuditEntry;
use manifest::{Manifest, write_private};
use platform::clock::Clock;
use platform::secrets::SealingKeys;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use std::fs;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;
use url::Url;

const DATABASE: &str = "database.dump";
const BROKER: &str = "broker.json";
const KEYS: &str = "keys.sealed";
/// What sealed keys are bound to.
const KEYS_OWNER: &[u8] = b"leadwire backup keys";

/// Back an installation up into a new directory: database, broker definitions, keys. Beside running services.
///
/// The database is one consistent snapshot, by pg_dump of the server's version or newer. Every file has its checksum in
/// manifest.json, which is written last.
#[derive(Args, Debug)]
pub struct Backup {
    /// The directory to make.
    directory: PathBuf,
    /// PostgreSQL, as a user who may read every schema.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    database_url: SecretString,
    #[command(flatten)]
    tools: postgres::Tools,
    /// RabbitMQ's management API, with user and password; its definitions are left out otherwise.
    #[arg(long, env = "RABBITMQ_MANAGEMENT_URL", hide_env_values = true)]
    management_url: Option<SecretString>,
    /// The virtual host whose definitions are meant.
    #[arg(long, default_value = "leadwire")]
    vhost: String,
    /// A file with the services' keys (NAME=VALUE lines), to be sealed with --backup-key. Without it the keys have to
    /// be kept elsewhere: without them, stored secrets do not open.
    #[arg(long, requires = "backup_key")]
    keys_file: Option<PathBuf>,
    /// What keys are sealed with: ID:KEY, 32 bytes in base64url. Keep it where the backup is not.
    #[arg(long, env = "LEADWIRE_BACKUP_KEY", hide_env_values = true, value_name = "ID:KEY")]
    backup_key: Option<SecretString>,
    #[command(flatten)]
    operator: Operator,
    #[command(flatten)]
    format: Format,
}

/// Makes a backup. The answer is what to print.
///
/// # Errors
/// When a part of it cannot be made; the directory has no manifest then.
pub async fn backup(arguments: Backup) -> anyhow::Result<String> {
    let directory = &arguments.directory;
    let url = arguments.database_url.expose_secret();
    fs::DirBuilder::new()
        .mode(0o700)
        .create(directory)
        .with_context(|| format!("{} cannot be made; it must not be there yet", directory.display()))?;
    let mut files = vec![DATABASE];
    let snapshot = postgres::Snapshot::take(url, &arguments.tools).await?;
    let sign = progress::sign("dumping the database");
    let (tables, migrations, server) = snapshot.dump(&directory.join(DATABASE)).await?;
    sign.finish_and_clear();
    if let Some(management) = &arguments.management_url {
        let path = definitions_of(&arguments.vhost)?;
        let definitions = ops::management(management, &path).await.context("the broker's definitions")?;
        write_private(&directory.join(BROKER), format!("{definitions:#}\n").as_bytes())?;
        files.push(BROKER);
    }
    if let (Some(file), Some(key)) = (&arguments.keys_file, &arguments.backup_key) {
        let keys = fs::read(file).with_context(|| format!("{} cannot be read", file.display()))?;
        let sealed = SealingKeys::parse(key).context("--backup-key")?.seal(&keys, KEYS_OWNER)?;
        write_private(&directory.join(KEYS), &sealed.pack())?;
        files.push(KEYS);
    }
    let manifest = Manifest::of(directory, &files, tables, migrations, server, Clock::system().now())?;
    manifest.write(directory)?;
    note(url, &arguments.operator, "backup.taken", &manifest).await?;
    let document = json!({"directory": directory, "manifest": manifest});
    let people = || {
        let rows: i64 = manifest.tables.values().sum();
        let bytes: u64 = manifest.files.iter().map(|file| file.bytes).sum();
        let keys = if manifest.has(KEYS) { "sealed keys" } else { "no keys: keep them elsewhere" };
        format!(
            "backed up {rows} rows of {} tables, {bytes} bytes in {}, {keys}\n",
            manifest.tables.len(),
            directory.display()
        )
    };
    Ok(arguments.format.answer(&document, people))
}

/// Notes it in the audit log of the database that was backed up or restored.
async fn note(url: &str, operator: &Operator, action: &str, manifest: &Manifest) -> anyhow::Result<()> {
    use sqlx::{Connection, PgConnection};
    directly::prepare(url).await.context("the audit log cannot be written")?;
    let mut connection = PgConnection::connect(url).await?;
    let after = json!({"createdAt": manifest.created_at, "tables": manifest.tables.len()});
    let entry = operator.entry(action, "platform:database".to_owned());
    directly::note(&mut connection, &AuditEntry { after: Some(after), ..entry }).await?;
    Ok(connection.close().await?)
}

/// The path of a virtual host's definitions.
fn definitions_of(vhost: &str) -> anyhow::Result<String> {
    let mut url = Url::parse("http://path/")?;
    let mut segments = url.path_segments_mut().ok().context("no path")?;
    segments.clear().extend(["api", "definitions", vhost]);
    drop(segments);
    Ok(url.path().trim_start_matches('/').to_owned())
}

/// Fails unless a program ended well; says what it said.
fn ended_well(program: &str, output: &std::process::Output) -> anyhow::Result<()> {
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{program} failed: {}", said.trim());
    Ok(())
}
