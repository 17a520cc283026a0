//! What this service tells the others: how the deliveries of an event went, and what happened to webhooks.
//!
//! Everything leaves through the outbox, in the transaction of what it speaks about.

use super::notices;
use crate::domain::delivery::DeliveryKey;
use crate::domain::event::Event;
use crate::domain::subscription::{Family, Owner, ShownSubscription, Subscription};
use crate::state::State;
use crate::store::outcomes::{self, SettledEvent};
use crate::store::settlements::Settlement;
use contracts::Surface;
use contracts::event::{CloudEvent, EventData, EventFacts};
use contracts::ids::{EventId, OrganizationId, SubscriptionId};
use contracts::outcome::{EventMatched, EventSettled};
use contracts::webhook::{
    DeadLetterReason, DeliveryDeadLettered, DisabledReason, SubscriptionCreated, SubscriptionDeleted,
    SubscriptionDisabled, SubscriptionFacts, SubscriptionUpdated,
};
use platform::clock::Clock;
use platform::ids::IdSource;
use platform_pg::StoreError;
use platform_pg::outbox::{self, OutboxEntry, Packed, PendingEvent};
use sqlx::PgConnection;
use std::collections::BTreeSet;
use uuid::Uuid;

/// Events that wait for the end of their transaction.
#[derive(Debug)]
pub struct Announcements {
    clock: Clock,
    ids: IdSource,
    pending: Vec<PendingEvent>,
}

/// Whose event it is, and what it continues.
struct Context<'c> {
    tenant: OrganizationId,
    /// The aggregate: a subscription or an event.
    about: Uuid,
    version: i64,
    traceparent: Option<&'c str>,
}

impl Announcements {
    pub fn new(state: &State) -> Self {
        Self::with(state.clock.clone(), state.ids.clone())
    }

    pub fn with(clock: Clock, ids: IdSource) -> Self {
        Self { clock, ids, pending: Vec::new() }
    }

    /// A tracked event was fanned out to so many subscriptions.
    pub fn matched(&mut self, event: &Event, count: u32) {
        let Some(source) = event.publisher() else { return };
        let data = EventMatched { event_id: event.id, source, count };
        let context = Context {
            tenant: event.organization,
            about: event.id.as_uuid(),
            version: 1,
            traceparent: event.traceparent.as_deref(),
        };
        self.add(&context, data);
    }

    /// The last delivery of a tracked event has ended.
    pub fn settled(&mut self, settled: &SettledEvent) {
        let Some(source) = Event::publisher_of(&settled.source) else { return };
        let data = EventSettled {
            event_id: settled.event,
            source,
            delivered: settled.delivered,
            dead_letter: settled.dead_letter,
            cancelled: settled.cancelled,
            expired: settled.expired,
        };
        let context = Context {
            tenant: settled.organization,
            about: settled.event.as_uuid(),
            version: 2,
            traceparent: settled.traceparent.as_deref(),
        };
        self.add(&context, data);
    }

    /// Deliveries of these events have ended in this transaction: those that it was the last one of are
    /// settled.
    ///
    /// # Errors
    /// When the database is unavailable.
    pub async fn ended(
        &mut self,
        connection: &mut PgConnection,
        events: impl IntoIterator<Item = EventId>,
    ) -> Result<(), StoreError> {
        let events: BTreeSet<Uuid> = events.into_iter().map(EventId::as_uuid).collect();
        let events: Vec<Uuid> = events.into_iter().collect();
        for settled in outcomes::settle(connection, &events, self.clock.now()).await? {
            self.settled(&settled);
            notices::tell(connection, &self.clock, &self.ids, &settled).await?;
        }
        Ok(())
    }

    /// A delivery was given up.
    pub fn dead_lettered(&mut self, settlement: &Settlement) {
        let Some(reason) = settlement.reason() else { return };
        let attempts = settlement.attempts_before.saturating_add(i16::from(settlement.attempted));
        let status = settlement.status.and_then(|status| u16::try_from(status).ok());
        let whose = settlement.subscription.organization;
        self.given_up(&settlement.event, whose, settlement.key, attempts, status, reason);
    }

