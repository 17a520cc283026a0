//! Events about webhooks themselves. They reach only subscriptions that name them exactly, never the one that
//! they speak about, and deliveries of them lead to no others.
//!
//! The aggregate of each (`subject`, `partitionkey`) is the subscription.

use crate::event::EventData;
use crate::ids::{EventId, SubscriptionId};
use crate::service::Service;
use crate::surface::Surface;
use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A subscription as its owner has it now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SubscriptionFacts {
    pub subscription_id: SubscriptionId,
    /// `partner`, `platform` or `lex`: whose surface it is of.
    pub family: Surface,
    pub url: String,
    /// What it asks for.
    pub events: Vec<String>,
    /// `active`, `paused` or `disabled`.
    pub status: String,
}

/// `webhook.subscription.created`: it gets every event that is accepted from now on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SubscriptionCreated {
    #[serde(flatten)]
    pub facts: SubscriptionFacts,
    pub created_at: DateTime<Utc>,
}

/// `webhook.subscription.updated`: its owner changed it, or gave it a new secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SubscriptionUpdated {
    #[serde(flatten)]
    pub facts: SubscriptionFacts,
    /// What is different: `url`, `events`, `description`, `status`, `retry`, `rate_limit`, `metadata`, `filters` (those
    /// of LEX, with the format), `secret`.
    pub changed: Vec<String>,
    pub updated_at: DateTime<Utc>,
}

/// `webhook.subscription.deleted`: by its owner, or with the client that made it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SubscriptionDeleted {
    pub subscription_id: SubscriptionId,
    pub deleted_at: DateTime<Utc>,
}

/// `webhook.subscription.disabled`: nothing is delivered to it until its owner enables it again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SubscriptionDisabled {
    pub subscription_id: SubscriptionId,
    pub url: String,
    pub reason: DisabledReason,
    pub disabled_at: DateTime<Utc>,
}

/// Why a subscription was disabled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DisabledReason {
    /// The receiver answered 410.
    Gone,
    /// Too many deliveries in a row were given up.
    Failing,
}

/// `webhook.delivery.dead_lettered`: a delivery was given up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeliveryDeadLettered {
    /// The `webhook-id`, by which it can be retried.
    pub delivery_id: String,
    pub subscription_id: SubscriptionId,
    pub event_id: EventId,
    pub event_type: String,
    pub attempts: u32,
    /// Of the last attempt, when there was an answer.
    pub response_code: Option<u16>,
    /// Why it was given up.
    pub reason: DeadLetterReason,
}

/// Why a delivery was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeadLetterReason {
    /// All retries failed.
    Exhausted,
    /// The answer was one that is not retried.
    Rejected,
    /// The time of a LEX message was over, or it was still open when events of its time were let go.
    Expired,
}

impl DeadLetterReason {
    /// As it is written.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Exhausted => "exhausted",
            Self::Rejected => "rejected",
            Self::Expired => "expired",
        }
    }
}

impl EventData for SubscriptionCreated {
    const SOURCE: Service = Service::WebhookDispatcher;
    const ROUTING_KEY: &'static str = "webhook.subscription.created.v1";
    const TYPE: &'static str = "webhook.subscription.created";
}

impl EventData for SubscriptionUpdated {
    const SOURCE: Service = Service::WebhookDispatcher;
    const ROUTING_KEY: &'static str = "webhook.subscription.updated.v1";
    const TYPE: &'static str = "webhook.subscription.updated";
}

impl EventData for SubscriptionDeleted {
    const SOURCE: Service = Service::WebhookDispatcher;
    const ROUTING_KEY: &'static str = "webhook.subscription.deleted.v1";
    const TYPE: &'static str = "webhook.subscription.deleted";
}

impl EventData for SubscriptionDisabled {
    const SOURCE: Service = Service::WebhookDispatcher;
    const ROUTING_KEY: &'static str = "webhook.subscription.disabled.v1";
    const TYPE: &'static str = "webhook.subscription.disabled";
}

impl EventData for DeliveryDeadLettered {
    const SOURCE: Service = Service::WebhookDispatcher;
    const ROUTING_KEY: &'static str = "webhook.delivery.dead_lettered.v1";
    const TYPE: &'static str = "webhook.delivery.dead_lettered";
}
