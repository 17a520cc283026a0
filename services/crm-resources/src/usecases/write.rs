//! The transaction of a change: the answer that is kept for repetitions, the rows, and an event for each of them.

use crate::domain::change::{Milestone, Versioned, differences};
use crate::state::State;
use crate::store::{Table, reading};
use chrono::{DateTime, Utc};
use contracts::crm::{ObjectId, Record, Resource};
use contracts::crm_events::{Cause, Changes, Created, Deleted, Emitted, Updated};
use contracts::event::{CloudEvent, EventData, EventFacts};
use contracts::identity::Principal;
use contracts::ids::{EventId, OrganizationId};
use platform::Violation;
use platform_pg::StoreError;
use platform_pg::idempotency::{self, Claim, Claimed, Fresh, Lifetime};
use platform_pg::outbox::{self, PendingEvent};
use serde_json::{Map, Value};
use sqlx::{PgConnection, Postgres, Transaction};

/// How often a change that met a concurrent one is made anew: it then sees what the other did.
const ATTEMPTS: u32 = 4;

/// Why nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    #[error("there is no such resource")]
    NotFound,
    #[error("the resource is at another version")]
    PreconditionFailed,
    #[error("the idempotency key was used before for another request")]
    KeyReused,
    #[error("the fields break rules")]
    Invalid(Vec<Violation>),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the resource cannot be written as JSON")]
    Encode(#[from] serde_json::Error),
}

impl From<sqlx::Error> for WriteError {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

impl WriteError {
    /// Whether a concurrent change took a unique value after it had been seen to be free.
    fn is_race(&self) -> bool {
        matches!(self, Self::Store(StoreError::Unique { .. }))
    }
}

/// Makes a change, and makes it anew while it meets concurrent ones.
pub async fn anew<R>(change: impl AsyncFn() -> Result<R, WriteError>) -> Result<R, WriteError> {
    let mut attempt = 1;
    loop {
        match change().await {
            Err(error) if error.is_race() && attempt < ATTEMPTS => attempt += 1,
            result => return result,
        }
    }
}

/// What makes two requests the same one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Once {
    pub key: String,
    /// Of method, path and body.
    pub fingerprint: [u8; 32],
}

/// What the caller is answered: bytes, because a replay repeats them exactly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub body: Vec<u8>,
    /// `None` for a replay: what the resource is by now is not what was answered.
    pub version: Option<i64>,
}

/// Writes a resource as it is answered.
pub type Render<T> = fn(&Record<T>) -> Result<Vec<u8>, serde_json::Error>;

/// A change that is being made.
pub struct Write<'s> {
    state: &'s State,
    organization: OrganizationId,
    now: DateTime<Utc>,
    transaction: Transaction<'static, Postgres>,
    claim: Option<Fresh>,
    cause: Option<Cause>,
    events: Vec<PendingEvent>,
}

/// How a change that may be a repetition begins.
pub enum Begun<'s> {
    Fresh(Write<'s>),
    Replay(Answer),
}

