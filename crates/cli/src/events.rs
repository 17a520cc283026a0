//! `leadwire events`: where an event is, who got it, and what comes in.

use crate::clients::gateway::{Admin, Gateway, Method};
use crate::deliveries::{self, or_dash, rfc3339, text};
use crate::dlq::{Answer, moment};
use crate::output::{Format, shown};
use chrono::{DateTime, TimeDelta, Utc};
use clap::{Args, Subcommand};
use platform::clock::Clock;
use platform::ids::time_of;
use platform::lifecycle::Shutdown;
use serde_json::{Value, json};
use std::collections::HashSet;
use std::fmt::Write as _;
use std::io::Write as _;
use std::time::Duration;
use uuid::Uuid;

/// Between two looks.
const INTERVAL: Duration = Duration::from_secs(1);
/// Events come out of order: each look goes back so far behind the newest that was seen.
const OVERLAP: TimeDelta = TimeDelta::seconds(10);
/// Ids that are remembered as shown.
const REMEMBERED: usize = 100_000;
/// The largest page that the gateway gives.
const PAGE: &str = "100";

/// Follow events on their way, of every organisation. Goes through the gateway.
#[derive(Args, Debug)]
pub struct Events {
    #[command(flatten)]
    admin: Admin,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show where an event is: what is known of it, its trace, and every delivery with its state and its reason.
    ///
    /// Ends 1 when the dispatcher does not have it, and says what that may mean.
    Show {
        /// The event's id (evt_… or a UUID), or the webhook-id of one of its deliveries (msg_…).
        id: String,
        #[command(flatten)]
        format: Format,
    },
    /// Print new events as they are fanned out, a line each, until interrupted.
    ///
    /// Asks the gateway once a second. An event that comes to the dispatcher more than ten seconds later than newer
    /// ones, as after an outage, is not shown.
    Tail(Tail),
}

#[derive(Args, Debug)]
struct Tail {
    /// Of this organisation: its slug or id.
    #[arg(long)]
    organization: Option<String>,
    /// Of this type: lead.created.
    #[arg(long = "type", value_name = "TYPE")]
    kind: Option<String>,
    /// From this source: intake, crm, ingest, ingest:APP, lex, webhook.
    #[arg(long)]
    source: Option<String>,
    /// Begin with events of this moment: 2026-01-02T03:04:05Z, or 30m, 2h, 3d ago.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    since: Option<DateTime<Utc>>,
    /// End after so many.
    #[arg(short = 'n', long)]
    limit: Option<usize>,
    /// Print each event as a line of JSON.
    #[arg(long)]
    json: bool,
}

/// Carries a command out.
///
/// # Errors
/// When the gateway does not answer, or refuses.
pub async fn events(arguments: Events) -> anyhow::Result<Answer> {
    let gateway = arguments.admin.gateway()?;
    match arguments.command {
        Command::Show { id, format } => show(&gateway, &id, format).await,
        Command::Tail(wish) => tail(&gateway, wish).await.map(|()| Answer::good(String::new())),
    }
}

async fn show(gateway: &Gateway, id: &str, format: Format) -> anyhow::Result<Answer> {
    match gateway.call(Method::GET, &["admin", "events", id], &[], None).await {
        Ok((_, event)) => Ok(Answer::good(format.answer(&event, || page(&event)))),
        Err(error) if error.to_string().starts_with("the gateway answered 404") => {
            let guess = whereabouts(id, Clock::system().now());
            let document = json!({"id": id, "found": false, "whereabouts": guess});
            let people = || format!("the dispatcher does not have {}: {guess}\n", shown(id));
            Ok(Answer { text: format.answer(&document, people), good: false })
        }
        Err(error) => Err(error),
    }
}

/// What it may mean that the dispatcher does not have an event.
fn whereabouts(id: &str, now: DateTime<Utc>) -> String {
    let plain = id.strip_prefix("evt_").unwrap_or(id);
    let plain = plain.strip_prefix("msg_").and_then(|rest| rest.split('_').next()).unwrap_or(plain);
    let Ok(uuid) = Uuid::try_parse(plain) else {
        return "this is not the id of an event (evt_… or a UUID) or of a delivery (msg_…)".to_owned();
    };
    match time_of(uuid).map(|made| now - made) {
        None => "its id is not one that Leadwire makes (a UUID of version 7)".to_owned(),
        Some(age) if age > TimeDelta::days(35) => {
            "events are kept for 35 days, and its id is older".to_owned()
        }
        Some(age) if age < TimeDelta::minutes(1) => {
            "its id is from just now: it may be in the outbox of its service or in the queue \
             webhook-dispatcher.events; look again in a moment"
                .to_owned()
        }
        Some(_) => "nothing was accepted with this id, or it is held up: look at `leadwire dlq ls`, at \
             leadwire_outbox_oldest_age_seconds of its service, and at the queue webhook-dispatcher.events"
            .to_owned(),
    }
}

