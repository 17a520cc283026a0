//! `leadwire deliveries`: what became of events on their way to webhooks, and another try for them.

use crate::clients::gateway::{Admin, Gateway, Method};
use crate::dlq::{Answer, moment};
use crate::output::{Format, Table, shortened, shown};
use anyhow::bail;
use chrono::{DateTime, SecondsFormat, Utc};
use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};
use std::fmt::Write as _;

/// The largest page that the gateway gives.
const PAGE: usize = 100;

/// Look after deliveries of webhooks, of every organisation. Goes through the gateway.
#[derive(Args, Debug)]
pub struct Deliveries {
    #[command(flatten)]
    admin: Admin,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List deliveries, the newest events first.
    Ls(Ls),
    /// Show one delivery: where it goes, how it stands and why, each request that was made, the trace.
    Show {
        /// The delivery's id, which receivers see as webhook-id: msg_…
        id: String,
        #[command(flatten)]
        format: Format,
    },
    /// Make deliveries due now, whatever became of them. Each keeps its id and gets all its tries again.
    ///
    /// Ends 1 when one of them could not be, and goes on with the others.
    Retry {
        #[arg(required = true)]
        ids: Vec<String>,
        #[command(flatten)]
        format: Format,
    },
    /// Make deliveries of a subscription due again in bulk, at the subscription's rate.
    ///
    /// The service goes on with it by itself. Ends 1 when one is under way already.
    Recover(Recover),
}

#[derive(Args, Debug)]
struct Ls {
    /// Of this organisation: its slug or id.
    #[arg(long)]
    organization: Option<String>,
    /// To this subscription.
    #[arg(long, value_name = "ID")]
    subscription: Option<String>,
    #[arg(long, value_enum)]
    status: Option<Status>,
    /// Of events of this type: lead.created.
    #[arg(long = "type", value_name = "TYPE")]
    kind: Option<String>,
    /// Dead letters that were given up for this reason.
    #[arg(long, value_enum)]
    reason: Option<Reason>,
    /// Of events of this moment or later: 2026-01-02T03:04:05Z, or 30m, 2h, 3d ago.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    since: Option<DateTime<Utc>>,
    /// Of events up to this moment.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    until: Option<DateTime<Utc>>,
    /// At most so many.
    #[arg(short = 'n', long, default_value = "50")]
    limit: usize,
    #[command(flatten)]
    format: Format,
}

