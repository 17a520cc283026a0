//! `/api/v1/organizations/{id}/subscriptions`: an organisation's subscriptions of all families.

use super::common::Common;
use super::webhooks::{Delivery, RetryConfig};
use super::words;
use crate::openapi::operation::{Operation, json, operation};
use crate::openapi::schema::{one_of, text, uuid};
use utoipa::ToSchema;

const TAG: &str = "Webhooks";

pub fn operations() -> Vec<Operation> {
    const ALL: &str = "/api/v1/organizations/{id}/subscriptions";
    const ONE: &str = "/api/v1/organizations/{id}/subscriptions/{subscriptionId}";
    const TEST: &str = "/api/v1/organizations/{id}/subscriptions/{subscriptionId}/test";
    vec![
        operation("GET", ALL, TAG, "listSubscriptions")
            .summary("List the subscriptions of an organisation")
            .about("Of all families and clients, newest first. Each is made and deleted on the surface of its family.")
            .scope("webhooks:read")
            .of_organization()
            .query("family", words::in_any_case(&["PARTNER", "PLATFORM", "LEX"]), "Only subscriptions of this family.")
            .query("status", words::webhook_status_in_any_case(), "Only subscriptions of this status.")
            .query("client", uuid(), "Only subscriptions that this client made.")
            .query("url", text(), "Only subscriptions whose URL, up to its query, contains this, in any case.")
            .query("sortBy", one_of(["createdAt"]), "By what.")
            .query("sortOrder", words::sort_order(), "`desc` when nothing is said.")
            .walked()
            .answers(200, "A page of subscriptions.", [json::<SubscriptionPage>()]),
        of_subscription(operation("GET", ONE, TAG, "getSubscription"))
            .summary("Show a subscription with how it goes")
            .scope("webhooks:read")
            .answers(200, "The subscription.", [json::<Subscription>()]),
        of_subscription(operation("PATCH", ONE, TAG, "updateSubscription"))
            .summary("Pause a subscription, or make it active again")
            .about(
                "Whatever its family. What happens while it is paused is kept and sent afterwards; what was skipped while it was \
                 disabled stays so until it is recovered.",
            )
            .scope("webhooks:write")
            .takes([json::<SubscriptionUpdate>()])
            .answers(200, "The subscription as it is then.", [json::<Subscription>()]),
        of_subscription(operation("POST", TEST, TAG, "testSubscription"))
            .summary("Send a test event to a subscription")
            .about("Its type is `webhook.test`, in the form of its family; it is delivered, retried and logged like any other.")
            .scope("webhooks:write")
            .answers(202, "The delivery.", [json::<Delivery>()])
            .may_conflict("the subscription is not `ACTIVE`"),
    ]
}

fn of_subscription(operation: Operation) -> Operation {
    operation
        .of_organization()
        .path("subscriptionId", uuid(), "The subscription.")
        .may_be_missing("subscription")
}

/// What becomes of a subscription.
#[derive(ToSchema)]
pub struct SubscriptionUpdate {
    #[schema(schema_with = state_in_any_case)]
    pub status: String,
}

fn state_in_any_case() -> utoipa::openapi::schema::Object {
    words::in_any_case(&["ACTIVE", "PAUSED"])
}

/// Who gets which events where, of any family. What its family does not have is `null`.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct Subscription {
    #[schema(format = "uuid")]
    pub id: String,
    /// `partner`: made on the partner surface; `platform`: a client's webhook; `lex`: of the LEX exchange.
    #[schema(schema_with = family)]
    pub family: String,
    /// Who made it; `null` where a LEX message did.
    #[schema(required = true, format = "uuid")]
    pub client_id: Option<String>,
    /// Without query and user information.
    pub url: String,
    /// Types of events, in the words of its family.
    pub events: Vec<String>,
    #[schema(required = true)]
    pub description: Option<String>,
    #[schema(schema_with = words::webhook_status)]
    pub status: String,
    /// Requests per second at most.
    #[schema(required = true)]
    pub rate_limit: Option<i64>,
    /// Of the platform family.
    #[schema(required = true)]
    pub retry_config: Option<RetryConfig>,
    /// Of the lex family: what a message must have, where it is said.
    #[schema(required = true)]
    pub filters: Option<SubscriptionFilter>,
    /// Of the lex family: `JSON_EDI`, `XML_EDI`.
    #[schema(required = true)]
    pub delivery_format: Option<String>,
    #[schema(format = "date-time")]
    pub created_at: String,
    #[schema(format = "date-time")]
    pub updated_at: String,
    /// Until when the secret before the present one is used as well.
    #[schema(required = true, format = "date-time")]
    pub previous_secret_until: Option<String>,
    /// When a delivery last succeeded, and when one failed.
    #[schema(required = true, format = "date-time")]
    pub last_success_at: Option<String>,
    #[schema(required = true, format = "date-time")]
    pub last_failure_at: Option<String>,
    /// Requests that failed since the last one that succeeded.
    #[schema(minimum = 0)]
    pub consecutive_failures: i64,
    /// Deliveries of all time, and how many of them arrived.
    #[schema(minimum = 0)]
    pub deliveries: i64,
    #[schema(minimum = 0)]
    pub delivered: i64,
}

fn family() -> utoipa::openapi::schema::Object {
    one_of(["partner", "platform", "lex"])
}

/// What a LEX message must have, filter by filter.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct SubscriptionFilter {
    #[schema(nullable = false)]
    pub product_types: Option<Vec<String>>,
    #[schema(nullable = false)]
    pub lead_statuses: Option<Vec<String>>,
    #[schema(nullable = false)]
    pub regions: Option<Vec<String>>,
    #[schema(nullable = false)]
    pub sender_ids: Option<Vec<String>>,
}

/// A page of subscriptions.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct SubscriptionPage {
    pub data: Vec<Subscription>,
    /// Goes on behind this page; `null` on the last one.
    #[schema(required = true)]
    pub next_cursor: Option<String>,
}
