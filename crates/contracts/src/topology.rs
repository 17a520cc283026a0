//! The broker's topology as data: exchanges, work queues and what hangs from each.
//!
//! `leadwire topology apply` declares it; services check passively that what they need is there.
//! A queue stands here when something consumes it, so that nothing piles up unread. Works unchanged on
//! RabbitMQ 3.10 to 4.x: quorum queues, every delivery limit explicit and positive (`-1` and an absent limit
//! mean different things in different versions), every work queue with a dead-letter exchange; and streams
//! beside those of them whose messages are accounted for.

use crate::service::Service;
use std::fmt::Write as _;
use std::time::Duration;

/// The exchange that every event is published to; its alternate exchange is [`EVENTS_UNROUTED`].
pub const EVENTS: &str = "events";
/// The fanout exchange, and the queue of the same name, of what no binding wanted.
pub const EVENTS_UNROUTED: &str = "events.unrouted";
/// The direct exchange of the retry ladder.
pub const RETRY: &str = "retry";
/// The direct exchange of dead letters.
pub const DEAD_LETTER: &str = "dead-letter";

/// Backstop against a message that crashes every consumer; healthy messages see a handful of redeliveries
/// at most, even when consumers are killed again and again.
pub const WORK_DELIVERY_LIMIT: i64 = 50;
/// For queues that must never drop what they hold. Explicit, because absent means 20 on RabbitMQ 4.
pub const HOLD_DELIVERY_LIMIT: i64 = 1_000_000_000;

/// The steps of the retry ladder: suffix of the queue and how long a message rests there.
pub const RETRY_STEPS: [(&str, Duration); 3] =
    [("10s", Duration::from_secs(10)), ("1m", Duration::from_mins(1)), ("10m", Duration::from_mins(10))];

/// A queue that a service consumes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WorkQueue {
    pub name: &'static str,
    pub owner: Service,
    /// Binding keys on [`EVENTS`].
    pub bindings: &'static [&'static str],
}

impl WorkQueue {
    /// Where its dead letters lie.
    pub fn dead_letter_queue(&self) -> String {
        format!("{}.dlq", self.name)
    }

    /// The queue of one step of its retry ladder.
    pub fn retry_queue(&self, step: &str) -> String {
        format!("{}.retry.{step}", self.name)
    }
}

/// Every public event, for fan-out to webhook subscriptions.
pub const WEBHOOK_DISPATCHER_EVENTS: WorkQueue = WorkQueue {
    name: "webhook-dispatcher.events",
    owner: Service::WebhookDispatcher,
    bindings: &[
        "intake.#",
        "crm.#",
        "ingest.event.#",
        "ingest.snapshot.#",
        "ingest.worker.#",
        "lex.message.#",
        "webhook.#",
    ],
};

/// A stream that keeps what a work queue is sent, for a while and whatever becomes of it in the queue. Nothing takes
/// messages out of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tape {
    pub name: &'static str,
    /// The queue that it stands beside.
    pub queue: WorkQueue,
    /// Binding keys on [`EVENTS`]: those of the queue that are accounted for.
    pub bindings: &'static [&'static str],
    /// For how long, and how much, at most. It is cut in whole segments.
    pub keep: Duration,
    pub keep_bytes: i64,
    pub segment_bytes: i64,
}

/// What other services say to the whole world. What the dispatcher says about webhooks is not stored unless
/// somebody asked for it, so it is not accounted for.
pub const WEBHOOK_DISPATCHER_TAPE: Tape = Tape {
    name: "webhook-dispatcher.tape",
    queue: WEBHOOK_DISPATCHER_EVENTS,
    bindings: &[
        "intake.#",
        "crm.#",
        "ingest.event.#",
        "ingest.snapshot.#",
        "ingest.worker.#",
        "lex.message.#",
    ],
    keep: Duration::from_hours(24),
    keep_bytes: 4 << 30,
    segment_bytes: 32 << 20,
};

/// Every tape of the platform.
pub const TAPES: [Tape; 1] = [WEBHOOK_DISPATCHER_TAPE];

/// Clients and organisations that are gone, whose subscriptions end.
pub const WEBHOOK_DISPATCHER_CONTROL: WorkQueue = WorkQueue {
    name: "webhook-dispatcher.control",
    owner: Service::WebhookDispatcher,
    bindings: &["gateway.client.#", "gateway.organization.#"],
};

/// Leads that begin their life cycle.
pub const LEAD_INTAKE_ORCHESTRATOR: WorkQueue = WorkQueue {
    name: "lead-intake.orchestrator",
    owner: Service::LeadIntake,
    bindings: &["intake.lead.created.#"],
};

/// What became of the deliveries of leads' events.
pub const LEAD_INTAKE_OUTCOMES: WorkQueue = WorkQueue {
    name: "lead-intake.outcomes",
    owner: Service::LeadIntake,
    bindings: &["webhook.event.*.*.lead-intake"],
};

/// Organisations that are gone, whose leads go with them.
pub const LEAD_INTAKE_ORGANIZATIONS: WorkQueue = WorkQueue {
    name: "lead-intake.organizations",
    owner: Service::LeadIntake,
    bindings: &["gateway.organization.#"],
};

