//! Who does it, and noting it in the audit log, for commands that go past the gateway.

use crate::clients::gateway::Url;
use crate::clients::internal::Internal;
use anyhow::Context;
use clap::Args;
use contracts::internal::AuditEntry;
use secrecy::SecretString;
use serde_json::Value;

/// How what is done gets into the audit log.
#[derive(Args, Clone, Debug)]
pub struct Auditing {
    /// The gateway, by an address that its internal routes are reached at.
    #[arg(long, env = "GATEWAY_URL", value_name = "URL")]
    gateway_url: Option<Url>,
    /// The gateway's identity key, as in its settings.
    #[arg(long, env = "LEADWIRE_GATEWAY__IDENTITY__KEY", hide_env_values = true, value_name = "KEY")]
    gateway_identity_key: Option<SecretString>,
    #[command(flatten)]
    operator: Operator,
    /// Go on although it cannot be noted.
    #[arg(long)]
    unaudited: bool,
}

/// Who does it.
#[derive(Args, Clone, Debug)]
pub struct Operator {
    /// Who does this, for the audit log; the name of the user otherwise.
    #[arg(long = "operator", env = "LEADWIRE_OPERATOR", value_name = "NAME")]
    name: Option<String>,
    #[arg(long, env = "USER", hide = true, hide_env_values = true)]
    user: Option<String>,
}

impl Operator {
    pub fn name(&self) -> String {
        let given = self.name.clone().or_else(|| self.user.clone());
        given.unwrap_or_else(|| "unknown".to_owned())
    }

    /// An entry without before and after.
    pub fn entry(&self, action: &str, target: String) -> AuditEntry {
        let host = std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
        AuditEntry {
            organization_id: None,
            actor: format!("operator:{}", self.name()),
            action: action.to_owned(),
            target,
            origin: host.map(|host| host.trim().to_owned()),
            before: None,
            after: None,
        }
    }
}

impl Auditing {
    /// What writes entries, or a reason why nothing may be done.
    ///
    /// # Errors
    /// When the settings for it are missing and `--unaudited` is not given.
    pub fn journal(&self) -> anyhow::Result<Journal> {
        let operator = self.operator.clone();
        match (&self.gateway_url, &self.gateway_identity_key) {
            (Some(url), Some(key)) => {
                let internal = Some(Internal::new(url.clone(), key)?);
                Ok(Journal { internal, operator, unaudited: self.unaudited })
            }
            _ if self.unaudited => Ok(Journal { internal: None, operator, unaudited: true }),
            _ => anyhow::bail!(
                "this is noted in the audit log: give --gateway-url and --gateway-identity-key (GATEWAY_URL, \
                 LEADWIRE_GATEWAY__IDENTITY__KEY), or --unaudited"
            ),
        }
    }
}

/// The audit log, as this command writes it.
#[derive(Debug)]
pub struct Journal {
    internal: Option<Internal>,
    operator: Operator,
    unaudited: bool,
}

impl Journal {
    pub fn operator(&self) -> String {
        self.operator.name()
    }

    /// Notes what is about to be done, or was done.
    ///
    /// # Errors
    /// When it cannot be noted and has to be.
    pub async fn note(&self, action: &str, target: String, after: Value) -> anyhow::Result<()> {
        let Some(internal) = &self.internal else { return Ok(()) };
        let entry = AuditEntry { after: Some(after), ..self.operator.entry(action, target) };
        match internal.note(&entry).await {
            Err(error) if self.unaudited => {
                warn(&format!("not in the audit log: {error:#}"));
                Ok(())
            }
            noted => noted.context("the audit log cannot be written; --unaudited goes on without"),
        }
    }
}

/// The audit log, for commands that write the database themselves.
pub mod directly {
    use contracts::Service;
    use contracts::internal::AuditEntry;
    use platform::clock::Clock;
    use platform::ids::IdSource;
    use platform_pg::partitions::{Cut, PartitionedTable, provision};
    use sqlx::PgConnection;
    use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

    const TABLE: PartitionedTable =
        PartitionedTable { name: "audit_log", cut: Cut::Monthly, behind: 1, ahead: 2 };

    /// Sees to it that the log takes entries of today: the gateway may never have run yet.
    ///
    /// # Errors
    /// When the database does not answer, or has no gateway in it.
    pub async fn prepare(url: &str) -> anyhow::Result<()> {
        let options: PgConnectOptions = url.parse()?;
        let (role, schema) = (Service::Gateway.role(), Service::Gateway.schema());
        let options = options.options([("role", role), ("search_path", schema)]);
        let pool = PgPoolOptions::new().max_connections(1).connect_with(options).await?;
        provision(&pool, &[TABLE], Clock::system().now()).await?;
        pool.close().await;
        Ok(())
    }

    /// Writes an entry.
    ///
    /// # Errors
    /// When the database refuses it.
    pub async fn note(connection: &mut PgConnection, entry: &AuditEntry) -> anyhow::Result<()> {
        let now = Clock::system().now();
        sqlx::query(
            "insert into gateway.audit_log (organization_id, id, occurred_at, actor, action, target, origin, before, after)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        )
        .bind(entry.organization_id.map(contracts::ids::OrganizationId::as_uuid))
        .bind(IdSource::random().at(now))
        .bind(now)
        .bind(&entry.actor)
        .bind(&entry.action)
        .bind(&entry.target)
        .bind(&entry.origin)
        .bind(&entry.before)
        .bind(&entry.after)
        .execute(connection)
        .await?;
        Ok(())
    }
}

/// A warning on standard error.
#[expect(clippy::print_stderr, reason = "a command warns on standard error")]
pub fn warn(text: &str) {
    eprintln!("warning: {text}");
}
