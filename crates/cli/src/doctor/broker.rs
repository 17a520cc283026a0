//! RabbitMQ: reachable, complete, without alarms, with somebody at every queue.

use super::Findings;
use crate::clients::ops;
use contracts::topology::{EVENTS_UNROUTED, WORK_QUEUES};
use platform_broker::dead_letters::{DeadLetters, Depth, replay_queue};
use platform_broker::{BrokerError, BrokerSettings, topology};
use secrecy::SecretString;

pub async fn look(url: &SecretString, management: Option<&SecretString>, findings: &mut Findings) {
    let settings = BrokerSettings::new(url.clone());
    match DeadLetters::connect(&settings, "leadwire doctor").await {
        Err(error) => findings.broken(
            "rabbitmq",
            format!("does not let us in: {error}"),
            "Writes are still accepted; their events wait in the outboxes. Check that it runs, the address, the \
             password, the virtual host.",
        ),
        Ok(letters) => {
            findings.good("rabbitmq", "reachable");
            if let Err(error) = look_inside(&settings, &letters, findings).await {
                findings.broken("rabbitmq", error.to_string(), "See the broker's log for the reason.");
            }
            letters.close_connection().await;
        }
    }
    match management {
        Some(management) => alarms(management, findings).await,
        None => findings.warn(
            "rabbitmq alarms",
            "not looked at",
            "Give --management-url (RABBITMQ_MANAGEMENT_URL): an alarm blocks every publisher.",
        ),
    }
}

async fn look_inside(
    settings: &BrokerSettings,
    letters: &DeadLetters,
    findings: &mut Findings,
) -> Result<(), BrokerError> {
    let differences = topology::compare(settings, topology::PLATFORM).await?;
    if differences.is_empty() {
        findings.good("rabbitmq topology", "complete");
    } else {
        let found = format!("{} difference(s): {}", differences.len(), differences.join("; "));
        findings.broken(
            "rabbitmq topology",
            found,
            "leadwire topology check names each and says what to do.",
        );
    }
    for queue in WORK_QUEUES {
        if let Some(Depth { messages, consumers }) = letters.depth(queue.name).await? {
            let what = format!("queue {}", queue.name);
            let found = format!("{messages} wait, {consumers} consumer(s)");
            if consumers == 0 {
                const ADVICE: &str = "Nobody works on it: is the service running, and is it ready?";
                findings.broken(&what, found, ADVICE);
            } else {
                const ADVICE: &str = "Its consumers do not keep up: look at their logs, add replicas.";
                findings.judge(&what, found, f64::from(messages), (10_000.0, 1_000_000.0), ADVICE);
            }
        }
        let dead = queue.dead_letter_queue();
        if let Some(Depth { messages: messages @ 1.., .. }) = letters.depth(&dead).await? {
            const ADVICE: &str =
                "leadwire dlq stats says why they died; dlq replay sends them back once that is mended.";
            findings.warn(&dead, format!("{messages} dead letter(s)"), ADVICE);
        }
        if let Some(Depth { messages: 1.., .. }) = letters.depth(&replay_queue(queue.name)).await? {
            const ADVICE: &str = "leadwire dlq replay --queue … --resume goes on with it.";
            findings.warn(&format!("replay of {}", queue.name), "was interrupted", ADVICE);
        }
    }
    if let Some(Depth { messages: messages @ 1.., .. }) = letters.depth(EVENTS_UNROUTED).await? {
        const ADVICE: &str = "No binding wanted these events: a newer service publishes them, or the topology is older \
            than it. Run leadwire topology apply, then look at them with leadwire dlq peek.";
        findings.warn(EVENTS_UNROUTED, format!("{messages} event(s)"), ADVICE);
    }
    Ok(())
}

async fn alarms(management: &SecretString, findings: &mut Findings) {
    match ops::management(management, "api/nodes").await {
        Err(error) => findings.warn(
            "rabbitmq alarms",
            format!("the management API does not answer: {error:#}"),
            "Check its address, user and password.",
        ),
        Ok(nodes) => {
            for node in nodes.as_array().into_iter().flatten() {
                let name = format!("rabbitmq node {}", node["name"].as_str().unwrap_or("?"));
                let on = |alarm: &str| node[alarm] == true;
                let free = node["disk_free"].as_f64().unwrap_or_default() / 1e9;
                if node["running"] != true {
                    findings.broken(
                        &name,
                        "is down",
                        "Start it again; two of three nodes keep every queue alive.",
                    );
                } else if on("mem_alarm") || on("disk_free_alarm") {
                    let which = if on("mem_alarm") { "memory" } else { "disk" };
                    findings.broken(
                        &name,
                        format!("has a {which} alarm"),
                        "It takes no messages until the alarm ends: make room, or let consumers catch up.",
                    );
                } else {
                    findings.good(&name, format!("no alarm, {free:.1} GB free"));
                }
            }
        }
    }
}
