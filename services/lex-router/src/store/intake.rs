//! Taking in messages: locks, what is known, what the engine makes of it, and what has changed, in one
//! transaction for many messages.

use super::{loading, writing};
use crate::domain::record::Outcome;
use crate::domain::submission::Submission;
use crate::domain::world::World;
use contracts::ids::OrganizationId;
use platform_pg::outbox::{self, OutboxEntry, PendingEvent};
use platform_pg::relay::Relay;
use platform_pg::{GroupWrite, StoreError};
use sqlx::{PgConnection, PgPool};
use std::collections::BTreeSet;
use std::io;

/// How often a group is tried anew after another replica accepted one of its messages at the same moment.
const ATTEMPTS: u8 = 4;

/// Takes in messages in groups.
#[derive(Clone, Debug)]
pub struct Intake {
    database: PgPool,
    relay: Relay,
}

impl Intake {
    pub fn new(database: PgPool, relay: Relay) -> Self {
        Self { database, relay }
    }

    /// Takes in messages, one after the other, and answers what became of each.
    ///
    /// # Errors
    /// When the database is unavailable; then nothing was taken in, as far as anybody knows.
    pub async fn take(&self, submissions: &[Submission]) -> Result<Vec<Outcome>, StoreError> {
        for _ in 0..ATTEMPTS {
            let mut transaction = self.database.begin().await?;
            if let Some((outcomes, entries)) = attempt(&mut transaction, submissions).await? {
                transaction.commit().await?;
                self.relay.hand_over(entries);
                return Ok(outcomes);
            }
            transaction.rollback().await?;
        }
        Err(sqlx::Error::Io(io::ErrorKind::WouldBlock.into()).into())
    }
}

impl GroupWrite for Intake {
    type Item = Submission;
    type Outcome = Outcome;
    type Key = (OrganizationId, String);

    fn key(item: &Submission) -> Self::Key {
        (item.organization_id(), item.message_id.clone())
    }

    async fn write(&self, items: &[Submission]) -> Result<Vec<Outcome>, StoreError> {
        self.take(items).await
    }
}

/// `None` when somebody else has accepted one of the messages since it was looked for.
async fn attempt(
    connection: &mut PgConnection,
    submissions: &[Submission],
) -> Result<Option<(Vec<Outcome>, Vec<OutboxEntry>)>, StoreError> {
    lock(connection, submissions).await?;
    let mut world = World::default();
    loading::load(connection, submissions, &mut world).await?;
    let outcomes = submissions.iter().map(|submission| world.take(submission)).collect();
    if !writing::write(connection, &world).await? {
        return Ok(None);
    }
    let events = world.changes.announcements.iter().map(PendingEvent::of).collect::<Result<Vec<_>, _>>();
    let events = events.map_err(|error| sqlx::Error::Encode(Box::new(error)))?;
    Ok(Some((outcomes, outbox::insert(connection, events).await?)))
}

/// Keeps others away from the leads and assets that the messages speak of, those that do not exist yet included,
/// until the transaction ends. Everybody takes the locks in one order.
async fn lock(connection: &mut PgConnection, submissions: &[Submission]) -> Result<(), StoreError> {
    let mut keys = BTreeSet::new();
    for submission in submissions {
        let lead = submission.lead_id().map(|id| key(&["lead", &id]));
        let organization = submission.organization_id().to_string();
        let asset = submission.asset_id().map(|id| key(&["asset", &organization, &id]));
        let customer = submission
            .fingerprint()
            .map(|fingerprint| key(&["customer", &submission.dedup_scope(), fingerprint.value]));
        keys.extend([lead, asset, customer].into_iter().flatten());
    }
    if !keys.is_empty() {
        sqlx::query("select pg_advisory_xact_lock(key) from unnest($1::bigint[]) as key")
            .bind(keys.into_iter().collect::<Vec<i64>>())
            .execute(connection)
            .await?;
    }
    Ok(())
}

fn key(parts: &[&str]) -> i64 {
    let digest = platform::secrets::digest(parts.join("\n").as_bytes());
    digest.first_chunk().map_or(0, |bytes| i64::from_be_bytes(*bytes))
}
