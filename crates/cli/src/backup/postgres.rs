//! pg_dump and pg_restore, of a version that fits the server, and what they are to bring along.

use super::ended_well;
use anyhow::{Context, ensure};
use clap::Args;
use contracts::Service;
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use tokio::process::Command;
use url::Url;

/// Where PostgreSQL's own programs are.
#[derive(Args, Clone, Debug)]
pub struct Tools {
    /// The directory of pg_dump and pg_restore; those of the server's version are looked for otherwise.
    #[arg(long, value_name = "DIRECTORY")]
    pg_bin: Option<PathBuf>,
}

impl Tools {
    /// A program that is at least as new as a server of this major version.
    pub async fn find(&self, program: &str, major: i32) -> anyhow::Result<PathBuf> {
        let places = match &self.pg_bin {
            Some(directory) => vec![directory.join(program)],
            None => vec![PathBuf::from(format!("/usr/lib/postgresql/{major}/bin/{program}")), program.into()],
        };
        for place in places {
            let output = Command::new(&place).arg("--version").output().await;
            let said =
                output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
            // "pg_dump (PostgreSQL) 15.9 (Debian …)"
            let version = said
                .split_whitespace()
                .nth(2)
                .and_then(|version| version.split('.').next()?.parse::<i32>().ok());
            if version.is_some_and(|version| version >= major) {
                return Ok(place);
            }
        }
        anyhow::bail!(
            "there is no {program} of PostgreSQL {major} or newer: install the server's client programs, or give --pg-bin"
        )
    }
}

/// A program that works on a database; the password is in its environment, not in its arguments.
pub fn on_database(program: &Path, url: &str) -> anyhow::Result<Command> {
    let mut url = Url::parse(url).ok().context("the database's URL is malformed")?;
    let mut command = Command::new(program);
    if let Some(password) = url.password() {
        command.env("PGPASSWORD", percent_decoded(password));
    }
    ensure!(url.set_password(None).is_ok(), "the database's URL has no host");
    command.arg("--no-password").arg("--dbname").arg(url.as_str()).stdin(Stdio::null());
    Ok(command)
}

fn percent_decoded(text: &str) -> String {
    let pair = format!("p={}", text.replace('+', "%2B"));
    url::form_urlencoded::parse(pair.as_bytes())
        .next()
        .map(|(_, value)| value.into_owned())
        .unwrap_or_default()
}

/// The major version of a server and its name in full.
pub async fn version(connection: &mut PgConnection) -> sqlx::Result<(i32, String)> {
    sqlx::query_as(
        "select current_setting('server_version_num')::int / 10000, current_setting('server_version')",
    )
    .fetch_one(connection)
    .await
}

/// Rows of every table of the services.
pub async fn count(connection: &mut PgConnection) -> sqlx::Result<BTreeMap<String, i64>> {
    let tables: Vec<String> = sqlx::query_scalar(
        "select format('%I.%I', n.nspname, c.relname) from pg_class c join pg_namespace n on n.oid = c.relnamespace
         where n.nspname = any($1) and c.relkind in ('r', 'p') and not c.relispartition order by 1",
    )
    .bind(Service::ALL.map(|service| service.schema().to_owned()).to_vec())
    .fetch_all(&mut *connection)
    .await?;
    let mut counts = BTreeMap::new();
    for table in tables {
        let query = format!("select count(*) from {table}");
        counts.insert(table, sqlx::query_scalar(AssertSqlSafe(query)).fetch_one(&mut *connection).await?);
    }
    Ok(counts)
}

/// A database as it was at one moment.
pub struct Snapshot {
    connection: PgConnection,
    id: String,
    program: PathBuf,
    url: String,
    server: String,
}

impl Snapshot {
    pub async fn take(url: &str, tools: &Tools) -> anyhow::Result<Self> {
        let mut connection = PgConnection::connect(url).await.context("the database does not answer")?;
        let (major, server) = version(&mut connection).await?;
        let program = tools.find("pg_dump", major).await?;
        sqlx::query("begin isolation level repeatable read read only").execute(&mut connection).await?;
        let id = sqlx::query_scalar("select pg_export_snapshot()").fetch_one(&mut connection).await?;
        Ok(Self { connection, id, program, url: url.to_owned(), server })
    }

    /// Writes the services' schemas to a file. Answers the rows of each table, the newest migration of each schema,
    /// and the server's version.
    pub async fn dump(
        mut self,
        file: &Path,
    ) -> anyhow::Result<(BTreeMap<String, i64>, BTreeMap<String, i64>, String)> {
        super::write_private(file, b"")?;
        let mut command = on_database(&self.program, &self.url)?;
        command.args(["--format=custom", "--compress=5"]).arg(format!("--snapshot={}", self.id));
        command.arg("--file").arg(file);
        let mut migrations = BTreeMap::new();
        for service in Service::ALL {
            command.arg(format!("--schema={}", service.schema()));
            let newest = format!("select max(version) from {}._sqlx_migrations", service.schema());
            let newest: Option<i64> = sqlx::query_scalar(AssertSqlSafe(newest))
                .fetch_one(&mut self.connection)
                .await
                .with_context(|| format!("schema {} is not there: leadwire migrate", service.schema()))?;
            migrations.insert(service.schema().to_owned(), newest.unwrap_or_default());
        }
        ended_well("pg_dump", &command.output().await?)?;
        let counts = count(&mut self.connection).await?;
        sqlx::query("commit").execute(&mut self.connection).await?;
        self.connection.close().await?;
        Ok((counts, migrations, self.server))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_in_the_environment_and_not_in_the_arguments() {
        let command = on_database(Path::new("pg_dump"), "postgres://ada:s%40c+ret@db/leadwire").unwrap();
        let command = command.as_std();
        assert!(command.get_args().all(|argument| !argument.to_string_lossy().contains("ret")));
        let password = command.get_envs().find(|(name, _)| *name == "PGPASSWORD").unwrap().1.unwrap();
        assert_eq!(password, "s@c+ret");
    }
}
