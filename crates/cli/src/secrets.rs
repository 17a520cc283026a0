//! Sealing stored secrets anew, so that an old encryption key can be taken out of the settings.
//!
//! Beside running services, in small steps, each of which stands for itself: an interrupted run is simply
//! begun again. A secret that a service writes meanwhile is left as the service wrote it.

use crate::audit::{Operator, directly};
use anyhow::Context;
use contracts::ids::{CredentialId, OrganizationId};
use contracts::internal::AuditEntry;
use platform::secrets::{Sealed, SealingKeys, SecretError};
use serde_json::{Map, Value, json};
use sqlx::{Connection, PgConnection};
use std::fmt;
use uuid::Uuid;

/// Rows that are read at once.
const PAGE: i64 = 200;
/// With more secrets than this that do not open, a key is missing and going on is pointless.
const TOO_MANY: usize = 100;

/// Where sealed secrets lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// HMAC keys of service credentials.
    Credentials,
    /// Answers of the control plane that are kept for repeated requests; they may show a secret.
    Answers,
    /// Signing secrets of webhook subscriptions.
    Subscriptions,
    /// The same before their last rotation.
    PreviousSubscriptions,
}

impl Place {
    const fn name(self) -> &'static str {
        match self {
            Self::Credentials => "gateway.credential_secrets",
            Self::Answers => "gateway.idempotency",
            Self::Subscriptions => "webhook_dispatcher.subscriptions (secret)",
            Self::PreviousSubscriptions => "webhook_dispatcher.subscriptions (previous secret)",
        }
    }
}

/// Which row it is: its key, in the order of which a place is read.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Key {
    Lookup(String),
    Id(Uuid),
    Scoped(Uuid, String),
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lookup(lookup) => f.write_str(lookup),
            Self::Id(id) => id.fmt(f),
            Self::Scoped(scope, key) => write!(f, "{scope} {key:?}"),
        }
    }
}

/// A sealed secret as it is stored.
struct Found {
    key: Key,
    /// What it is bound to, as the service that sealed it says.
    owner: String,
    sealed: Sealed,
}

/// What became of the secrets of a place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counts {
    /// Under the first key already.
    current: u64,
    resealed: u64,
    /// Written by a service in the meantime.
    changed: u64,
}

/// What became of all of them.
#[derive(Debug)]
pub struct Rotated {
    /// For people, a line for each place.
    pub lines: Vec<String>,
    places: Map<String, Value>,
    dry_run: bool,
}

impl Rotated {
    pub fn document(&self) -> Value {
        json!({"dryRun": self.dry_run, "places": self.places})
    }
}

/// Seals every stored secret with the first of the keys, or only says what would be done.
pub async fn rotate(
    url: &str,
    gateway: &SealingKeys,
    dispatcher: &SealingKeys,
    dry_run: bool,
    operator: &Operator,
) -> anyhow::Result<Rotated> {
    let mut connection = PgConnection::connect(url).await.context("the database does not answer")?;
    if !dry_run {
        directly::prepare(url).await.context("the audit log cannot be written")?;
    }
    let mut lines = Vec::new();
    let mut places = Map::new();
    let mut unopened = Vec::new();
    for (place, keys) in [
        (Place::Credentials, gateway),
        (Place::Answers, gateway),
        (Place::Subscriptions, dispatcher),
        (Place::PreviousSubscriptions, dispatcher),
    ] {
        let counts = rotate_place(&mut connection, place, keys, dry_run, &mut unopened)
            .await
            .with_context(|| format!("{} is not finished: run again", place.name()))?;
        lines.push(line(place, keys, counts, dry_run));
        let figures = json!({"key": keys.current(), "resealed": counts.resealed, "current": counts.current});
        places.insert(place.name().to_owned(), figures);
    }
    if !dry_run {
        let after = json!({"places": &places, "unopened": unopened.len()});
        let entry = operator.entry("secrets.rotated", "platform:sealed secrets".to_owned());
        directly::note(&mut connection, &AuditEntry { after: Some(after), ..entry }).await?;
    }
    connection.close().await?;
    anyhow::ensure!(
        unopened.is_empty(),
        "{}\nthese do not open: keep every key that is in use\n{}",
        lines.join("\n"),
        unopened.join("\n")
    );
    Ok(Rotated { lines, places, dry_run })
}

fn line(place: Place, keys: &SealingKeys, counts: Counts, dry_run: bool) -> String {
    let verb = if dry_run { "would be sealed anew" } else { "sealed anew" };
    format!(
        "{}: {} {verb} with key {:?}, {} are already, {} were changed meanwhile",
        place.name(),
        counts.resealed,
        keys.current(),
        counts.current,
        counts.changed
    )
}

async fn rotate_place(
    connection: &mut PgConnection,
    place: Place,
    keys: &SealingKeys,
    dry_run: bool,
    unopened: &mut Vec<String>,
) -> anyhow::Result<Counts> {
    let mut counts = Counts::default();
    let mut after = None;
    loop {
        let page = page(connection, place, after.as_ref()).await?;
        let Some(last) = page.last() else { return Ok(counts) };
        after = Some(last.key.clone());
        for found in &page {
            if found.sealed.key_id == keys.current() {
                counts.current += 1;
                continue;
            }
            match resealed(keys, found) {
                Ok(_) if dry_run => counts.resealed += 1,
                Ok(sealed) if replace(connection, place, found, &sealed).await? => counts.resealed += 1,
                Ok(_) => counts.changed += 1,
                Err(error) => unopened.push(format!("{} {}: {error}", place.name(), found.key)),
            }
        }
        anyhow::ensure!(
            unopened.len() <= TOO_MANY,
            "more than {TOO_MANY} secrets do not open with these keys: keep every key that is in use"
        );
    }
}

