//! What is known of credentials, kept in memory for some seconds.
//!
//! An answer is good for its time to live and until something of its organisation changes, whichever is
//! first. It says what the tables said: whether a credential has expired is judged anew at each request.
//! Nothing secret is in here that is not in the tables: keyed hashes, and secrets that are sealed.
//!
//! Changes are numbered. A query remembers the number of the last change before it began, so that one which
//! read the tables just before a revocation is not taken for news after it.

use crate::domain::credential::Resolved;
use crate::store::resolved;
use chrono::{DateTime, TimeDelta, Utc};
use contracts::ids::{CredentialId, OrganizationId};
use moka::future::Cache;
use platform::clock::Clock;
use platform_pg::StoreError;
use sqlx::PgPool;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Credentials that are remembered.
const KNOWN: u64 = 50_000;
/// Things that are no credential, and remembered as such. In a memory of their own: whoever makes them up can
/// neither fill the process nor push a credential out.
const UNKNOWN: u64 = 10_000;
/// What does not exist may be made at any moment, by a replica whose word has not arrived yet.
const UNKNOWN_FOR: Duration = Duration::from_secs(1);
/// Organisations share a number when their ids end alike: then a change of one empties the other as well.
const SLOTS: usize = 4_096;

/// Counts look-ups of credentials by where the answer came from.
const LOOKUPS: &str = "leadwire_credential_lookups_total";

/// The cache of one process. Clones are handles on the same.
#[derive(Clone, Debug)]
pub struct CredentialsCache(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    database: PgPool,
    clock: Clock,
    ttl: Duration,
    known: Cache<Question, Known>,
    unknown: Cache<Question, Age>,
    changes: Changes,
}

/// What is asked about.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Question {
    /// The public part of a key, or a `kid`.
    Lookup(String),
    Id(CredentialId),
}

/// A credential, once for each of its secrets that were asked about; never empty.
#[derive(Clone, Debug)]
struct Known {
    credentials: Arc<[Resolved]>,
    organization: OrganizationId,
    age: Age,
}

/// When a query began.
#[derive(Clone, Copy, Debug)]
struct Age {
    at: DateTime<Utc>,
    /// The number of the last change then.
    change: u64,
}

/// Why a query brought nothing to remember. Shared by all who waited for it.
#[derive(Debug)]
enum Nothing {
    NoSuchCredential(Age),
    Failed(StoreError),
}

impl CredentialsCache {
    /// `ttl` is the longest time for which a change may go unnoticed when nobody tells of it.
    pub fn new(database: PgPool, clock: Clock, ttl: Duration) -> Self {
        metrics::describe_counter!(
            LOOKUPS,
            "look-ups of credentials: hit, unknown (remembered as such), miss"
        );
        // Judged by the process's clock at each look-up; the caches' own time frees memory, and holds when
        // the clock is set back.
        let known = Cache::builder().max_capacity(KNOWN).time_to_live(ttl).build();
        let unknown = Cache::builder().max_capacity(UNKNOWN).time_to_live(ttl).build();
        Self(Arc::new(Inner { database, clock, ttl, known, unknown, changes: Changes::new() }))
    }

    /// The credential that a presented key or `kid` claims to be: none or one.
    ///
    /// # Errors
    /// When the database is unavailable.
    pub async fn by_lookup(&self, lookup: &str) -> Result<Arc<[Resolved]>, StoreError> {
        self.0.find(Question::Lookup(lookup.to_owned())).await
    }

    /// A credential, once for each of its secrets, the newest first.
    ///
    /// # Errors
    /// When the database is unavailable.
    pub async fn by_id(&self, id: CredentialId) -> Result<Arc<[Resolved]>, StoreError> {
        self.0.find(Question::Id(id)).await
    }

    /// Something of an organisation has changed and is committed: what was known of its credentials is not
    /// used any more, and neither is what was found not to exist.
    pub fn forget(&self, organization: OrganizationId) {
        self.0.changes.record(organization);
    }

    /// Anything may have changed.
    pub fn forget_everything(&self) {
        self.0.changes.record_everywhere();
        self.0.known.invalidate_all();
        self.0.unknown.invalidate_all();
    }
}

