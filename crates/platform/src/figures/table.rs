//! The table of metrics.

use super::{Figure, Kind, Values};
use contracts::Service;
use contracts::Service::{CrmResources, Gateway, Ingest, LeadIntake, LexRouter, WebhookDispatcher};

const EVERY: &[Service] = &Service::ALL;
/// Those with work queues.
const CONSUMERS: &[Service] = &[LeadIntake, Ingest, LexRouter, CrmResources, WebhookDispatcher];
/// Those that commit requests in groups.
const GROUPED: &[Service] = &[Gateway, LeadIntake, LexRouter];
/// Those whose tables are cut by time, and those that drop what is old.
const PARTITIONED: &[Service] = &[Gateway, LeadIntake, Ingest, LexRouter, WebhookDispatcher];
const EXPIRING: &[Service] = &[LeadIntake, Ingest, LexRouter, WebhookDispatcher];

const QUEUE: (&str, Values) = ("queue", Values::Queues);
const FAMILY: (&str, Values) = ("family", Values::Of(&["partner", "platform", "lex"]));
const KIND: (&str, Values) =
    ("kind", Values::By(&[(Gateway, &["jti"]), (LeadIntake, &["lead"]), (LexRouter, &["message"])]));
const TABLES: Values = Values::By(&[
    (LeadIntake, &["orchestrations"]),
    (Ingest, &["events"]),
    (LexRouter, &["messages"]),
    (WebhookDispatcher, &["deliveries", "events", "attempts"]),
]);
const STEPS: &[&str] = &[
    "condition",
    "update_lead",
    "set_metadata",
    "convert_lead",
    "create_customer",
    "emit_event",
    "http_request",
    "delay",
];

type Labels = &'static [(&'static str, Values)];

const fn figure(
    kind: Kind,
    services: &'static [Service],
    name: &'static str,
    labels: Labels,
    unit: &'static str,
    meaning: &'static str,
) -> Figure {
    Figure { name, kind, unit, labels, meaning, services }
}

use Kind::{Counter, Gauge as Level, Histogram};