#[derive(Args, Debug)]
struct Recover {
    /// The id of the subscription.
    #[arg(long, value_name = "ID")]
    subscription: String,
    /// Of events of this moment or later: 2026-01-02T03:04:05Z, or 30m, 2h, 3d ago.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    since: DateTime<Utc>,
    /// Of events up to this moment.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    until: Option<DateTime<Utc>>,
    /// What ended so; without it, both.
    #[arg(long, value_enum)]
    status: Vec<Ended>,
    /// Only events of this type: lead.created.
    #[arg(long = "type", value_name = "TYPE")]
    kind: Option<String>,
    /// Only dead letters that were given up for this reason.
    #[arg(long, value_enum)]
    reason: Option<Reason>,
    #[command(flatten)]
    format: Format,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
#[value(rename_all = "snake_case")]
enum Status {
    Pending,
    Delivered,
    DeadLetter,
    SkippedDisabled,
    Cancelled,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
#[value(rename_all = "snake_case")]
enum Ended {
    DeadLetter,
    SkippedDisabled,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Reason {
    /// All tries failed.
    Exhausted,
    /// The answer was one that is not tried again.
    Rejected,
    /// Its time was over.
    Expired,
}

/// Carries a command out.
///
/// # Errors
/// When the gateway does not answer, or refuses.
pub async fn deliveries(arguments: Deliveries) -> anyhow::Result<Answer> {
    let gateway = arguments.admin.gateway()?;
    match arguments.command {
        Command::Ls(wish) => ls(&gateway, wish).await.map(Answer::good),
        Command::Show { id, format } => {
            let (_, body) = gateway.call(Method::GET, &["admin", "deliveries", &id], &[], None).await?;
            Ok(Answer::good(format.answer(&body, || page(&body))))
        }
        Command::Retry { ids, format } => Ok(retry(&gateway, &ids, format).await),
        Command::Recover(wish) => recover(&gateway, wish).await.map(Answer::good),
    }
}

async fn ls(gateway: &Gateway, wish: Ls) -> anyhow::Result<String> {
    let organization = match &wish.organization {
        Some(name) => Some(gateway.organization(name).await?),
        None => None,
    };
    let limit = wish.limit.min(PAGE).to_string();
    let given = [
        ("organization", organization),
        ("subscription", wish.subscription),
        ("status", wish.status.and_then(word)),
        ("type", wish.kind),
        ("reason", wish.reason.and_then(word)),
        ("since", wish.since.map(|at| rfc3339(&at))),
        ("until", wish.until.map(|at| rfc3339(&at))),
        ("limit", Some(limit)),
    ];
    let mut query: Vec<_> = given.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
    let mut found = Vec::new();
    loop {
        let borrowed: Vec<_> = query.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let (_, mut body) = gateway.call(Method::GET, &["admin", "deliveries"], &borrowed, None).await?;
        if let Value::Array(page) = body["data"].take() {
            found.extend(page);
        }
        let Some(cursor) = body["nextCursor"].as_str().filter(|_| found.len() < wish.limit) else { break };
        query.retain(|(name, _)| *name != "cursor");
        query.push(("cursor", cursor.to_owned()));
    }
    found.truncate(wish.limit);
    let document = json!({"data": found});
    Ok(wish.format.answer(&document, || table(&found)))
}

/// Deliveries, a line each.
pub fn table(deliveries: &[Value]) -> String {
    let mut table = Table::new(["CREATED", "STATUS", "TRIES", "TYPE", "TO", "WHY", "ID"]);
    for one in deliveries {
        table.row([
            text(&one["createdAt"]).chars().take(19).collect(),
            text(&one["status"]).to_lowercase(),
            one["attemptCount"].to_string(),
            text(&one["eventType"]).to_owned(),
            or_dash(&one["url"]).to_owned(),
            shortened(&why(one), 60),
            text(&one["id"]).to_owned(),
        ]);
    }
    table.text("no deliveries")
}

/// Why a delivery is not delivered, in short.
fn why(one: &Value) -> String {
    let parts = [one["reason"].as_str(), one["error"].as_str()];
    let parts: Vec<_> = parts.into_iter().flatten().collect();
    if parts.is_empty() { "-".to_owned() } else { parts.join(": ") }
}

/// A delivery with its requests.
pub fn page(one: &Value) -> String {
    let mut page = String::new();
    let mut line = |name: &str, value: &str| {
        // Writing to a String cannot fail.
        writeln!(page, "{name:<14}{}", shown(value)).unwrap_or_default();
    };
    line("delivery", text(&one["id"]));
    line("event", &format!("{} {}", text(&one["eventType"]), text(&one["eventId"])));
    line("organisation", text(&one["organizationId"]));
    line("to", or_dash(&one["url"]));
    let (family, state) = (or_dash(&one["family"]), or_dash(&one["subscriptionStatus"]).to_lowercase());
    line("subscription", &format!("{} ({family}, {state})", text(&one["subscriptionId"])));
    line("status", &format!("{}, {}", text(&one["status"]).to_lowercase(), outlook(one)));
    if let Some(error) = one["error"].as_str() {
        line("last error", error);
    }
    line("trace", or_dash(&one["traceId"]));
    let attempts = one["attempts"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut table = Table::new(["ATTEMPT", "STARTED", "TOOK ms", "ANSWER", "ERROR"]);
    for attempt in attempts {
        let replay = attempt["replay"].as_i64().unwrap_or(0);
        let number = attempt["attempt"].to_string();
        table.row([
            if replay == 0 { number } else { format!("{number} of replay {replay}") },
            text(&attempt["startedAt"]).chars().take(23).collect(),
            attempt["durationMs"].to_string(),
            attempt["responseCode"].as_i64().map_or("-".to_owned(), |code| code.to_string()),
            shortened(or_dash(&attempt["error"]), 100),
        ]);
    }
    page.push('\n');
    page.push_str(&table.text("no request was made yet"));
    page
}

/// How a delivery goes on, or why it does not.
fn outlook(one: &Value) -> String {
    let tries = one["attemptCount"].as_i64().unwrap_or(0);
    match (text(&one["status"]), one["reason"].as_str()) {
        ("DELIVERED", _) => format!("at {} with try {tries}", text(&one["deliveredAt"])),
        ("DEAD_LETTER", Some("exhausted")) => {
            format!("given up at {} because all {tries} tries failed", end(one))
        }
        ("DEAD_LETTER", Some("rejected")) => {
            let code =
                one["responseCode"].as_i64().map_or("its answer".to_owned(), |code| format!("answer {code}"));
            format!("given up at {} because {code} is not tried again", end(one))
        }
        ("DEAD_LETTER", Some("expired")) => format!("given up at {} because its time was over", end(one)),
        ("SKIPPED_DISABLED", _) => "because its subscription is disabled: enable it, then recover".to_owned(),
        ("CANCELLED", _) => "because its subscription was deleted, or its message discarded".to_owned(),
        ("PENDING", _) if or_dash(&one["subscriptionStatus"]) == "PAUSED" => {
            "it waits because its subscription is paused".to_owned()
        }
        ("PENDING", _) => format!("the next try is due at {}", text(&one["scheduledFor"])),
        _ => format!("since {}", end(one)),
    }
}

fn end(one: &Value) -> &str {
    or_dash(&one["endedAt"])
}

async fn retry(gateway: &Gateway, ids: &[String], format: Format) -> Answer {
    let (mut data, mut lines, mut good) = (Vec::new(), String::new(), true);
    for id in ids {
        let path = ["admin", "deliveries", id, "retry"];
        let (entry, line) = match gateway.call(Method::POST, &path, &[], None).await {
            Ok((_, body)) => (json!({"id": id, "retried": true, "delivery": body}), "due now".to_owned()),
            Err(error) => {
                good = false;
                let error = format!("{error:#}");
                (json!({"id": id, "retried": false, "error": error}), error)
            }
        };
        data.push(entry);
        writeln!(lines, "{}: {}", shown(id), shown(&line)).unwrap_or_default();
    }
    Answer { text: format.answer(&json!({"data": data}), || lines), good }
}

async fn recover(gateway: &Gateway, wish: Recover) -> anyhow::Result<String> {
    if wish.until.is_some_and(|until| until < wish.since) {
        bail!("--until must not be before --since");
    }
    let status: Vec<_> = wish.status.iter().filter_map(|one| word(*one)).collect();
    let body = json!({
        "since": rfc3339(&wish.since),
        "until": wish.until.map(|at| rfc3339(&at)),
        "status": if status.is_empty() { Value::Null } else { json!(status) },
        "type": wish.kind,
        "reason": wish.reason.and_then(word),
    });
    let path = ["admin", "subscriptions", &wish.subscription, "recover"];
    let (_, begun) = gateway.call(Method::POST, &path, &[], Some(&body)).await?;
    Ok(wish.format.answer(&begun, || {
        let rest = if begun["done"] == true { "that is all" } else { "the service goes on with the rest" };
        format!("{} due again from {}; {rest}\n", begun["recovered"], text(&begun["since"]))
    }))
}

/// The word of a choice, as it is given.
fn word<C: ValueEnum + Copy>(choice: C) -> Option<String> {
    Some(choice.to_possible_value()?.get_name().to_owned())
}

pub fn rfc3339(at: &DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

pub fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

pub fn or_dash(value: &Value) -> &str {
    value.as_str().unwrap_or("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dead(reason: &str, code: Option<i64>) -> Value {
        json!({
            "id": "msg_1_2", "status": "DEAD_LETTER", "attemptCount": 8, "reason": reason, "responseCode": code,
            "endedAt": "2026-01-02T03:04:05Z", "error": "answered 500: no\u{1b}[2J", "eventType": "lead.created",
        })
    }

    #[test]
    fn why_a_delivery_is_dead_is_said_in_words() {
        let at = "given up at 2026-01-02T03:04:05Z because";
        assert_eq!(outlook(&dead("exhausted", Some(500))), format!("{at} all 8 tries failed"));
        assert_eq!(outlook(&dead("rejected", Some(404))), format!("{at} answer 404 is not tried again"));
        assert_eq!(outlook(&dead("expired", None)), format!("{at} its time was over"));
        let paused = json!({"status": "PENDING", "subscriptionStatus": "PAUSED"});
        assert_eq!(outlook(&paused), "it waits because its subscription is paused");
    }

    #[test]
    fn what_a_receiver_said_cannot_move_the_cursor() {
        let page = page(&dead("exhausted", Some(500)));
        assert!(page.contains("answered 500: no\u{fffd}[2J") && !page.contains('\u{1b}'), "{page}");
        assert!(!table(&[dead("exhausted", None)]).contains('\u{1b}'));
    }

    #[test]
    fn choices_are_given_in_the_words_of_the_api() {
        assert_eq!(word(Status::SkippedDisabled).as_deref(), Some("skipped_disabled"));
        assert_eq!(word(Reason::Exhausted).as_deref(), Some("exhausted"));
    }
}
