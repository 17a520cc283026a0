//! A delivery: one event on its way to one subscription.

use chrono::{DateTime, Utc};
use contracts::ids::{EventId, SubscriptionId};
use uuid::Uuid;

/// Where a delivery stands. Everything but `Pending` is terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryState {
    Pending,
    Delivered,
    DeadLetter,
    /// The subscription was disabled; may be replayed.
    SkippedDisabled,
    /// The subscription was deleted.
    Cancelled,
}

impl DeliveryState {
    /// As stored.
    pub const fn code(self) -> i16 {
        match self {
            Self::Pending => 0,
            Self::Delivered => 1,
            Self::DeadLetter => 2,
            Self::SkippedDisabled => 3,
            Self::Cancelled => 4,
        }
    }

    pub const fn of_code(code: i16) -> Option<Self> {
        match code {
            0 => Some(Self::Pending),
            1 => Some(Self::Delivered),
            2 => Some(Self::DeadLetter),
            3 => Some(Self::SkippedDisabled),
            4 => Some(Self::Cancelled),
            _ => None,
        }
    }

    pub fn of_name(name: &str) -> Option<Self> {
        let known =
            [Self::Pending, Self::Delivered, Self::DeadLetter, Self::SkippedDisabled, Self::Cancelled];
        known.into_iter().find(|state| state.name().eq_ignore_ascii_case(name))
    }

    /// As callers see it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delivered => "delivered",
            Self::DeadLetter => "dead_letter",
            Self::SkippedDisabled => "skipped_disabled",
            Self::Cancelled => "cancelled",
        }
    }
}

/// Which delivery: there is one for each event and matching subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DeliveryKey {
    pub event: EventId,
    pub subscription: SubscriptionId,
}

/// A delivery as its owner sees it.
#[derive(Clone, Debug)]
pub struct ShownDelivery {
    pub key: DeliveryKey,
    pub event_kind: String,
    pub state: DeliveryState,
    pub attempts: i16,
    /// Of the last attempt, as `last_error` is.
    pub last_status: Option<i16>,
    pub last_error: Option<String>,
    /// When it is due, or was.
    pub next_at: DateTime<Utc>,
    pub ended_at: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
}

impl DeliveryKey {
    /// The `webhook-id`: the same for every attempt, retry and replay, different for every subscription, and
    /// without the dot that Standard Webhooks reserves.
    pub fn webhook_id(self) -> String {
        format!("msg_{}_{}", self.event.as_uuid().simple(), self.subscription.as_uuid().simple())
    }

    /// Reads a `webhook-id`, exactly as it is written above.
    pub fn of_webhook_id(text: &str) -> Option<Self> {
        let (event, subscription) = text.strip_prefix("msg_")?.split_once('_')?;
        let key = Self {
            event: EventId::new(Uuid::try_parse(event).ok()?),
            subscription: SubscriptionId::new(Uuid::try_parse(subscription).ok()?),
        };
        (key.webhook_id() == text).then_some(key)
    }
}

/// The error of a delivery whose time was over before it was delivered.
pub const EXPIRED: &str = "expired";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_keep_their_codes() {
        let codes: Vec<_> =
            (0..=5).map(|code| DeliveryState::of_code(code).map(DeliveryState::name)).collect();
        let names = ["pending", "delivered", "dead_letter", "skipped_disabled", "cancelled"];
        assert_eq!(codes, names.map(Some).into_iter().chain([None]).collect::<Vec<_>>());
        assert!((0..5).all(|code| DeliveryState::of_code(code).is_some_and(|state| state.code() == code)));
    }

    #[test]
    fn a_webhook_id_names_event_and_subscription() {
        let key = |event, subscription| DeliveryKey {
            event: EventId::new(Uuid::from_u128(event)),
            subscription: SubscriptionId::new(Uuid::from_u128(subscription)),
        };
        assert_eq!(
            key(1, 2).webhook_id(),
            "msg_00000000000000000000000000000001_00000000000000000000000000000002"
        );
        assert_ne!(key(1, 2).webhook_id(), key(1, 3).webhook_id());
        assert_eq!(DeliveryKey::of_webhook_id(&key(1, 2).webhook_id()), Some(key(1, 2)));
        for other in ["", "msg_1_2", "msg_", "7", "msg_00000000-0000-0000-0000-000000000001_2"] {
            assert_eq!(DeliveryKey::of_webhook_id(other), None, "{other}");
        }
    }
}