fn page(event: &Value) -> String {
    let mut page = String::new();
    let mut line = |name: &str, value: &str| {
        // Writing to a String cannot fail.
        writeln!(page, "{name:<14}{}", shown(value)).unwrap_or_default();
    };
    line("event", &format!("{} {}", text(&event["eventType"]), text(&event["id"])));
    line("from", text(&event["source"]));
    line("organisation", text(&event["organizationId"]));
    line("happened", text(&event["occurredAt"]));
    line("fanned out", text(&event["receivedAt"]));
    line("trace", or_dash(&event["traceId"]));
    let deliveries = event["deliveries"].as_array().map(Vec::as_slice).unwrap_or_default();
    line("where", &place(event, deliveries));
    page.push('\n');
    page.push_str(&deliveries::table(deliveries));
    page
}

/// Where an event is, in a sentence.
fn place(event: &Value, deliveries: &[Value]) -> String {
    if event["waitsForSubscription"] == true {
        let until = event["expiresAt"].as_str().map(|at| format!(" until {at}")).unwrap_or_default();
        return format!("it waits{until} for a subscription of its receiver");
    }
    if deliveries.is_empty() {
        return "no subscription wanted it".to_owned();
    }
    let states = ["DELIVERED", "PENDING", "DEAD_LETTER", "SKIPPED_DISABLED", "CANCELLED"];
    let counted = states.iter().filter_map(|state| {
        let count = deliveries.iter().filter(|one| one["status"] == **state).count();
        (count > 0).then(|| format!("{count} {}", state.to_lowercase().replace('_', " ")))
    });
    format!("of {} deliveries {}", deliveries.len(), counted.collect::<Vec<_>>().join(", "))
}

async fn tail(gateway: &Gateway, wish: Tail) -> anyhow::Result<()> {
    let organization = match &wish.organization {
        Some(name) => Some(gateway.organization(name).await?),
        None => None,
    };
    let fixed = [("organization", organization), ("type", wish.kind), ("source", wish.source)];
    let fixed: Vec<_> = fixed.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
    let mut newest = wish.since.unwrap_or_else(|| Clock::system().now());
    let mut from = newest;
    let mut seen = HashSet::new();
    let mut left = wish.limit.unwrap_or(usize::MAX);
    while left > 0 {
        let mut cursor: Option<String> = None;
        loop {
            let since = rfc3339(&from);
            let mut query = vec![("since", since.as_str()), ("limit", PAGE)];
            query.extend(fixed.iter().map(|(name, value)| (*name, value.as_str())));
            query.extend(cursor.as_deref().map(|cursor| ("cursor", cursor)));
            let (_, body) = gateway.call(Method::GET, &["admin", "events"], &query, None).await?;
            for event in body["data"].as_array().into_iter().flatten() {
                let id = text(&event["id"]);
                let made = Uuid::try_parse(id.trim_start_matches("evt_")).ok().and_then(time_of);
                newest = newest.max(made.unwrap_or(newest));
                if left > 0 && seen.insert(id.to_owned()) {
                    left -= 1;
                    print(event, wish.json)?;
                }
            }
            cursor = body["nextCursor"].as_str().map(str::to_owned);
            if cursor.is_none() || left == 0 {
                break;
            }
        }
        if seen.len() > REMEMBERED {
            seen.clear();
            from = newest + TimeDelta::milliseconds(1);
        } else {
            from = from.max(newest - OVERLAP);
        }
        if left > 0 {
            // An interrupt ends the program as it always does.
            Shutdown::new().sleep(INTERVAL).await;
        }
    }
    Ok(())
}

fn print(event: &Value, json: bool) -> std::io::Result<()> {
    let mut output = std::io::stdout().lock();
    if json {
        writeln!(output, "{event}")?;
    } else {
        let (at, kind) = (text(&event["occurredAt"]), text(&event["eventType"]));
        let (source, id) = (text(&event["source"]), text(&event["id"]));
        let line = format!("{at}  {source:<12}  {kind:<24}  {id}  trace {}", or_dash(&event["traceId"]));
        writeln!(output, "{}", shown(&line))?;
    }
    output.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_an_event_is_is_said_in_a_sentence() {
        let event = json!({});
        let of =
            |states: &[&str]| -> Vec<Value> { states.iter().map(|state| json!({"status": state})).collect() };
        assert_eq!(place(&event, &[]), "no subscription wanted it");
        let deliveries = of(&["DELIVERED", "DEAD_LETTER", "DELIVERED"]);
        assert_eq!(place(&event, &deliveries), "of 3 deliveries 2 delivered, 1 dead letter");
        let held = json!({"waitsForSubscription": true, "expiresAt": "2026-01-02T03:04:05Z"});
        assert_eq!(
            place(&held, &[]),
            "it waits until 2026-01-02T03:04:05Z for a subscription of its receiver"
        );
    }

    #[test]
    fn what_a_missing_event_may_mean_depends_on_its_id() {
        let made = "2026-01-02T03:04:05Z".parse().unwrap();
        let id = platform::ids::floor(made).to_string();
        // A boundary is no id: it has no version.
        assert!(whereabouts(&id, made).contains("version 7"));
        let id = "019b7d2a-1c08-7000-8000-000000000001";
        let made = time_of(Uuid::try_parse(id).unwrap()).unwrap();
        let after = |time| whereabouts(&format!("evt_{}", id.replace('-', "")), made + time);
        assert!(after(TimeDelta::seconds(5)).contains("outbox"));
        assert!(after(TimeDelta::hours(5)).contains("leadwire dlq ls"));
        assert!(after(TimeDelta::days(36)).contains("35 days"));
        assert!(whereabouts("7", made).contains("not the id"));
    }
}