fn resealed(keys: &SealingKeys, found: &Found) -> Result<Sealed, SecretError> {
    let owner = found.owner.as_bytes();
    keys.seal(&keys.open(&found.sealed, owner)?, owner)
}

/// The next secrets of a place, in the order of their keys.
async fn page(
    connection: &mut PgConnection,
    place: Place,
    after: Option<&Key>,
) -> anyhow::Result<Vec<Found>> {
    Ok(match place {
        Place::Credentials => {
            let after = match after {
                Some(Key::Lookup(lookup)) => lookup.as_str(),
                _ => "",
            };
            let rows: Vec<(String, Uuid, Uuid, String, Vec<u8>)> = sqlx::query_as(
                "select s.lookup, c.organization_id, c.id, s.sealed_key_id, s.sealed
                 from gateway.credential_secrets s join gateway.credentials c on c.id = s.credential_id
                 where s.sealed is not null and s.lookup > $1 order by s.lookup limit $2",
            )
            .bind(after)
            .bind(PAGE)
            .fetch_all(connection)
            .await?;
            let found = |(lookup, organization, id, key_id, bytes)| Found {
                key: Key::Lookup(lookup),
                owner: bound_to(organization, id),
                sealed: Sealed { key_id, bytes },
            };
            rows.into_iter().map(found).collect()
        }
        Place::Answers => {
            let (scope, key) = match after {
                Some(Key::Scoped(scope, key)) => (*scope, key.as_str()),
                _ => (Uuid::nil(), ""),
            };
            let rows: Vec<(Uuid, String, Vec<u8>)> = sqlx::query_as(
                "select scope, key, response from gateway.idempotency
                 where (scope, key) > ($1, $2) order by scope, key limit $3",
            )
            .bind(scope)
            .bind(key)
            .bind(PAGE)
            .fetch_all(connection)
            .await?;
            let found = |(scope, key, response): (Uuid, String, Vec<u8>)| {
                let owner = format!("idempotency|{}|{key}", CredentialId::new(scope));
                // One that cannot be read is counted as one that does not open.
                let sealed = Sealed::unpack(&response)
                    .unwrap_or_else(|| Sealed { key_id: String::new(), bytes: response.clone() });
                Found { key: Key::Scoped(scope, key), owner, sealed }
            };
            rows.into_iter().map(found).collect()
        }
        Place::Subscriptions => {
            subscriptions(
                connection,
                after,
                "select id, organization_id, secret_key_id, secret from webhook_dispatcher.subscriptions
                 where state <> 'deleted' and id > $1 order by id limit $2",
            )
            .await?
        }
        Place::PreviousSubscriptions => {
            subscriptions(
                connection,
                after,
                "select id, organization_id, previous_secret_key_id, previous_secret
                 from webhook_dispatcher.subscriptions
                 where previous_secret is not null and id > $1 order by id limit $2",
            )
            .await?
        }
    })
}

async fn subscriptions(
    connection: &mut PgConnection,
    after: Option<&Key>,
    query: &'static str,
) -> anyhow::Result<Vec<Found>> {
    let after = match after {
        Some(Key::Id(id)) => *id,
        _ => Uuid::nil(),
    };
    let rows: Vec<(Uuid, Uuid, String, Vec<u8>)> =
        sqlx::query_as(query).bind(after).bind(PAGE).fetch_all(connection).await?;
    let found = |(id, organization, key_id, bytes)| Found {
        key: Key::Id(id),
        owner: bound_to(organization, id),
        sealed: Sealed { key_id, bytes },
    };
    Ok(rows.into_iter().map(found).collect())
}

/// A credential's and a subscription's secret are bound to organisation and id.
fn bound_to(organization: Uuid, id: Uuid) -> String {
    format!("{}|{}", OrganizationId::new(organization), CredentialId::new(id))
}

/// Puts a secret in the place of the one that was found. False when that has changed since.
async fn replace(
    connection: &mut PgConnection,
    place: Place,
    found: &Found,
    sealed: &Sealed,
) -> anyhow::Result<bool> {
    let old = &found.sealed;
    let query = match (place, &found.key) {
        (Place::Answers, Key::Scoped(scope, key)) => sqlx::query(
            "update gateway.idempotency set response = $1 where scope = $2 and key = $3 and response = $4",
        )
        .bind(sealed.pack())
        .bind(scope)
        .bind(key)
        .bind(old.pack()),
        (Place::Credentials, Key::Lookup(lookup)) => sqlx::query(
            "update gateway.credential_secrets set sealed_key_id = $1, sealed = $2
             where lookup = $3 and sealed = $4",
        )
        .bind(&sealed.key_id)
        .bind(&sealed.bytes)
        .bind(lookup)
        .bind(&old.bytes),
        (Place::Subscriptions, Key::Id(id)) => sqlx::query(
            "update webhook_dispatcher.subscriptions set secret_key_id = $1, secret = $2
             where id = $3 and secret = $4",
        )
        .bind(&sealed.key_id)
        .bind(&sealed.bytes)
        .bind(id)
        .bind(&old.bytes),
        (Place::PreviousSubscriptions, Key::Id(id)) => sqlx::query(
            "update webhook_dispatcher.subscriptions set previous_secret_key_id = $1, previous_secret = $2
             where id = $3 and previous_secret = $4",
        )
        .bind(&sealed.key_id)
        .bind(&sealed.bytes)
        .bind(id)
        .bind(&old.bytes),
        (place, key) => anyhow::bail!("{key} is no key of {}", place.name()),
    };
    Ok(query.execute(connection).await?.rows_affected() == 1)
}
