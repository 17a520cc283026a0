//! `/api/v1/organizations/{id}/events` and what an organisation sees and does of its deliveries.

use super::common::Common;
use super::deliveries::{LISTED, SUBJECT, Statistics, delivery_filters, statistics};
use super::deliveries::{
    OperatedDelivery, OperatedDeliveryPage, OperatedDeliveryWithAttempts, OperatedEventWithDeliveries,
};
use super::webhooks::{Delivery, Recover, Recovery};
use crate::openapi::operation::{Operation, json, operation};
use crate::openapi::schema::{between_or, date_time, text, text_up_to, uuid};
use utoipa::ToSchema;

const TAG: &str = "Events";
/// How far pages by number reach.
const COUNTED: i64 = 10_000;

pub fn operations() -> Vec<Operation> {
    const EVENTS: &str = "/api/v1/organizations/{id}/events";
    const EVENT: &str = "/api/v1/organizations/{id}/events/{eventId}";
    const OF_EVENT: &str = "/api/v1/organizations/{id}/events/{eventId}/deliveries";
    const DELIVERIES: &str = "/api/v1/organizations/{id}/deliveries";
    const STATS: &str = "/api/v1/organizations/{id}/deliveries/stats";
    const DELIVERY: &str = "/api/v1/organizations/{id}/deliveries/{deliveryId}";
    const RETRY: &str = "/api/v1/organizations/{id}/deliveries/{deliveryId}/retry";
    const RECOVER: &str = "/api/v1/organizations/{id}/subscriptions/{subscriptionId}/recover";
    vec![
        operation("GET", EVENTS, TAG, "listEvents")
            .summary("List events with how their deliveries stand")
            .about(
                "Newest first. Pages by number reach as far as events are counted, 10,000; `nextCursor` goes on beyond.",
            )
            .scope("webhooks:read")
            .of_organization()
            .query("type", text(), "Only events of this type.")
            .query("source", text(), "Only events from there: `intake`, `crm`, `ingest`, `ingest:<app>`, `lex`, `webhook`.")
            .query("subject", text(), SUBJECT)
            .query("dateFrom", date_time(), "Only events from then on.")
            .query("dateTo", date_time(), "Only events up to then.")
            .query("page", between_or(1, COUNTED, 1), "Which page, from 1 to 10,000 divided by `limit`.")
            .query("limit", between_or(1, 100, 20), "Rows of a page.")
            .query("cursor", text(), "`nextCursor` of the page before, with the same filters; takes the place of `page`.")
            .answers(200, "A page of events.", [json::<EventPage>()]),
        operation("GET", OF_EVENT, TAG, "listEventDeliveries")
            .summary("List every delivery of an event")
            .scope("webhooks:read")
            .of_organization()
            .path("eventId", text_up_to(64), "The event: `evt_…`, or its UUID.")
            .answers(200, "The deliveries.", [json::<EventDeliveries>()])
            .may_be_missing("event"),
        operation("GET", EVENT, TAG, "getEvent")
            .summary("Show an event with its deliveries")
            .scope("webhooks:read")
            .of_organization()
            .path("eventId", text_up_to(128), "The event: `evt_…`, its UUID, or the id of one of its deliveries.")
            .answers(200, "The event.", [json::<OperatedEventWithDeliveries>()])
            .may_be_missing("event"),
        delivery_filters(operation("GET", DELIVERIES, TAG, "listDeliveries"))
            .summary("List deliveries")
            .about(LISTED)
            .scope("webhooks:read")
            .of_organization()
            .walked()
            .answers(200, "A page of deliveries.", [json::<OperatedDeliveryPage>()]),
        statistics(operation("GET", STATS, TAG, "countDeliveries"))
            .scope("webhooks:read")
            .of_organization()
            .answers(200, "The largest groups, at most 100.", [json::<Statistics>()]),
        operation("GET", DELIVERY, TAG, "getDelivery")
            .summary("Show a delivery with its requests")
            .scope("webhooks:read")
            .of_organization()
            .path("deliveryId", text_up_to(128), "The delivery: its `webhook-id`.")
            .answers(200, "The delivery.", [json::<OperatedDeliveryWithAttempts>()])
            .may_be_missing("delivery"),
        operation("POST", RETRY, TAG, "retryDelivery")
            .summary("Try a delivery again now")
            .about("It keeps its id; one that had ended has all its tries before it again.")
            .scope("webhooks:write")
            .of_organization()
            .path("deliveryId", text_up_to(128), "The delivery: its `webhook-id`.")
            .answers(202, "The delivery, which is due now.", [json::<OperatedDelivery>()])
            .may_be_missing("delivery")
            .may_conflict("its subscription is disabled"),
        operation("POST", RECOVER, TAG, "recoverSubscription")
            .summary("Bring back deliveries of a subscription that ended badly")
            .about("Of any family: those of events of a stretch of time, at the subscription's rate or a hundred a second.")
            .scope("webhooks:write")
            .of_organization()
            .path("subscriptionId", uuid(), "The subscription.")
            .takes([json::<Recover>()])
            .answers(202, "What is brought back, and how much of it is due already.", [json::<Recovery>()])
            .may_be_missing("subscription")
            .may_conflict("the subscription is disabled, or a recovery of it is under way"),
    ]
}

/// An event with how its deliveries stand.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct EventRow {
    #[schema(pattern = "^evt_[0-9a-f]{32}$")]
    pub id: String,
    pub event_type: String,
    /// `intake`, `crm`, `ingest:<app>`, `lex`, `webhook`.
    pub source: String,
    /// The id of what it speaks of: a lead, a record, a worker, a subscription. `null` in events from before this
    /// was kept.
    #[schema(required = true)]
    pub subject: Option<String>,
    #[schema(format = "date-time")]
    pub occurred_at: String,
    pub deliveries: DeliveryCounts,
}

/// Deliveries of an event, by status.
#[derive(ToSchema)]
pub struct DeliveryCounts {
    #[schema(minimum = 0)]
    pub pending: i64,
    #[schema(minimum = 0)]
    pub delivered: i64,
    #[schema(minimum = 0)]
    pub dead_letter: i64,
    #[schema(minimum = 0)]
    pub skipped_disabled: i64,
    #[schema(minimum = 0)]
    pub cancelled: i64,
}

/// A page of events.
#[derive(ToSchema)]
pub struct EventPage {
    pub data: Vec<EventRow>,
    pub pagination: EventPagination,
}

/// Where a page stands in its list.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct EventPagination {
    #[schema(minimum = 1)]
    pub page: i64,
    #[schema(minimum = 1, maximum = 100)]
    pub limit: i64,
    /// At most 10,000: more are not counted.
    #[schema(minimum = 0, maximum = 10_000)]
    pub total: i64,
    #[schema(minimum = 0)]
    pub total_pages: i64,
    /// Goes on behind this page; `null` on the last one.
    #[schema(required = true)]
    pub next_cursor: Option<String>,
}

/// Where an event went.
#[derive(ToSchema)]
pub struct EventDeliveries {
    pub data: Vec<Delivery>,
}
