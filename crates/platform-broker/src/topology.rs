//! Declares the topology of `contracts::topology` and says what of it is missing.
//!
//! [`apply`] is one deploy step with an operator's credentials; services, which may not configure
//! anything, [`check`]. Arguments are fixed for the life of a queue (a change means a new name), so what
//! operators tune lives in policies and is not declared here. Nothing is ever deleted.

use crate::connection::{Endpoint, Link};
use crate::error::BrokerError;
use crate::settings::BrokerSettings;
use contracts::topology::{
    DEAD_LETTER, EVENTS, EVENTS_UNROUTED, HOLD_DELIVERY_LIMIT, RETRY, RETRY_STEPS, TAPES, Tape,
    WORK_DELIVERY_LIMIT, WORK_QUEUES, WorkQueue,
};
use lapin::options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{Channel, ExchangeKind};
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// How long a broker that has just started may take until all its queues are there.
const STARTING: Duration = Duration::from_secs(30);
const ONCE_MORE: Duration = Duration::from_millis(250);

/// What is to be there: the platform's whole topology, or a test's small one. Tapes come with the queues that
/// they stand beside.
#[derive(Clone, Copy, Debug)]
pub struct Topology<'a> {
    pub queues: &'a [WorkQueue],
    /// The steps of the retry ladder. Consumers go by the names of [`RETRY_STEPS`]; the times may differ.
    pub retry_steps: &'a [(&'static str, Duration)],
}

/// The platform's topology.
pub const PLATFORM: Topology<'static> = Topology { queues: &WORK_QUEUES, retry_steps: &RETRY_STEPS };

/// Declares everything that is missing; what is there already stays as it is.
///
/// # Errors
/// [`BrokerError::Refused`] names the exchange or queue that exists with other arguments.
pub async fn apply(settings: &BrokerSettings, topology: Topology<'_>) -> Result<(), BrokerError> {
    let link = Link::open(&Endpoint::new(settings)?, "leadwire topology apply").await?;
    let deadline = Instant::now() + STARTING;
    let result = loop {
        let result = declare_all(&link, topology).await;
        // Nothing that is declared can be unknown, but a stream whose node has just started is not there yet.
        if !result.as_ref().is_err_and(BrokerError::is_not_found) || Instant::now() >= deadline {
            break result;
        }
        sleep_until(Instant::now() + ONCE_MORE).await;
    };
    link.close().await;
    result
}

/// Looks for everything, changes nothing, and answers with one line for each thing that is not as it has
/// to be. What cannot be seen over AMQP (bindings, arguments) is not compared.
///
/// # Errors
/// When the broker cannot be asked.
pub async fn check(settings: &BrokerSettings, topology: Topology<'_>) -> Result<Vec<String>, BrokerError> {
    check_at(&Endpoint::new(settings)?, "leadwire topology check", topology).await
}

/// [`check`] for an operator, who may configure: compares types and arguments, too. Changes nothing: what is there is
/// declared once more, which the broker refuses, naming the difference, unless it is equal.
///
/// # Errors
/// When the broker cannot be asked.
pub async fn compare(settings: &BrokerSettings, topology: Topology<'_>) -> Result<Vec<String>, BrokerError> {
    let link = Link::open(&Endpoint::new(settings)?, "leadwire topology check").await?;
    let result = find_differences(&link, topology, true).await;
    link.close().await;
    result
}

/// Every binding that has to be there: exchange, queue, key.
pub fn bindings(topology: Topology<'_>) -> Vec<(&'static str, String, String)> {
    let of_queue = |queue: Queue| {
        let Queue { name, bindings, .. } = queue;
        bindings.into_iter().map(move |(exchange, key)| (exchange, name.clone(), key))
    };
    queues(topology).into_iter().flat_map(of_queue).collect()
}

/// [`check`] over a connection of this name.
pub(crate) async fn check_at(
    endpoint: &Endpoint,
    name: &str,
    topology: Topology<'_>,
) -> Result<Vec<String>, BrokerError> {
    let link = Link::open(endpoint, name).await?;
    let result = find_differences(&link, topology, false).await;
    link.close().await;
    result
}

