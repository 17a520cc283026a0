//! Dead deliveries of webhooks, through the gateway's admin routes.

use super::Connections;
use super::{Answer, By, Replay};
use crate::clients::gateway::{Gateway, Method};
use crate::deliveries::page;
use crate::output::{Format, shown};
use anyhow::{Context, ensure};
use chrono::{DateTime, TimeDelta, Utc};
use platform::clock::Clock;
use platform_broker::dead_letters::{Filter, Group, Groups};
use serde_json::{Value, json};

const DEAD: &str = "dead_letter";
/// Dead deliveries of one event that are shown; most likely they have the same reason.
const SHOWN: usize = 10;
/// As far back as deliveries are kept.
const KEPT: TimeDelta = TimeDelta::days(34);

/// How many there are, and their most frequent reason.
pub async fn overview(gateway: &Gateway) -> anyhow::Result<(Group, Option<String>)> {
    let (_, body) = gateway.call(Method::GET, &STATS, &[("by", "reason"), ("status", DEAD)], None).await?;
    let most = body["data"][0]["key"].as_str().map(str::to_owned);
    let whole = json!({"count": body["total"], "oldest": body["oldest"], "lastHour": body["lastHour"]});
    Ok((group(&whole), most))
}

const STATS: [&str; 3] = ["admin", "deliveries", "stats"];

/// Adds them to groups.
pub async fn stats(gateway: &Gateway, by: By, filter: &Filter, groups: &mut Groups) -> anyhow::Result<()> {
    if chosen(filter).next().is_some() {
        return Ok(());
    }
    let by = match by {
        By::Reason => "reason",
        By::Type => "type",
        By::Tenant => "tenant",
        By::Endpoint => "endpoint",
    };
    let filter = given(filter);
    let mut query = vec![("by", by), ("status", DEAD)];
    query.extend(filter.iter().map(|(name, value)| (*name, value.as_str())));
    let (_, body) = gateway.call(Method::GET, &STATS, &query, None).await?;
    for found in body["data"].as_array().into_iter().flatten() {
        let key = found["key"].as_str().unwrap_or("unknown");
        groups.insert(format!("(deliveries) {key}"), group(found));
    }
    Ok(())
}

/// A delivery with its attempts, or the dead ones of an event.
pub async fn show(gateway: &Gateway, id: &str, format: Format) -> anyhow::Result<Answer> {
    let found = if id.starts_with("msg_") {
        delivery(gateway, id).await.map(|one| vec![one])
    } else {
        dead_of(gateway, id).await
    };
    let found = match found {
        Ok(found) => found,
        Err(error) if is_nowhere(&error) => Vec::new(),
        Err(error) => return Err(error),
    };
    let people = || {
        if found.is_empty() {
            let id = shown(id);
            return format!(
                "no dead letter and no dead delivery has the id {id}; leadwire events show {id} looks further\n"
            );
        }
        found.iter().map(page).collect::<Vec<_>>().join("\n")
    };
    Ok(Answer { text: format.answer(&json!({"data": found}), people), good: !found.is_empty() })
}

fn is_nowhere(error: &anyhow::Error) -> bool {
    error.to_string().starts_with("the gateway answered 404")
}

async fn delivery(gateway: &Gateway, id: &str) -> anyhow::Result<Value> {
    let (_, one) = gateway.call(Method::GET, &["admin", "deliveries", id], &[], None).await?;
    Ok(one)
}

/// The first dead deliveries of an event.
async fn dead_of(gateway: &Gateway, event: &str) -> anyhow::Result<Vec<Value>> {
    let (_, event) = gateway.call(Method::GET, &["admin", "events", event], &[], None).await?;
    let deliveries = event["deliveries"].as_array().into_iter().flatten();
    let dead = deliveries.filter(|one| one["status"] == "DEAD_LETTER").filter_map(|one| one["id"].as_str());
    let mut found = Vec::new();
    for id in dead.take(SHOWN) {
        found.push(delivery(gateway, id).await?);
    }
    Ok(found)
}