/// Every metric, in the order of the page.
#[rustfmt::skip] // A line each: it is a table.
pub const TABLE: &[Figure] = &[
    // requests
    figure(Histogram, EVERY, "leadwire_http_request_seconds", &[("surface", Values::Surfaces), ("route", Values::Routes), ("method", Values::Methods), ("status", Values::Statuses)], "seconds", "requests, by how long it took until the answer began"),
    // outbox
    figure(Level, EVERY, "leadwire_outbox_depth", &[], "events", "events committed and not yet confirmed by the broker, counted up to 10,000 and estimated beyond; the same from every replica"),
    figure(Level, EVERY, "leadwire_outbox_oldest_age_seconds", &[], "seconds", "how long the oldest of them has waited; the same from every replica"),
    figure(Counter, EVERY, "leadwire_outbox_left_to_sweeper_total", &[], "events", "events that the relay had no room for, which the sweeper publishes seconds later"),
    figure(Counter, EVERY, "leadwire_messages_published_total", &[("outcome", Values::Of(&["confirmed", "unknown"]))], "messages", "messages handed to the broker: confirmed, or to be published again"),
    // database
    figure(Histogram, EVERY, "leadwire_pool_wait_seconds", &[], "seconds", "how long a connection to PostgreSQL takes to be had, asked for once a second"),
    figure(Level, EVERY, "leadwire_pool_connections", &[("state", Values::Of(&["idle", "in_use"]))], "connections", "open connections to PostgreSQL"),
    figure(Level, EVERY, "leadwire_pool_connections_max", &[], "connections", "the most that may be open"),
    figure(Counter, EVERY, "leadwire_pool_timeouts_total", &[], "requests", "times that none was to be had, of those asked for once a second"),
    // consumers
    figure(Counter, CONSUMERS, "leadwire_messages_consumed_total", &[QUEUE, ("disposition", Values::Of(&["acked", "retried", "dead_lettered"]))], "messages", "messages by what became of them"),
    figure(Histogram, CONSUMERS, "leadwire_consumer_lag_seconds", &[QUEUE], "seconds", "messages processed at the first attempt, by how long ago they were accepted; what was replayed or delivered again does not count"),
    figure(Histogram, CONSUMERS, "leadwire_consumer_batch_size", &[QUEUE], "messages", "batches, by how many messages they had"),
    figure(Level, CONSUMERS, "leadwire_consumer_paused", &[QUEUE], "consumers", "consumers that hold messages because a dependency is unavailable"),
    figure(Level, CONSUMERS, "leadwire_queue_messages_ready", &[QUEUE], "messages", "messages that wait in the queue, without those that a consumer has in hand; the same from every replica"),
    figure(Level, CONSUMERS, "leadwire_dead_letters", &[QUEUE], "messages", "messages in the queue's dead-letter queue; the same from every replica"),
    // group commit
    figure(Histogram, GROUPED, "leadwire_group_commit_batch_size", &[KIND], "requests", "transactions, by how many requests they had"),
    figure(Counter, GROUPED, "leadwire_group_commit_refused_total", &[KIND], "requests", "requests that were told 503 because too many waited, or waited too long"),
    // partitions
    figure(Level, PARTITIONED, "leadwire_partitions_missing", &[], "partitions", "partitions that ought to be there by now; the same from every replica"),
    figure(Counter, EXPIRING, "leadwire_partitions_dropped_total", &[("table", TABLES)], "partitions", "partitions dropped because their time was over"),
    figure(Counter, &[Gateway, Ingest, CrmResources], "leadwire_idempotency_purged_total", &[], "records", "idempotency records deleted after their time"),
    // limits
    figure(Counter, &[Gateway, LeadIntake, LexRouter], "leadwire_rate_limit_degraded_total", &[], "requests", "charges that this process counted alone, because Redis did not answer"),
    // gateway
    figure(Counter, &[Gateway], "leadwire_credential_lookups_total", &[("outcome", Values::Of(&["hit", "unknown", "miss"]))], "lookups", "looks at the cache of credentials: there, remembered as unknown, or to be asked of the database"),
    figure(Counter, &[Gateway], "leadwire_usage_lost_total", &[], "requests", "answered requests that are missing in the figures of usage"),
    figure(Counter, &[Gateway], "leadwire_usage_write_failures_total", &[], "tries", "tries to write figures of usage that failed; they are made again"),
    figure(Counter, &[Gateway], "leadwire_audit_entries_lost_total", &[], "entries", "things done that are missing in the audit log"),
    // lead-intake
    figure(Counter, &[LeadIntake], "leadwire_lead_changes_total", &[("status", Values::Of(&["hubspot_upserted", "dispatched", "completed", "failed"]))], "leads", "leads by the status that they have come to"),
    figure(Counter, &[LeadIntake], "leadwire_hubspot_calls_total", &[("call", Values::Of(&["contacts", "deals", "associations"])), ("outcome", Values::Of(&["answered", "outage", "refused"]))], "calls", "calls of HubSpot"),
    figure(Level, &[LeadIntake], "leadwire_hubspot_breaker_open", &[], "0 or 1", "whether HubSpot is left alone for a while; by replica"),
    // lex-router
    figure(Counter, &[LexRouter], "leadwire_lex_messages_total", &[("outcome", Values::Of(&["accepted", "replayed", "expired", "refused"]))], "messages", "messages submitted"),
    // crm-resources
    figure(Counter, &[CrmResources], "leadwire_automation_runs_started_total", &[], "runs", "runs of automations that were started"),
    figure(Counter, &[CrmResources], "leadwire_automation_steps_total", &[("step", Values::Of(STEPS)), ("outcome", Values::Of(&["done", "stopped", "failed", "waiting", "dead_letter"]))], "steps", "steps taken, by what came of them"),
    figure(Counter, &[CrmResources], "leadwire_automation_breakers_opened_total", &[], "times", "times that a host that only fails was left alone"),
    figure(Level, &[CrmResources], "leadwire_automation_breakers_open", &[], "hosts", "hosts that are left alone now"),
    // webhook-dispatcher
    figure(Counter, &[WebhookDispatcher], "leadwire_fan_out_events_total", &[], "events", "events matched with subscriptions"),
    figure(Counter, &[WebhookDispatcher], "leadwire_fan_out_deliveries_total", &[], "deliveries", "deliveries made of them"),
    figure(Counter, &[WebhookDispatcher], "leadwire_deliveries_total", &[FAMILY, ("result", Values::Of(&["delivered", "retried", "dead_letter", "skipped_disabled", "cancelled"]))], "attempts", "attempts by what they led to; what ends without an attempt counts too"),
    figure(Histogram, &[WebhookDispatcher], "leadwire_delivery_seconds", &[FAMILY], "seconds", "attempts, by how long the receiver took"),
    figure(Level, &[WebhookDispatcher], "leadwire_unaccounted_events", &[], "events", "events that were published and are neither queued nor stored: 0 when all is well; the same from every replica"),
    figure(Counter, &[WebhookDispatcher], "leadwire_accounted_events_total", &[], "events", "published events that were found stored"),
    figure(Counter, &[WebhookDispatcher], "leadwire_restored_events_total", &[], "events", "published events that were missing and were fanned out from the second copy"),
    figure(Level, &[WebhookDispatcher], "leadwire_deliveries_due", &[], "deliveries", "deliveries that could be sent now and wait for their turn, without those of paused subscriptions and of receivers that are left alone; counted up to 1,000 a subscription"),
    figure(Level, &[WebhookDispatcher], "leadwire_deliveries_oldest_due_age_seconds", &[], "seconds", "for how long the first of them has been due; take the maximum of the replicas"),
    figure(Level, &[WebhookDispatcher], "leadwire_deliveries_in_flight", &[], "requests", "requests on their way to receivers"),
    figure(Level, &[WebhookDispatcher], "leadwire_deliveries_in_hand", &[], "deliveries", "due deliveries that are in memory, with those in flight"),
    figure(Level, &[WebhookDispatcher], "leadwire_delivery_breakers_open", &[], "receivers", "receivers that only fail and are left alone now"),
    figure(Counter, &[WebhookDispatcher], "leadwire_delivery_breakers_opened_total", &[], "times", "times that a receiver was left alone, or left alone for longer"),
    figure(Level, &[WebhookDispatcher], "leadwire_shards_held", &[], "shards", "shards that the replica delivers for, of 64"),
    figure(Counter, &[WebhookDispatcher], "leadwire_lex_messages_lapsed_total", &[], "messages", "LEX messages whose time was over before anybody got them"),
];