    /// A delivery to a subscription of an organisation was given up, for this reason. The event may be another's.
    pub fn given_up(
        &mut self,
        event: &Event,
        whose: OrganizationId,
        key: DeliveryKey,
        attempts: i16,
        status: Option<u16>,
        reason: DeadLetterReason,
    ) {
        if event.is_own() {
            return;
        }
        let data = DeliveryDeadLettered {
            delivery_id: key.webhook_id(),
            subscription_id: key.subscription,
            event_id: key.event,
            event_type: event.kind.clone(),
            attempts: u32::try_from(attempts).unwrap_or(0),
            response_code: status,
            reason,
        };
        let context = Context {
            tenant: whose,
            about: key.subscription.as_uuid(),
            version: self.clock.now().timestamp_millis(),
            traceparent: event.traceparent.as_deref(),
        };
        self.add(&context, data);
    }

    /// A subscription was made.
    pub fn created(&mut self, owner: &Owner, made: &ShownSubscription) {
        let data = SubscriptionCreated { facts: facts(owner.family, made), created_at: made.created_at };
        self.about(owner.organization.id, made.id, data);
    }

    /// Its owner changed a subscription. Says nothing where nothing is different.
    pub fn updated(&mut self, owner: &Owner, now: &ShownSubscription, changed: Vec<String>) {
        if changed.is_empty() {
            return;
        }
        let data =
            SubscriptionUpdated { facts: facts(owner.family, now), changed, updated_at: now.updated_at };
        self.about(owner.organization.id, now.id, data);
    }

    /// Subscriptions of an organisation were deleted.
    pub fn deleted(&mut self, organization: OrganizationId, ids: &[SubscriptionId]) {
        for &subscription_id in ids {
            let data = SubscriptionDeleted { subscription_id, deleted_at: self.clock.now() };
            self.about(organization, subscription_id, data);
        }
    }

    fn about<D: EventData>(&mut self, tenant: OrganizationId, subscription: SubscriptionId, data: D) {
        let version = self.clock.now().timestamp_millis();
        self.add(&Context { tenant, about: subscription.as_uuid(), version, traceparent: None }, data);
    }

    /// A subscription was disabled, not by its owner.
    pub fn disabled(&mut self, subscription: &Subscription, reason: DisabledReason) {
        let data = SubscriptionDisabled {
            subscription_id: subscription.id,
            url: subscription.url.clone(),
            reason,
            disabled_at: self.clock.now(),
        };
        self.about(subscription.organization, subscription.id, data);
    }

    /// Writes them down. Hand the entries to the relay after the commit.
    ///
    /// # Errors
    /// When the database refuses or is unavailable.
    pub async fn write(self, connection: &mut PgConnection) -> Result<Vec<OutboxEntry>, StoreError> {
        outbox::insert(connection, self.pending).await
    }

    /// The same for a statement that writes more than them.
    pub fn packed(&self) -> Packed {
        Packed::of(self.pending.clone())
    }

    fn add<D: EventData>(&mut self, context: &Context<'_>, data: D) {
        let now = self.clock.now();
        let facts = EventFacts {
            id: EventId::new(self.ids.at(now)),
            time: now,
            tenant: context.tenant,
            aggregate: context.about.to_string(),
            aggregate_version: context.version,
            traceparent: context.traceparent.map(str::to_owned),
            request_id: platform::request_id::current(),
            track_delivery: false,
        };
        match PendingEvent::of(&CloudEvent::new(facts, data)) {
            Ok(event) => self.pending.push(event),
            // Plain numbers and texts, which JSON can say.
            Err(error) => tracing::error!(%error, kind = D::TYPE, "an event cannot be written"),
        }
    }
}

fn facts(family: Family, shown: &ShownSubscription) -> SubscriptionFacts {
    SubscriptionFacts {
        subscription_id: shown.id,
        family: match family {
            Family::Partner => Surface::Partner,
            Family::Platform => Surface::Platform,
            Family::Lex => Surface::Lex,
        },
        url: shown.url.clone(),
        events: shown.events.clone(),
        status: shown.state.name().to_owned(),
    }
}
