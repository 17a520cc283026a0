//! Who is signed in. The browser holds 32 random bytes, the database their digest and, sealed, the API key; every
//! form holds a token that is made from the browser's bytes.

use crate::Console;
use crate::store::{self, SessionRow};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use platform::secrets::{Sealed, SecretError, base64url, decode_key, digest, hmac_sha256, random};
use platform_pg::StoreError;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use uuid::Uuid;

/// A session that works.
#[derive(Clone, Debug)]
pub struct Session {
    pub id: [u8; 32],
    /// What every form of the session must bring back.
    pub csrf: String,
    pub key: SecretString,
    pub who: Who,
    pub created_at: DateTime<Utc>,
    /// Whatever happens.
    pub expires_at: DateTime<Utc>,
}

/// Whose key it is, as the API said at the sign-in. For showing: what it may do, the API decides each time.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Who {
    pub organization: Organization,
    pub client: Named,
    pub credential: Named,
    pub scopes: Vec<String>,
    pub admin: bool,
}

/// The organisation of a key.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Organization {
    pub id: Uuid,
    pub slug: String,
}

/// Something with an id.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Named {
    pub id: Uuid,
}

/// What is sealed.
#[derive(Serialize, Deserialize)]
struct Kept {
    key: String,
    who: Who,
}

/// Why there is no session.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Secret(#[from] SecretError),
    #[error("a session cannot be written down")]
    Unwritable(#[from] serde_json::Error),
}

impl From<sqlx::Error> for SessionError {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

/// Begins a session; what the browser is to hold.
///
/// # Errors
/// When the database is unavailable.
pub async fn begin(console: &Console, key: &SecretString, who: Who) -> Result<String, SessionError> {
    let token: [u8; 32] = random()?;
    let (id, now) = (digest(&token), console.clock.now());
    let (organization, credential) = (who.organization.id, who.credential.id);
    let kept = serde_json::to_vec(&Kept { key: key.expose_secret().to_owned(), who })?;
    let row = SessionRow {
        id,
        sealed: console.sealing.seal(&kept, &id)?.pack(),
        created_at: now,
        used_at: now,
        expires_at: now + span(console.settings.lifetime),
    };
    let mut connection = console.database.acquire().await?;
    store::delete_ended(&mut connection, now, now - span(console.settings.idle)).await?;
    store::insert(&mut connection, organization, credential, &row).await?;
    Ok(base64url(&token))
}

/// The session that a browser's token belongs to; `None` when there is none, or none any more.
///
/// # Errors
/// When the database is unavailable.
pub async fn find(console: &Console, token: &str) -> Result<Option<Session>, SessionError> {
    let Some(token) = decode_key(token) else { return Ok(None) };
    let id = digest(&token);
    let Some(row) = used(console, &id).await? else { return Ok(None) };
    // A key of the sealing that was taken away ends the session, as does a row that was tampered with.
    let opened = Sealed::unpack(&row.sealed).and_then(|sealed| console.sealing.open(&sealed, &id).ok());
    let kept = opened.and_then(|bytes| serde_json::from_slice::<Kept>(&bytes).ok());
    Ok(kept.map(|Kept { key, who }| Session {
        id,
        csrf: base64url(&hmac_sha256(&token, b"csrf")),
        key: SecretString::from(key),
        who,
        created_at: row.created_at,
        expires_at: row.expires_at,
    }))
}

/// Whether a session has not ended yet. To ask is to use it.
///
/// # Errors
/// When the database is unavailable.
pub async fn lasts(console: &Console, session: &Session) -> Result<bool, SessionError> {
    Ok(used(console, &session.id).await?.is_some())
}

/// The row of a session that is being used, unless it has ended.
async fn used(console: &Console, id: &[u8; 32]) -> Result<Option<SessionRow>, SessionError> {
    /// How exactly the last use is known: not every page is a write.
    const NOTED_EVERY: TimeDelta = TimeDelta::seconds(30);
    let now = console.clock.now();
    let mut connection = console.database.acquire().await?;
    let Some(row) = store::find(&mut connection, id).await? else { return Ok(None) };
    if row.expires_at <= now || row.used_at + span(console.settings.idle) <= now {
        store::delete(&mut connection, id).await?;
        return Ok(None);
    }
    if row.used_at + NOTED_EVERY <= now {
        store::note_use(&mut connection, id, now).await?;
    }
    Ok(Some(row))
}

/// Ends one session.
///
/// # Errors
/// When the database is unavailable.
pub async fn end(console: &Console, session: &Session) -> Result<(), SessionError> {
    let mut connection = console.database.acquire().await?;
    Ok(store::delete(&mut connection, &session.id).await?)
}

/// Ends every session of the same API key; how many there were.
///
/// # Errors
/// When the database is unavailable.
pub async fn end_everywhere(console: &Console, session: &Session) -> Result<u64, SessionError> {
    let mut connection = console.database.acquire().await?;
    let who = &session.who;
    Ok(store::delete_of_credential(&mut connection, who.organization.id, who.credential.id).await?)
}

impl Session {
    /// Whether a form brings this session's token, in constant time.
    pub fn vouches_for(&self, token: &str) -> bool {
        // Equal digests of equal length say nothing about where two texts differ.
        digest(token.as_bytes()) == digest(self.csrf.as_bytes())
    }
}

/// Something that no two forms have.
///
/// # Errors
/// When the system has no random bytes.
pub fn once() -> Result<String, SecretError> {
    Ok(URL_SAFE_NO_PAD.encode(random::<16>()?))
}

fn span(duration: Duration) -> TimeDelta {
    TimeDelta::from_std(duration).unwrap_or(TimeDelta::MAX)
}
