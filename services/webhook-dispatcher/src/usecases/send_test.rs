//! A test event for one subscription, and another try for one delivery.

use crate::domain::delivery::{DeliveryKey, DeliveryState, ShownDelivery};
use crate::domain::event::{Event, origin};
use crate::domain::subscription::{Family, Owner, ShownSubscription, SubscriptionState};
use crate::state::State;
use crate::store::deliveries::{self, NewDelivery, Shown};
use crate::store::events::{self, NewEvent};
use crate::store::{settlements, shown};
use contracts::Service;
use contracts::ids::{EventId, SubscriptionId};
use lex::header::{self, MessageType};
use platform_pg::StoreError;
use serde_json::json;
use sqlx::PgConnection;
use std::collections::BTreeMap;

/// The type of test events.
const TEST: &str = "webhook.test";

/// Why nothing is sent.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    #[error("there is no such subscription")]
    Missing,
    #[error("there is no such delivery")]
    MissingDelivery,
    #[error("the subscription is {0}, make it active first")]
    NotActive(&'static str),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Makes an event that goes to this subscription alone, whatever it filters. It is delivered, retried and logged
/// like any other.
pub async fn send_test(state: &State, owner: &Owner, id: SubscriptionId) -> Result<ShownDelivery, SendError> {
    let now = state.clock.now();
    let mut transaction = state.database.begin().await.map_err(StoreError::from)?;
    let known = shown::find(&mut transaction, owner, id).await?.ok_or(SendError::Missing)?;
    if known.state != SubscriptionState::Active {
        return Err(SendError::NotActive(known.state.name()));
    }
    let organization = owner.organization.id;
    let source = Service::WebhookDispatcher.event_source();
    let event = Event {
        id: EventId::new(state.ids.at(now)),
        organization,
        origin: origin(&source, None),
        source,
        kind: TEST.to_owned(),
        occurred_at: now,
        traceparent: None,
        request_id: platform::request_id::current(),
        subject: Some(id.to_string()),
        track_delivery: false,
        about: Some(id),
        payload: Vec::new(),
        expiry: None,
        routing: None,
    };
    let payload = match owner.family {
        Family::Partner | Family::Platform => {
            json!({"subscription_id": known.id, "message": "this is a test event"})
        }
        Family::Lex => {
            let snapshot = state.subscriptions.refreshed(&mut transaction).await?;
            let wish = snapshot.get(id).and_then(|subscription| subscription.lex.as_ref());
            let name = wish.and_then(|wish| wish.lex_ids.first());
            lex_message(&event, &known, name.unwrap_or(&owner.organization.slug))
        }
    };
    let event = Event { payload: payload.to_string().into_bytes(), ..event };
    let key = DeliveryKey { event: event.id, subscription: id };
    let new = NewEvent { event: &event, wanted: true, settled_at: None };
    events::insert(&mut transaction, &[new], now).await?;
    let delivery = NewDelivery { key, organization, state: DeliveryState::Pending, counts: true };
    deliveries::insert(&mut transaction, &[delivery], now).await?;
    let delivery = one(&mut transaction, owner, key).await?;
    transaction.commit().await.map_err(StoreError::from)?;
    state.changed(&[id]).await;
    Ok(delivery)
}

/// A LEX message that says of itself that it is a test (LEX reference §3).
fn lex_message(event: &Event, known: &ShownSubscription, receiver: &str) -> serde_json::Value {
    json!({"lex": {
        "header": {
            "messageId": event.id, "messageType": MessageType::Subscription.as_str(), "version": "1.0",
            "timestamp": event.occurred_at, "senderId": header::PLATFORM, "receiverId": receiver,
        },
        "payload": {"subscription": {
            "subscriptionId": known.id, "subscriberId": receiver, "status": "ACTIVE", "action": "TEST",
            "eventTypes": known.events, "testMode": true,
        }},
    }})
}

/// Makes a delivery due now, whatever became of it. It keeps its `webhook-id`; one that had ended has all its
/// tries before it again.
pub async fn retry_delivery(
    state: &State,
    owner: &Owner,
    key: DeliveryKey,
) -> Result<ShownDelivery, SendError> {
    let mut transaction = state.database.begin().await.map_err(StoreError::from)?;
    let id = key.subscription;
    let known = shown::find(&mut transaction, owner, id).await?.ok_or(SendError::Missing)?;
    if known.state == SubscriptionState::Disabled {
        return Err(SendError::NotActive(known.state.name()));
    }
    let now = state.clock.now();
    let before = deliveries::retry(&mut transaction, owner.organization.id, key, now).await?;
    let before = before.ok_or(SendError::MissingDelivery)?;
    if before != DeliveryState::Pending {
        settlements::count_ended(&mut transaction, &BTreeMap::from([(id, -1)])).await?;
    }
    let delivery = one(&mut transaction, owner, key).await?;
    transaction.commit().await.map_err(StoreError::from)?;
    state.changed(&[id]).await;
    Ok(delivery)
}

async fn one(
    connection: &mut PgConnection,
    owner: &Owner,
    key: DeliveryKey,
) -> Result<ShownDelivery, SendError> {
    let mut found = deliveries::show(connection, owner.organization.id, Shown::One(key)).await?;
    found.pop().ok_or(SendError::MissingDelivery)
}
