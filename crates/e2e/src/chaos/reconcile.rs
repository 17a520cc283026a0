//! The reckoning: accepted = stored = published = delivered to each subscription that wants it, and nothing twice.

use super::books::Subscription;
use super::ledger::{Effect, Entry, Ledger, Outcome};
use super::pause;
use super::stored::{Marks, stored};
use super::world::World;
use crate::system::System;
use contracts::{Service, Surface, topology};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

const POLL: Duration = Duration::from_millis(500);
/// How long what was accepted may take to be delivered after the last fault, and for each write.
const SETTLING: Duration = Duration::from_mins(1);
const SETTLING_PER_WRITE: Duration = Duration::from_millis(20);

/// How the rest was worked off.
#[derive(Clone, Debug)]
pub struct Rest {
    pub took: Duration,
    /// What was left when the time was over.
    pub left: Option<String>,
}

/// How one subscription was served.
#[derive(Clone, Debug)]
pub struct Delivered {
    pub name: String,
    pub expected: usize,
    pub delivered: usize,
    /// Requests that told of something again, under the same `webhook-id`.
    pub duplicates: usize,
}

/// What the reckoning found.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// By what was written: accepted, and stored of those.
    pub writes: BTreeMap<&'static str, (usize, usize)>,
    /// By the type of event: what must be published, and what the dispatcher has got.
    pub published: BTreeMap<String, (usize, usize)>,
    pub deliveries: Vec<Delivered>,
    pub lost: Vec<String>,
    /// Effects that came twice, and the same one under two ids.
    pub unexplained: Vec<String>,
    /// Writes that were right and were refused, or never accepted.
    pub refused: Vec<String>,
    /// Told of without having been written, or to the wrong subscription.
    pub strays: Vec<String>,
    /// Signatures that do not verify.
    pub unusable: Vec<String>,
    /// Dead letters, and whatever else did not come to its end.
    pub unfinished: Vec<String>,
}

impl Found {
    pub fn duplicates(&self) -> usize {
        self.deliveries.iter().map(|one| one.duplicates).sum()
    }

    pub fn is_whole(&self) -> bool {
        [&self.lost, &self.unexplained, &self.refused, &self.strays, &self.unusable, &self.unfinished]
            .iter()
            .all(|list| list.is_empty())
    }
}

/// Waits until every outbox is empty, every delivery has ended and every lead is completed.
pub async fn settled(system: &System, world: &World, writes: usize) -> Rest {
    let started = Instant::now();
    let limit = SETTLING + SETTLING_PER_WRITE * u32::try_from(writes).unwrap();
    loop {
        let left = open(system, world).await;
        let left = match left {
            Ok(left) if left.is_empty() => return Rest { took: started.elapsed(), left: None },
            Ok(left) => left,
            Err(error) => error.to_string(),
        };
        if started.elapsed() > limit {
            return Rest { took: started.elapsed(), left: Some(left) };
        }
        pause(POLL).await;
    }
}

/// What is on its way, in words; empty when nothing is.
async fn open(system: &System, world: &World) -> sqlx::Result<String> {
    let mut connection = PgConnection::connect(system.address("DATABASE_URL")).await?;
    let organizations = world.organizations();
    let mut queries: Vec<(String, String)> = Service::ALL
        .into_iter()
        .map(|service| {
            let schema = service.schema();
            let query = format!("select count(*) from {schema}.outbox where $1::text[] is not null");
            (format!("events in the outbox of {}", service.name()), query)
        })
        .collect();
    let of_ours = "= any($1::text[]::uuid[])";
    queries.push((
        "pending deliveries".to_owned(),
        format!(
            "select count(*) from webhook_dispatcher.deliveries where state = 0 and organization_id {of_ours}"
        ),
    ));
    queries.push((
        "leads on their way".to_owned(),
        format!(
            "select count(*) from lead_intake.leads where status <> 'completed' and organization_id {of_ours}"
        ),
    ));
    let mut left = Vec::new();
    for (what, query) in queries {
        let count: i64 =
            sqlx::query_scalar(AssertSqlSafe(query)).bind(&organizations).fetch_one(&mut connection).await?;
        if count > 0 {
            left.push(format!("{count} {what}"));
        }
    }
    Ok(left.join(", "))
}