/// Makes the dead deliveries of a subscription due again. The gateway notes it in the audit log.
pub async fn recover(
    connections: &Connections,
    subscription: &str,
    filter: &Filter,
    wish: Replay,
) -> anyhow::Result<Answer> {
    let gateway = connections.gateway()?;
    let ids: Vec<_> = chosen(filter).collect();
    check(&gateway, subscription, &ids).await?;
    if wish.dry_run {
        let count =
            if ids.is_empty() { dead(&gateway, subscription, filter).await? } else { json!(ids.len()) };
        let document = json!({"subscription": subscription, "wouldReplay": count});
        let people = || format!("would replay {count} delivery(ies) of {}\n", shown(subscription));
        return Ok(Answer::good(wish.format.answer(&document, people)));
    }
    if wish.resume {
        let document = json!({"subscription": subscription, "resumed": false});
        let people = || {
            "nothing to resume: the service itself goes on with a recovery, also after a crash\n".to_owned()
        };
        return Ok(Answer::good(wish.format.answer(&document, people)));
    }
    if !ids.is_empty() {
        return retry(&gateway, &ids, wish.format).await;
    }
    ensure!(filter.tenant.is_none(), "a subscription is of one organisation: leave --tenant out");
    let since = filter.since.unwrap_or_else(|| Clock::system().now() - KEPT);
    let body = json!({
        "since": since,
        "until": filter.until,
        "status": [DEAD],
        "type": filter.kind,
        "reason": filter.reason,
    });
    let path = ["admin", "subscriptions", subscription, "recover"];
    let (_, answer) = gateway.call(Method::POST, &path, &[], Some(&body)).await?;
    let people = || {
        format!(
            "the recovery of {} is under way: the service itself goes on with it, at the subscription's rate\n{answer:#}\n",
            shown(subscription)
        )
    };
    Ok(Answer::good(wish.format.answer(&answer, people)))
}

/// Refuses what was chosen one by one unless all of it is dead, and of the subscription.
async fn check(gateway: &Gateway, subscription: &str, ids: &[&str]) -> anyhow::Result<()> {
    let mut wrong = Vec::new();
    for id in ids {
        let text = |one: &Value, name: &str| shown(one[name].as_str().unwrap_or("unknown"));
        let why = match delivery(gateway, id).await {
            Ok(one) if !text(&one, "subscriptionId").eq_ignore_ascii_case(subscription) => {
                format!("is of subscription {}", text(&one, "subscriptionId"))
            }
            Ok(one) if one["status"] != "DEAD_LETTER" => {
                format!("is not dead but {}", text(&one, "status").to_lowercase())
            }
            Ok(_) => continue,
            Err(error) if is_nowhere(&error) => "is no delivery".to_owned(),
            Err(error) => return Err(error),
        };
        wrong.push(format!("{} {why}", shown(id)));
    }
    ensure!(wrong.is_empty(), "nothing is replayed: {}", wrong.join("; "));
    Ok(())
}

/// How many deliveries of a subscription are dead.
async fn dead(gateway: &Gateway, subscription: &str, filter: &Filter) -> anyhow::Result<Value> {
    let filter = given(filter);
    let mut query = vec![("by", "reason"), ("status", DEAD), ("subscription", subscription)];
    query.extend(filter.iter().map(|(name, value)| (*name, value.as_str())));
    let (_, mut body) = gateway.call(Method::GET, &STATS, &query, None).await?;
    Ok(body["total"].take())
}

/// Makes deliveries due again that were chosen one by one. The first that cannot be ends it.
async fn retry(gateway: &Gateway, ids: &[&str], format: Format) -> anyhow::Result<Answer> {
    let (mut answers, mut lines) = (Vec::new(), Vec::new());
    for id in ids {
        let path = ["admin", "deliveries", id, "retry"];
        let retried = gateway.call(Method::POST, &path, &[], None).await;
        let (_, answer) =
            retried.with_context(|| format!("{}the delivery {} is not", lines.concat(), shown(id)))?;
        lines.push(format!("the delivery {} is due again\n", shown(id)));
        answers.push(answer);
    }
    let document = if answers.len() == 1 { answers.remove(0) } else { json!({"data": answers}) };
    Ok(Answer::good(format.answer(&document, || lines.concat())))
}

/// The messages or deliveries that were chosen one by one.
fn chosen(filter: &Filter) -> impl Iterator<Item = &str> {
    filter.id.iter().chain(&filter.ids).map(String::as_str)
}

/// The parts of a filter that the routes know.
fn given(filter: &Filter) -> Vec<(&'static str, String)> {
    let moment = |at: &Option<DateTime<Utc>>| at.map(|at| at.to_rfc3339());
    let parts = [
        ("organization", filter.tenant.clone()),
        ("type", filter.kind.clone()),
        ("reason", filter.reason.clone()),
        ("since", moment(&filter.since)),
        ("until", moment(&filter.until)),
    ];
    parts.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}

fn group(found: &Value) -> Group {
    let at = |name: &str| Some(DateTime::parse_from_rfc3339(found[name].as_str()?).ok()?.to_utc());
    Group {
        count: found["count"].as_u64().unwrap_or_default(),
        oldest: at("oldest"),
        newest: at("newest"),
        last_hour: found["lastHour"].as_u64().unwrap_or_default(),
    }
}