impl Inner {
    async fn find(&self, question: Question) -> Result<Arc<[Resolved]>, StoreError> {
        if let Some(known) = self.known.get(&question).await {
            if self.is_fresh(known.age, self.ttl) && !self.changes.since(known.age.change, known.organization)
            {
                count("hit");
                return Ok(known.credentials);
            }
            self.known.invalidate(&question).await;
        }
        // In a box: the future is large, and would be a part of that of every request.
        Box::pin(self.find_unremembered(question)).await
    }

    async fn find_unremembered(&self, question: Question) -> Result<Arc<[Resolved]>, StoreError> {
        let begun = self.changes.latest();
        if let Some(age) = self.unknown.get(&question).await
            && self.is_fresh(age, self.ttl.min(UNKNOWN_FOR))
            && age.change >= begun
        {
            count("unknown");
            return Ok(Arc::new([]));
        }
        count("miss");
        loop {
            match self.known.try_get_with(question.clone(), self.query(&question)).await {
                Ok(known) if known.age.change >= begun => return Ok(known.credentials),
                // Joined a query that had begun before the change that this request must know of.
                Ok(_) => self.known.invalidate(&question).await,
                Err(nothing) => match *nothing {
                    Nothing::NoSuchCredential(age) if age.change >= begun => {
                        self.unknown.insert(question, age).await;
                        return Ok(Arc::new([]));
                    }
                    Nothing::NoSuchCredential(_) => {}
                    Nothing::Failed(ref error) => return Err(error.clone()),
                },
            }
        }
    }

    async fn query(&self, question: &Question) -> Result<Known, Nothing> {
        let age = Age { at: self.clock.now(), change: self.changes.latest() };
        let found = async {
            let mut connection = self.database.acquire().await?;
            match question {
                Question::Lookup(lookup) => {
                    Ok(resolved::by_lookup(&mut connection, lookup).await?.into_iter().collect())
                }
                Question::Id(id) => resolved::by_id(&mut connection, *id).await,
            }
        };
        let credentials: Vec<Resolved> = found.await.map_err(Nothing::Failed)?;
        let Some(first) = credentials.first() else { return Err(Nothing::NoSuchCredential(age)) };
        let organization = first.organization.id;
        Ok(Known { credentials: credentials.into(), organization, age })
    }

    fn is_fresh(&self, age: Age, ttl: Duration) -> bool {
        let old = self.clock.now() - age.at;
        // A clock that was set back tells nothing about the age.
        old >= TimeDelta::zero() && old.to_std().is_ok_and(|old| old < ttl)
    }
}

/// Which change of which organisation was the last. Numbers only grow.
#[derive(Debug)]
struct Changes {
    latest: AtomicU64,
    organizations: Box<[AtomicU64]>,
}

impl Changes {
    fn new() -> Self {
        Self {
            latest: AtomicU64::new(0),
            organizations: std::iter::repeat_with(AtomicU64::default).take(SLOTS).collect(),
        }
    }

    fn latest(&self) -> u64 {
        self.latest.load(Ordering::SeqCst)
    }

    /// Whether something of the organisation has changed after the change of this number.
    fn since(&self, change: u64, organization: OrganizationId) -> bool {
        self.slot(organization).is_some_and(|slot| slot.load(Ordering::SeqCst) > change)
    }

    fn record(&self, organization: OrganizationId) {
        let number = self.latest.fetch_add(1, Ordering::SeqCst) + 1;
        if let Some(slot) = self.slot(organization) {
            slot.fetch_max(number, Ordering::SeqCst);
        }
    }

    fn record_everywhere(&self) {
        let number = self.latest.fetch_add(1, Ordering::SeqCst) + 1;
        for slot in &self.organizations {
            slot.fetch_max(number, Ordering::SeqCst);
        }
    }

    fn slot(&self, organization: OrganizationId) -> Option<&AtomicU64> {
        // The end of an id is random, its beginning is a time.
        let [.., high, low] = organization.as_uuid().into_bytes();
        self.organizations.get(usize::from(u16::from_be_bytes([high, low])) % SLOTS)
    }
}

fn count(outcome: &'static str) {
    metrics::counter!(LOOKUPS, "outcome" => outcome).increment(1);
}

#[cfg(test)]
mod tests;