/// Compares the ledger with what is stored, published and delivered.
pub async fn reconcile(system: &System, world: &World, ledger: &Ledger) -> Found {
    let entries = std::mem::take(&mut ledger.pages().entries);
    let mut found = Found::default();
    let messages: Vec<_> = entries
        .iter()
        .filter(|entry| entry.write.surface == Surface::Lex)
        .map(|entry| (entry.write.tenant, entry.write.marks[0].clone()))
        .collect();
    let marks = stored(world, &messages, &mut found.unfinished).await;
    compare_stored(&mut found, &entries, &marks);
    compare_published(&mut found, system, world, &entries).await;
    for subscription in world.subscriptions() {
        compare_delivered(&mut found, &subscription, &entries);
    }
    dead_letters(&mut found, system, world).await;
    found
}

fn compare_stored(found: &mut Found, entries: &[Entry], marks: &Marks) {
    for Entry { write, outcome, attempts, .. } in entries {
        let what = write.what;
        let tally = found.writes.entry(what).or_default();
        match outcome {
            Outcome::Accepted => tally.0 += 1,
            Outcome::Refused(why) => found.refused.push(format!("{what} {}: {why}", write.marks[0])),
            Outcome::Unresolved => {
                found.refused.push(format!("{what} {}: not accepted in {attempts} tries", write.marks[0]));
            }
        }
        let counts: Vec<_> = write.marks.iter().map(|mark| marks.get(mark).copied().unwrap_or(0)).collect();
        if counts.iter().any(|&count| count > 1) {
            found.unexplained.push(format!("{what} {} is stored {counts:?} times", write.marks[0]));
        }
        if *outcome == Outcome::Accepted {
            if counts.contains(&0) {
                found.lost.push(format!("{what} {} is not stored ({attempts} tries)", write.marks[0]));
            } else {
                tally.1 += 1;
            }
        }
    }
}

/// What must be told of.
fn effects(entries: &[Entry]) -> impl Iterator<Item = &Effect> {
    let accepted = entries.iter().filter(|entry| entry.outcome == Outcome::Accepted);
    accepted.flat_map(|entry| &entry.write.effects)
}

async fn compare_published(found: &mut Found, system: &System, world: &World, entries: &[Entry]) {
    for effect in effects(entries) {
        found.published.entry(effect.kind.clone()).or_default().0 += 1;
    }
    let mut connection = PgConnection::connect(system.address("DATABASE_URL")).await.unwrap();
    let query = "select case when source = '/leadwire/lex-router' then 'lex' else kind end as what, count(*)
                 from webhook_dispatcher.events where organization_id = any($1::text[]::uuid[]) group by 1";
    let rows: Vec<(String, i64)> =
        sqlx::query_as(query).bind(world.organizations()).fetch_all(&mut connection).await.unwrap();
    for (kind, count) in rows {
        if let Some(tally) = found.published.get_mut(&kind) {
            tally.1 = usize::try_from(count).unwrap();
        }
    }
    for (kind, (expected, got)) in &found.published {
        if got < expected {
            found.lost.push(format!("{kind}: {got} of {expected} events were published"));
        } else if got > expected {
            found.unexplained.push(format!("{kind}: {got} events were published of {expected} writes"));
        }
    }
}

fn compare_delivered(found: &mut Found, subscription: &Subscription, entries: &[Entry]) {
    let name = subscription.name();
    let book = subscription.book();
    // What may come, and what must.
    let (mut wanted, mut expected, mut delivered) = (BTreeSet::new(), 0, 0);
    for entry in entries.iter().filter(|entry| entry.outcome == Outcome::Accepted) {
        let must = subscription.was_there(entry.begun);
        for effect in entry.write.effects.iter().filter(|effect| subscription.wants(effect)) {
            let told = effect.told_as();
            expected += usize::from(must);
            if book.told.contains_key(&told) {
                delivered += usize::from(must);
            } else if must {
                found.lost.push(format!("{told} did not come to {name}"));
            }
            wanted.insert(told);
        }
    }
    let mut duplicates = 0;
    for (told, ids) in &book.told {
        let different: BTreeSet<_> = ids.iter().collect();
        if different.len() > 1 {
            found.unexplained.push(format!("{told} came to {name} as {different:?}"));
        }
        duplicates += ids.len() - different.len();
        // Who is new among the workers the writers do not know.
        if !wanted.contains(told) && !told.starts_with("worker.created ") {
            found.strays.push(format!("{told} came to {name}"));
        }
    }
    found.unusable.extend(book.unusable.iter().map(|why| format!("{name}: {why}")));
    found.deliveries.push(Delivered { name, expected, delivered, duplicates });
}