/// An exchange with what hangs from it when nothing else matches.
struct Exchange {
    name: &'static str,
    kind: ExchangeKind,
    alternate: Option<&'static str>,
}

impl Exchange {
    fn arguments(&self) -> FieldTable {
        let mut arguments = FieldTable::default();
        if let Some(alternate) = self.alternate {
            arguments.insert("alternate-exchange".into(), string(alternate));
        }
        arguments
    }
}

/// A queue with its arguments and bindings.
struct Queue {
    name: String,
    arguments: FieldTable,
    /// Pairs of exchange and key.
    bindings: Vec<(&'static str, String)>,
}

fn exchanges() -> [Exchange; 4] {
    [
        Exchange { name: EVENTS_UNROUTED, kind: ExchangeKind::Fanout, alternate: None },
        Exchange { name: EVENTS, kind: ExchangeKind::Topic, alternate: Some(EVENTS_UNROUTED) },
        Exchange { name: RETRY, kind: ExchangeKind::Direct, alternate: None },
        Exchange { name: DEAD_LETTER, kind: ExchangeKind::Direct, alternate: None },
    ]
}

/// Every queue, those that others dead-letter to first, so that nothing has nowhere to go meanwhile.
fn queues(topology: Topology<'_>) -> Vec<Queue> {
    let mut queues = vec![Queue {
        name: EVENTS_UNROUTED.to_owned(),
        arguments: arguments([("x-delivery-limit", integer(HOLD_DELIVERY_LIMIT))]),
        bindings: vec![(EVENTS_UNROUTED, String::new())],
    }];
    for queue in topology.queues {
        queues.push(Queue {
            name: queue.dead_letter_queue(),
            arguments: arguments([("x-delivery-limit", integer(HOLD_DELIVERY_LIMIT))]),
            bindings: vec![(DEAD_LETTER, queue.name.to_owned())],
        });
        queues.push(Queue {
            name: queue.name.to_owned(),
            arguments: dead_lettering(DEAD_LETTER, queue.name, WORK_DELIVERY_LIMIT, None),
            bindings: queue.bindings.iter().map(|key| (EVENTS, (*key).to_owned())).collect(),
        });
        for (step, rest) in topology.retry_steps {
            let name = queue.retry_queue(step);
            queues.push(Queue {
                arguments: dead_lettering("", queue.name, HOLD_DELIVERY_LIMIT, Some(*rest)),
                bindings: vec![(RETRY, name.clone())],
                name,
            });
        }
    }
    let tapes = TAPES.iter().filter(|tape| topology.queues.contains(&tape.queue));
    queues.extend(tapes.map(stream));
    queues
}

fn stream(tape: &Tape) -> Queue {
    let mut arguments = FieldTable::default();
    arguments.insert("x-queue-type".into(), string("stream"));
    arguments.insert("x-max-age".into(), string(&format!("{}s", tape.keep.as_secs())));
    arguments.insert("x-max-length-bytes".into(), integer(tape.keep_bytes));
    arguments.insert("x-stream-max-segment-size-bytes".into(), integer(tape.segment_bytes));
    Queue {
        name: tape.name.to_owned(),
        arguments,
        bindings: tape.bindings.iter().map(|key| (EVENTS, (*key).to_owned())).collect(),
    }
}

/// At-least-once dead lettering, which needs `reject-publish`, and moves without losing.
pub(crate) fn dead_lettering(
    exchange: &str,
    key: &str,
    delivery_limit: i64,
    rest: Option<Duration>,
) -> FieldTable {
    let mut table = arguments([
        ("x-delivery-limit", integer(delivery_limit)),
        ("x-dead-letter-exchange", string(exchange)),
        ("x-dead-letter-routing-key", string(key)),
        ("x-dead-letter-strategy", string("at-least-once")),
        ("x-overflow", string("reject-publish")),
    ]);
    if let Some(rest) = rest {
        let millis = i64::try_from(rest.as_millis()).unwrap_or(i64::MAX);
        table.insert("x-message-ttl".into(), integer(millis));
    }
    table
}

fn arguments<const N: usize>(pairs: [(&'static str, AMQPValue); N]) -> FieldTable {
    let mut table = FieldTable::default();
    table.insert("x-queue-type".into(), string("quorum"));
    for (name, value) in pairs {
        table.insert(name.into(), value);
    }
    table
}

fn string(value: &str) -> AMQPValue {
    AMQPValue::LongString(value.into())
}

const fn integer(value: i64) -> AMQPValue {
    AMQPValue::LongLongInt(value)
}

async fn declare_all(link: &Link, topology: Topology<'_>) -> Result<(), BrokerError> {
    let channel = link.channel().await?;
    for exchange in exchanges() {
        let options = ExchangeDeclareOptions { durable: true, ..Default::default() };
        let arguments = exchange.arguments();
        let declaring = channel.exchange_declare(exchange.name.into(), exchange.kind, options, arguments);
        link.decisive("cannot declare an exchange", declaring).await?;
    }
    for queue in queues(topology) {
        let options = QueueDeclareOptions { durable: true, ..Default::default() };
        let declaring = channel.queue_declare(queue.name.as_str().into(), options, queue.arguments);
        link.decisive("cannot declare a queue", declaring).await?;
        for (exchange, key) in queue.bindings {
            let binding = channel.queue_bind(
                queue.name.as_str().into(),
                exchange.into(),
                key.as_str().into(),
                QueueBindOptions::default(),
                FieldTable::default(),
            );
            link.decisive("cannot bind a queue", binding).await?;
        }
    }
    Ok(())
}

async fn find_differences(
    link: &Link,
    topology: Topology<'_>,
    exactly: bool,
) -> Result<Vec<String>, BrokerError> {
    let mut differences = Vec::new();
    let mut channel = link.channel().await?;
    // Passive first: that makes nothing that is missing.
    let looks: &[bool] = if exactly { &[true, false] } else { &[true] };
    for exchange in exchanges() {
        for passive in looks {
            let options = ExchangeDeclareOptions { passive: *passive, durable: true, ..Default::default() };
            let (kind, arguments) = (exchange.kind.clone(), exchange.arguments());
            let looking = channel.exchange_declare(exchange.name.into(), kind, options, arguments);
            let found = link.decisive("look", looking).await;
            let what = format!("exchange {}", exchange.name);
            if !note(link, &mut channel, &mut differences, found, what).await? {
                break;
            }
        }
    }
    for queue in queues(topology) {
        for passive in looks {
            let options = QueueDeclareOptions { passive: *passive, durable: true, ..Default::default() };
            let looking = channel.queue_declare(queue.name.as_str().into(), options, queue.arguments.clone());
            let found = link.decisive("look", looking).await;
            let what = format!("queue {}", queue.name);
            if !note(link, &mut channel, &mut differences, found, what).await? {
                break;
            }
        }
    }
    Ok(differences)
}

/// Notes a difference, and says whether there is none; the broker has closed the channel over it, so the search goes on
/// with a new one.
async fn note<T>(
    link: &Link,
    channel: &mut Channel,
    differences: &mut Vec<String>,
    found: Result<T, BrokerError>,
    what: String,
) -> Result<bool, BrokerError> {
    match found {
        Ok(_) => Ok(true),
        Err(BrokerError::Refused { source, .. }) if link.alive() => {
            differences.push(format!("{what}: {source}"));
            *channel = link.channel().await?;
            Ok(false)
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_delivery_limit_is_explicit_and_positive_and_every_queue_but_the_tapes_a_quorum_queue() {
        for queue in queues(PLATFORM) {
            let arguments = queue.arguments.inner();
            if TAPES.iter().any(|tape| tape.name == queue.name) {
                assert_eq!(arguments.get("x-queue-type"), Some(&string("stream")));
                continue;
            }
            assert_eq!(arguments.get("x-queue-type"), Some(&string("quorum")), "{}", queue.name);
            let Some(AMQPValue::LongLongInt(limit)) = arguments.get("x-delivery-limit") else {
                panic!("{} has no delivery limit", queue.name)
            };
            assert!(*limit > 0);
        }
    }

    #[test]
    fn every_name_fits_into_amqp() {
        for queue in queues(PLATFORM) {
            assert!(queue.name.len() <= 255);
            assert!(queue.bindings.iter().all(|(_, key)| key.len() <= 255));
        }
    }
}