impl<'s> Write<'s> {
    /// Begins a change by a caller. Waits for a concurrent one with the same key.
    pub async fn by(
        state: &'s State,
        caller: &Principal,
        once: Option<&Once>,
    ) -> Result<Begun<'s>, WriteError> {
        let mut write = Self::of(state, caller.organization.id, None).await?;
        let Some(once) = once else { return Ok(Begun::Fresh(write)) };
        let claim = Claim {
            scope: write.organization.as_uuid(),
            key: format!("{}:{}", caller.credential.id, once.key),
            fingerprint: Some(once.fingerprint),
            lifetime: Lifetime::DAY,
        };
        match idempotency::claim(&mut write.transaction, &claim, write.now).await? {
            Claimed::Fresh(fresh) => {
                write.claim = Some(fresh);
                Ok(Begun::Fresh(write))
            }
            Claimed::Replay(stored) => {
                let status = u16::try_from(stored.status).unwrap_or(200);
                Ok(Begun::Replay(Answer { status, body: stored.response, version: None }))
            }
            Claimed::Mismatch => Err(WriteError::KeyReused),
        }
    }

    /// Begins a change that no caller asked for.
    pub async fn of(
        state: &'s State,
        organization: OrganizationId,
        cause: Option<Cause>,
    ) -> Result<Self, WriteError> {
        let transaction = state.database.begin().await?;
        let now = state.clock.now();
        Ok(Self { state, organization, now, transaction, claim: None, cause, events: Vec::new() })
    }

    /// Whose resources are changed.
    pub fn organization(&self) -> OrganizationId {
        self.organization
    }

    /// When it is made.
    pub fn now(&self) -> DateTime<Utc> {
        self.now
    }

    /// For reads and checks within the change.
    pub fn connection(&mut self) -> &mut PgConnection {
        &mut self.transaction
    }

    /// A resource, locked until the change is done.
    pub async fn lock<T: Table>(&mut self, id: ObjectId) -> Result<Versioned<T>, WriteError> {
        let organization = self.organization;
        let found = reading::find(&mut self.transaction, organization, id, reading::For::Update).await?;
        found.ok_or(WriteError::NotFound)
    }

    /// Makes a resource.
    pub async fn create<T: Table>(&mut self, fields: T) -> Result<Versioned<T>, WriteError> {
        let mut new = Versioned::new(&self.state.ids, self.now, fields);
        let fields = &mut new.record.fields;
        let violations =
            T::settle(&mut self.transaction, self.organization, new.record.id, fields, None).await?;
        if !violations.is_empty() {
            return Err(WriteError::Invalid(violations));
        }
        T::insert(&mut self.transaction, self.organization, &new).await?;
        let created = Created { record: new.record.clone(), caused_by: self.cause };
        self.announce(&new, created)?;
        Ok(new)
    }

    /// Gives a locked resource other fields. Nothing happens when they say the same.
    pub async fn update<T: Table>(
        &mut self,
        before: Versioned<T>,
        fields: T,
    ) -> Result<Versioned<T>, WriteError> {
        if fields == before.record.fields {
            return Ok(before);
        }
        self.replace(before, fields).await
    }

    /// Gives a locked resource other fields, also when they say the same: something that is not shown has changed.
    pub async fn replace<T: Table>(
        &mut self,
        before: Versioned<T>,
        fields: T,
    ) -> Result<Versioned<T>, WriteError> {
        let mut after = before.changed(fields, self.now);
        let (id, fields) = (after.record.id, &mut after.record.fields);
        let was = Some(&before.record.fields);
        let violations = T::settle(&mut self.transaction, self.organization, id, fields, was).await?;
        if !violations.is_empty() {
            return Err(WriteError::Invalid(violations));
        }
        let changes = differences(&before.record.fields, &after.record.fields)?;
        self.save(after, changes).await
    }

    /// Takes from a locked resource what may not be kept. The event does not say what it was.
    pub async fn erase<T: Table>(&mut self, before: &Versioned<T>, fields: T) -> Result<(), WriteError> {
        let after = before.changed(fields, self.now);
        let mut changes = differences(&before.record.fields, &after.record.fields)?;
        if !changes.after.is_empty() {
            changes.before.clear();
            self.save(after, changes).await?;
        }
        Ok(())
    }

    /// Deletes a locked resource.
    pub async fn delete<T: Table>(&mut self, last: Versioned<T>) -> Result<(), WriteError> {
        reading::delete::<T>(&mut self.transaction, self.organization, last.record.id).await?;
        let gone = Versioned { version: last.version + 1, ..last };
        let deleted = Deleted { record: gone.record.clone(), caused_by: self.cause };
        self.announce(&gone, deleted)
    }

    /// Publishes an event of an author's own.
    pub fn emit(
        &mut self,
        subject: &str,
        kind: &str,
        mut data: Map<String, Value>,
    ) -> Result<(), WriteError> {
        if let Some(cause) = self.cause {
            data.insert("caused_by".to_owned(), serde_json::to_value(cause)?);
        }
        let facts = self.facts(subject.to_owned(), 1);
        let mut event = CloudEvent::new(facts, Emitted(data));
        kind.clone_into(&mut event.kind);
        let mut pending = PendingEvent::of(&event)?;
        kind.clone_into(&mut pending.kind);
        self.events.push(pending);
        Ok(())
    }

    /// Commits the change with its answer.
    pub async fn answer<T: Resource>(
        mut self,
        status: u16,
        resource: &Versioned<T>,
        render: Render<T>,
    ) -> Result<Answer, WriteError> {
        let body = render(&resource.record)?;
        if let Some(claim) = self.claim.take() {
            claim.complete(&mut self.transaction, status, &body).await?;
        }
        self.commit().await?;
        Ok(Answer { status, body, version: Some(resource.version) })
    }

    /// Commits the change, and hands its events over.
    pub async fn commit(self) -> Result<(), WriteError> {
        let Self { state, mut transaction, events, .. } = self;
        let entries = outbox::insert(&mut transaction, events).await?;
        transaction.commit().await?;
        state.relay.hand_over(entries);
        Ok(())
    }

    async fn save<T: Table>(
        &mut self,
        after: Versioned<T>,
        changes: Changes,
    ) -> Result<Versioned<T>, WriteError> {
        T::save(&mut self.transaction, self.organization, &after).await?;
        let updated = Updated { record: after.record.clone(), changes, caused_by: self.cause };
        let milestone = T::milestone(&updated);
        self.announce(&after, updated)?;
        match milestone {
            Some(Milestone::Qualified(reached)) => self.announce(&after, reached)?,
            Some(Milestone::Rejected(reached)) => self.announce(&after, reached)?,
            Some(Milestone::Converted(reached)) => self.announce(&after, reached)?,
            None => {}
        }
        Ok(after)
    }

    fn announce<T, D: EventData>(&mut self, about: &Versioned<T>, data: D) -> Result<(), WriteError> {
        let facts = self.facts(about.record.id.to_string(), about.version);
        self.events.push(PendingEvent::of(&CloudEvent::new(facts, data))?);
        Ok(())
    }

    fn facts(&self, aggregate: String, aggregate_version: i64) -> EventFacts {
        EventFacts {
            id: EventId::new(self.state.ids.at(self.now)),
            time: self.now,
            tenant: self.organization,
            aggregate,
            aggregate_version,
            traceparent: platform::telemetry::current_traceparent(),
            request_id: platform::request_id::current(),
            track_delivery: false,
        }
    }
}
