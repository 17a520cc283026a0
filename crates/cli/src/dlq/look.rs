//! Looking at dead letters. Every queue is afterwards as it was.

use super::broker::{LOOKING, busy, dead_letter_queue, queues};
use super::{Answer, By, Connections, deliveries};
use crate::audit::warn;
use crate::output::{Format, Table, age, shortened, shown};
use anyhow::{Context, ensure};
use chrono::{DateTime, Utc};
use contracts::topology::WORK_QUEUES;
use platform::clock::Clock;
use platform_broker::dead_letters::{
    DeadLetter, DeadLetters, Facts, Filter, Group, Groups, payload, plain, replay_queue,
};
use serde_json::{Value, json};
use std::fs::OpenOptions;
use std::io::{BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Characters of a reason in a table.
const REASON: usize = 70;

/// A line of `ls`.
#[derive(Debug)]
struct Line {
    name: String,
    depth: u64,
    found: Option<Group>,
    most: Option<String>,
    note: Option<String>,
}

pub async fn ls(connections: &Connections, format: Format, quick: bool) -> anyhow::Result<Answer> {
    let now = Clock::system().now();
    let letters = connections.broker().await?;
    let mut lines = Vec::new();
    for queue in queues() {
        lines.push(look_at(&letters, queue, quick, now).await?);
    }
    match connections.gateway_if_configured()? {
        Some(gateway) => match deliveries::overview(&gateway).await {
            Ok((group, most)) => lines.push(Line {
                name: "(deliveries)".to_owned(),
                depth: group.count,
                found: Some(group),
                most,
                note: None,
            }),
            Err(error) => warn(&format!("dead deliveries are not listed: {error:#}")),
        },
        None => warn("dead deliveries are not listed: give --url and --admin-key"),
    }
    letters.close_connection().await;
    let document: Vec<_> = lines
        .iter()
        .map(|line| {
            json!({
                "name": line.name,
                "depth": line.depth,
                "oldest": line.found.as_ref().and_then(|found| found.oldest),
                "lastHour": line.found.as_ref().map(|found| found.last_hour),
                "mostFrequent": line.most,
                "note": line.note,
            })
        })
        .collect();
    let people = || {
        let mut table = Table::new(["DEAD LETTERS OF", "DEPTH", "OLDEST", "LAST HOUR", "MOSTLY"]);
        for line in &lines {
            let hour =
                line.found.as_ref().map_or_else(|| "-".to_owned(), |found| format!("+{}", found.last_hour));
            let most = line.most.as_deref().map(|most| shortened(most, REASON));
            table.row([
                line.name.clone(),
                line.depth.to_string(),
                age(now, line.found.as_ref().and_then(|found| found.oldest)),
                hour,
                line.note.clone().or(most).unwrap_or_default(),
            ]);
        }
        table.text("there are no queues")
    };
    Ok(Answer::good(format.answer(&json!({"data": document}), people)))
}

async fn look_at(
    letters: &DeadLetters,
    queue: String,
    quick: bool,
    now: DateTime<Utc>,
) -> anyhow::Result<Line> {
    let mut line = Line { name: queue, depth: 0, found: None, most: None, note: None };
    let Some(depth) = letters.depth(&line.name).await? else {
        line.note = Some("missing: run leadwire topology apply".to_owned());
        return Ok(line);
    };
    line.depth = depth.messages.into();
    if let Some(work) = WORK_QUEUES.iter().find(|work| work.dead_letter_queue() == line.name) {
        let replaying = letters.depth(&replay_queue(work.name)).await?;
        if replaying.is_some_and(|replaying| replaying.messages > 0) {
            line.note =
                Some(format!("a replay was interrupted: leadwire dlq replay --queue {} --resume", work.name));
        }
    }
    if line.depth == 0 || quick {
        return Ok(line);
    }
    let (mut all, mut reasons) = (Group::default(), Groups::default());
    let looked = letters
        .each(&line.name, LOOKING, async |letter| {
            let facts = Facts::of(letter);
            all.add(facts.died, now);
            reasons.add(&facts.cause(), facts.died, now);
            anyhow::Ok(true)
        })
        .await?;
    if looked {
        line.depth = all.count;
        line.found = Some(all);
        line.most = reasons.sorted().into_iter().next().map(|(reason, _)| reason);
    } else {
        line.note = Some("in use by another leadwire command".to_owned());
    }
    Ok(line)
}

pub async fn stats(
    connections: &Connections,
    by: By,
    queue: Option<&str>,
    filter: &Filter,
    format: Format,
) -> anyhow::Result<Answer> {
    let now = Clock::system().now();
    let mut groups = Groups::default();
    if by != By::Endpoint {
        let letters = connections.broker().await?;
        let wanted = match queue {
            Some(queue) => vec![dead_letter_queue(queue)?],
            None => queues(),
        };
        for queue in wanted {
            if letters.depth(&queue).await?.is_none_or(|depth| depth.messages == 0) {
                continue;
            }
            let looked = letters
                .each(&queue, LOOKING, async |letter| {
                    let facts = Facts::of(letter);
                    if filter.wants(&facts) {
                        groups.add(&key(by, &facts), facts.died, now);
                    }
                    anyhow::Ok(true)
                })
                .await?;
            ensure!(looked, busy(&queue));
        }
        letters.close_connection().await;
    }
    if queue.is_none() {
        match connections.gateway_if_configured()? {
            Some(gateway) => deliveries::stats(&gateway, by, filter, &mut groups).await?,
            None if by == By::Endpoint => connections.gateway().map(drop)?,
            None => warn("dead deliveries are not counted: give --url and --admin-key"),
        }
    }
    let groups = groups.sorted();
    let total: u64 = groups.iter().map(|(_, group)| group.count).sum();
    let data: Vec<_> = groups
        .iter()
        .map(|(key, group)| {
            json!({"key": key, "count": group.count, "oldest": group.oldest, "newest": group.newest, "lastHour": group.last_hour})
        })
        .collect();
    let people = || {
        let head = match by {
            By::Reason => "REASON",
            By::Type => "TYPE",
            By::Tenant => "TENANT",
            By::Endpoint => "ENDPOINT",
        };
        let mut table = Table::new(["COUNT", "OLDEST", "NEWEST", head]);
        for (key, group) in &groups {
            table.row([
                group.count.to_string(),
                age(now, group.oldest),
                age(now, group.newest),
                shortened(key, 120),
            ]);
        }
        format!("{}{total} in all\n", table.text("no dead letters"))
    };
    Ok(Answer::good(
        format.answer(&json!({"by": format!("{by:?}").to_lowercase(), "data": data, "total": total}), people),
    ))
}

fn key(by: By, facts: &Facts) -> String {
    let known = match by {
        By::Reason => Some(facts.cause()),
        By::Type => facts.kind.clone(),
        By::Tenant => facts.tenant.clone(),
        By::Endpoint => None,
    };
    known.unwrap_or_else(|| "unknown".to_owned())
}

pub async fn peek(
    connections: &Connections,
    queue: &str,
    limit: usize,
    filter: &Filter,
    format: Format,
) -> anyhow::Result<Answer> {
    let queue = dead_letter_queue(queue)?;
    let letters = connections.broker().await?;
    let mut found = Vec::new();
    let looked = letters
        .each(&queue, LOOKING, async |letter| {
            let facts = Facts::of(letter);
            if found.len() < limit && filter.wants(&facts) {
                found.push(facts);
            }
            anyhow::Ok(found.len() < limit)
        })
        .await?;
    ensure!(looked, busy(&queue));
    letters.close_connection().await;
    let document: Vec<_> = found.iter().map(|facts| facts.document(&queue)).collect();
    let people = || {
        let now = Clock::system().now();
        let mut table = Table::new(["MESSAGE", "DIED", "TYPE", "TENANT", "TRIES", "REASON"]);
        let text = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
        for facts in &found {
            table.row([
                text(&facts.id),
                age(now, facts.died),
                facts.kind_and_size(),
                text(&facts.tenant),
                facts.attempts.map_or_else(|| "-".to_owned(), |attempts| attempts.to_string()),
                shortened(&facts.cause(), REASON),
            ]);
        }
        table.text("no dead letters")
    };
    Ok(Answer::good(format.answer(&json!({"data": document}), people)))
}

pub async fn show(
    connections: &Connections,
    id: &str,
    queue: Option<&str>,
    format: Format,
) -> anyhow::Result<Answer> {
    let wanted = match queue {
        Some(queue) => vec![dead_letter_queue(queue)?],
        None => queues(),
    };
    let letters = connections.broker().await?;
    let mut found = Vec::new();
    for queue in wanted {
        if letters.depth(&queue).await?.is_none_or(|depth| depth.messages == 0) {
            continue;
        }
        let looked = letters
            .each(&queue, LOOKING, async |letter| {
                let facts = Facts::of(letter);
                if facts.answers_to(id) {
                    found.push(document(letter, &facts, &queue));
                }
                anyhow::Ok(true)
            })
            .await?;
        if !looked {
            warn(&busy(&queue).to_string());
        }
    }
    letters.close_connection().await;
    if found.is_empty() {
        if let Some(gateway) = connections.gateway_if_configured()? {
            return deliveries::show(&gateway, id, format).await;
        }
        warn("dead deliveries are not looked at: give --url and --admin-key");
        let people = || format!("no dead letter of the broker has the id {}\n", shown(id));
        return Ok(Answer { text: format.answer(&json!({"data": []}), people), good: false });
    }
    let people = || found.iter().map(|letter| page(letter, id)).collect::<Vec<_>>().join("\n");
    Ok(Answer::good(format.answer(&json!({"data": found}), people)))
}

/// Everything that is known of a letter.
fn document(letter: &DeadLetter, facts: &Facts, queue: &str) -> Value {
    let mut document = facts.document(queue);
    document["firstQueue"] = json!(letter.first_queue());
    document["routingKey"] = json!(letter.routing_key());
    document["publisher"] = json!(letter.app_id());
    document["replayedBy"] = json!(letter.text("x-replayed-by"));
    document["headers"] = letter.headers();
    document["payload"] = payload(letter);
    document
}

/// A letter for people, who have asked for this id.
fn page(document: &Value, id: &str) -> String {
    let text = |name: &str| document[name].as_str().map_or_else(|| document[name].to_string(), str::to_owned);
    let known = [
        ("message", "messageId"),
        ("queue", "queue"),
        ("type", "type"),
        ("tenant", "tenant"),
        ("published", "publishedAt"),
        ("publisher", "publisher"),
        ("died", "deadLetteredAt"),
        ("reason", "reason"),
        ("error", "error"),
        ("attempts", "attempts"),
        ("trace id", "traceId"),
        ("replayed by", "replayedBy"),
    ];
    let known = known.into_iter().filter(|(_, name)| !document[*name].is_null());
    let mut lines: Vec<_> =
        known.map(|(label, name)| format!("{label:<12} {}\n", shown(&text(name)))).collect();
    lines.extend(events(document, id));
    lines.push("payload\n".to_owned());
    lines.extend(format!("{:#}", document["payload"]).lines().map(|line| shown(line) + "\n"));
    lines.concat()
}

/// The events of a letter that carries several, with a mark at the one that was asked for.
fn events(document: &Value, id: &str) -> Option<String> {
    let events = document["events"].as_array().filter(|events| events.len() > 1)?;
    let mut table = Table::new(["EVENT", "", "TYPE", "TRACE ID"]);
    let text = |event: &Value, name: &str| event[name].as_str().unwrap_or("-").to_owned();
    for event in events {
        let is_asked_for = event["id"] == plain(id).as_str();
        let mark = if is_asked_for { "<" } else { "" };
        table.row([text(event, "id"), mark.to_owned(), text(event, "type"), text(event, "traceId")]);
    }
    Some(format!("{} events, which die and are replayed together\n{}", events.len(), table.text("")))
}

pub async fn export(
    connections: &Connections,
    queue: &str,
    filter: &Filter,
    output: Option<&Path>,
) -> anyhow::Result<Answer> {
    let queue = dead_letter_queue(queue)?;
    let letters = connections.broker().await?;
    let mut writer: Box<dyn Write> = match output {
        Some(path) => {
            let mut options = OpenOptions::new();
            let file = options.write(true).create(true).truncate(true).mode(0o600).open(path);
            Box::new(BufWriter::new(file.with_context(|| format!("{} cannot be written", path.display()))?))
        }
        None => Box::new(BufWriter::new(std::io::stdout())),
    };
    let mut count = 0_u64;
    let looked = letters
        .each(&queue, LOOKING, async |letter| {
            let facts = Facts::of(letter);
            if filter.wants(&facts) {
                serde_json::to_writer(&mut writer, &document(letter, &facts, &queue))?;
                writer.write_all(b"\n")?;
                count += 1;
            }
            anyhow::Ok(true)
        })
        .await?;
    ensure!(looked, busy(&queue));
    writer.flush()?;
    letters.close_connection().await;
    let text = output.map(|path| format!("{count} dead letter(s) written to {}\n", path.display()));
    Ok(Answer::good(text.unwrap_or_default()))
}