/// Organisations that are gone, whose workers and events go with them.
pub const INGEST_ORGANIZATIONS: WorkQueue =
    WorkQueue { name: "ingest.organizations", owner: Service::Ingest, bindings: &["gateway.organization.#"] };

/// Organisations that are gone, whose resources go with them.
pub const CRM_RESOURCES_ORGANIZATIONS: WorkQueue = WorkQueue {
    name: "crm-resources.organizations",
    owner: Service::CrmResources,
    bindings: &["gateway.organization.#"],
};

/// Changes of CRM resources, which set automations off.
pub const CRM_RESOURCES_AUTOMATIONS: WorkQueue =
    WorkQueue { name: "crm-resources.automations", owner: Service::CrmResources, bindings: &["crm.#"] };

/// What became of the deliveries of LEX messages.
pub const LEX_ROUTER_OUTCOMES: WorkQueue = WorkQueue {
    name: "lex-router.outcomes",
    owner: Service::LexRouter,
    bindings: &["webhook.event.*.*.lex-router"],
};

/// Organisations that were made, changed or are gone: the receivers of LEX messages.
pub const LEX_ROUTER_ORGANIZATIONS: WorkQueue = WorkQueue {
    name: "lex-router.organizations",
    owner: Service::LexRouter,
    bindings: &["gateway.organization.#"],
};

/// Every work queue of the platform.
pub const WORK_QUEUES: [WorkQueue; 10] = [
    WEBHOOK_DISPATCHER_EVENTS,
    WEBHOOK_DISPATCHER_CONTROL,
    LEAD_INTAKE_ORCHESTRATOR,
    LEAD_INTAKE_OUTCOMES,
    LEAD_INTAKE_ORGANIZATIONS,
    INGEST_ORGANIZATIONS,
    CRM_RESOURCES_ORGANIZATIONS,
    CRM_RESOURCES_AUTOMATIONS,
    LEX_ROUTER_OUTCOMES,
    LEX_ROUTER_ORGANIZATIONS,
];

/// Whether several events of a routing key may share a message: every queue that gets them is read event by event.
pub fn may_share_message(routing_key: &str) -> bool {
    ["intake.lead.", "lex.message.", "webhook.event."].iter().any(|shared| routing_key.starts_with(shared))
}

fn add(page: &mut String, line: std::fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    page.write_fmt(line).unwrap_or_default();
}

/// The topology as a page of documentation.
pub fn markdown() -> String {
    let mut page = format!(
        "# Broker topology\n\nGenerated by `leadwire topology show`.\n\n| Exchange | Type | |\n|---|---|---|\n\
         | `{EVENTS}` | topic | what no binding wants goes to `{EVENTS_UNROUTED}` |\n\
         | `{EVENTS_UNROUTED}` | fanout | to the queue of the same name |\n\
         | `{RETRY}` | direct | to the retry queues |\n\
         | `{DEAD_LETTER}` | direct | to the dead-letter queues, by the name of the queue they come from |\n\n\
         Queues are quorum queues, but for tapes, which are streams. A work queue gives a message up after {WORK_DELIVERY_LIMIT} deliveries, which only \
         crashes use up; failures are counted by the consumer.\n\n\
         | Queue | Consumed by | Bound to `{EVENTS}` with |\n|---|---|---|\n"
    );
    for queue in WORK_QUEUES {
        let bindings: Vec<_> = queue.bindings.iter().map(|binding| format!("`{binding}`")).collect();
        add(&mut page, format_args!("| `{}` | {} | {} |\n", queue.name, queue.owner, bindings.join(" ")));
        for (step, time) in RETRY_STEPS {
            let (name, seconds) = (queue.retry_queue(step), time.as_secs());
            add(&mut page, format_args!("| `{name}` | – | back to `{}` after {seconds} s |\n", queue.name));
        }
        add(&mut page, format_args!("| `{}` | operators | dead letters |\n", queue.dead_letter_queue()));
        for tape in TAPES.iter().filter(|tape| tape.queue == queue) {
            let bindings: Vec<_> = tape.bindings.iter().map(|binding| format!("`{binding}`")).collect();
            let (hours, mebibytes) = (tape.keep.as_secs() / 3_600, tape.keep_bytes >> 20);
            let limits = format!("kept {hours} h, {mebibytes} MiB at most");
            add(
                &mut page,
                format_args!(
                    "| `{}` | {}, without taking | {} ({limits}) |\n",
                    tape.name,
                    queue.owner,
                    bindings.join(" ")
                ),
            );
        }
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_in_docs_is_what_the_program_says() {
        assert_eq!(
            include_str!("../../../docs/topology.md"),
            markdown(),
            "write it anew: leadwire topology show > docs/topology.md"
        );
    }

    #[test]
    fn a_queue_is_named_after_its_owner() {
        for queue in WORK_QUEUES {
            assert_eq!(queue.name.split('.').next(), Some(queue.owner.name()));
        }
        for tape in TAPES {
            assert_eq!(tape.name.split('.').next(), Some(tape.queue.owner.name()));
            assert!(tape.bindings.iter().all(|key| tape.queue.bindings.contains(key)));
        }
    }
}