async fn dead_letters(found: &mut Found, system: &System, world: &World) {
    for queue in topology::WORK_QUEUES {
        let mut queues = vec![queue.dead_letter_queue()];
        queues.extend(topology::RETRY_STEPS.map(|(step, _)| queue.retry_queue(step)));
        for queue in queues {
            let depth = system.depth(&queue).await;
            if depth > 0 {
                found.unfinished.push(format!("{depth} messages in {queue}"));
            }
        }
    }
    let depth = system.depth(topology::EVENTS_UNROUTED).await;
    if depth > 0 {
        found.unfinished.push(format!("{depth} messages in {}", topology::EVENTS_UNROUTED));
    }
    let mut connection = PgConnection::connect(system.address("DATABASE_URL")).await.unwrap();
    let query = "select coalesce(last_error, 'no reason'), count(*) from webhook_dispatcher.deliveries
                 where state <> 1 and organization_id = any($1::text[]::uuid[]) group by 1";
    let rows: Vec<(String, i64)> =
        sqlx::query_as(query).bind(world.organizations()).fetch_all(&mut connection).await.unwrap();
    for (why, count) in rows {
        found.unfinished.push(format!("{count} deliveries that were not made: {why}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chaos::books::Wish;
    use crate::chaos::ledger::{Audience, Write};
    use reqwest::Method;
    use serde_json::Value;
    use signing::Family;
    use testkit::receiver::Receiver;

    fn entry(mark: &str, outcome: Outcome) -> Entry {
        let write = Write {
            surface: Surface::Partner,
            tenant: 0,
            what: "partner lead",
            method: Method::POST,
            path: String::new(),
            body: Value::Null,
            key: None,
            marks: vec![mark.to_owned()],
            effects: vec![Effect::new(Audience::Leads(0), "lead.created", mark)],
        };
        Entry { write, outcome, begun: Instant::now(), attempts: 1 }
    }

    async fn subscription(told: &[(&str, &[&str])]) -> Subscription {
        let receiver = Receiver::start().await;
        let wish = Wish::new(0, "lead.*");
        let subscription = Subscription::new(Family::Partner, wish, "whsec_".to_owned(), receiver, "/");
        for (what, ids) in told {
            let ids = ids.iter().map(|&id| id.to_owned()).collect();
            subscription.book().told.insert(format!("lead.created {what}"), ids);
        }
        subscription
    }

    #[test]
    fn what_is_not_stored_is_lost_and_what_is_stored_twice_is_unexplained() {
        let entries = ["kept", "lost", "twice"].map(|mark| entry(mark, Outcome::Accepted));
        let marks = Marks::from([("kept".to_owned(), 1), ("twice".to_owned(), 2)]);
        let mut found = Found::default();
        compare_stored(&mut found, &entries, &marks);
        assert_eq!(found.lost, ["partner lead lost is not stored (1 tries)"]);
        assert_eq!(found.unexplained, ["partner lead twice is stored [2] times"]);
        assert_eq!(found.writes["partner lead"], (3, 2));
    }

    #[test]
    fn a_write_that_was_refused_may_be_missing_and_is_reported() {
        let entries = [entry("a", Outcome::Refused("422".to_owned())), entry("b", Outcome::Unresolved)];
        let mut found = Found::default();
        compare_stored(&mut found, &entries, &Marks::new());
        assert!(found.lost.is_empty() && !found.is_whole());
        assert_eq!(found.refused.len(), 2);
    }

    #[tokio::test]
    async fn deliveries_are_lost_repeated_doubled_and_stray() {
        let entries = ["once", "again", "doubled", "lost"].map(|mark| entry(mark, Outcome::Accepted));
        let told: &[(&str, &[&str])] = &[
            ("once", &["msg_1"]),
            ("again", &["msg_2", "msg_2", "msg_2"]),
            ("doubled", &["msg_3", "msg_4"]),
            ("nobody's", &["msg_5"]),
        ];
        let mut found = Found::default();
        compare_delivered(&mut found, &subscription(told).await, &entries);
        assert_eq!(found.lost, ["lead.created lost did not come to partner lead.* of organisation 0"]);
        assert!(found.unexplained[0].starts_with("lead.created doubled"), "{:?}", found.unexplained);
        assert!(found.strays[0].starts_with("lead.created nobody's"), "{:?}", found.strays);
        let Delivered { expected, delivered, duplicates, .. } = found.deliveries[0];
        assert_eq!((expected, delivered, duplicates), (4, 3, 2));
    }

    #[tokio::test]
    async fn whoever_subscribes_late_must_get_what_is_written_later() {
        let before = entry("before", Outcome::Accepted);
        let late = subscription(&[]).await.late();
        let entries = [before, entry("after", Outcome::Accepted)];
        let mut found = Found::default();
        compare_delivered(&mut found, &late, &entries);
        assert_eq!(found.lost.len(), 1);
        assert!(found.lost[0].starts_with("lead.created after"), "{:?}", found.lost);
    }
}
