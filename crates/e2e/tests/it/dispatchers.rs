//! Two dispatchers, one of which is killed or knows less than the other.

use e2e::delivery::verified_as;
use e2e::partner::{Partner, lead, new_slug};
use e2e::system::System;
use futures_util::future::join_all;
use futures_util::{StreamExt, stream};
use reqwest::Method;
use serde_json::{Value, json};
use signing::Family;
use sqlx::{Connection, PgConnection};
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};
use testkit::receiver::{Received, Receiver, Reply};
use testkit::{eventually, eventually_within};

const DISPATCHER: contracts::Service = contracts::Service::WebhookDispatcher;
/// What the second replica of it is called.
const SECOND: &str = "webhook-dispatcher-2";
/// Deliveries of a subscription that a dispatcher has in hand at most, as its README says: on their way, or
/// answered and not written down yet.
pub const IN_HAND: usize = 64;
/// Within which the subscriptions of a dispatcher that died are another's.
const TAKEOVER: Duration = Duration::from_secs(10);
const PATIENCE: Duration = Duration::from_mins(1);

const LEADS: usize = 400;

const ORGANIZATIONS: usize = 20;
const SUBSCRIPTIONS_OF_EACH: usize = 50;

/// An organisation with what its programs call the platform with.
pub struct Company {
    url: String,
    admin: String,
    ingest: String,
    pub partner: Partner,
    pub receiver: Receiver,
}

impl Company {
    pub async fn sign_up(system: &System, name: &str) -> Self {
        let (url, admin) = (system.address("LEADWIRE_URL"), system.address("LEADWIRE_ADMIN_KEY"));
        let partner = Partner::sign_up(url, admin, &new_slug(name)).await;
        let (url, admin) = (url.to_owned(), admin.to_owned());
        let receiver = Receiver::start().await;
        let mut company = Self { url, admin, ingest: String::new(), partner, receiver };
        let key = json!({
            "clientId": company.partner.client_id, "name": "ingest", "surface": "ingest",
            "app": {"slug": "app", "name": "App"}, "rateLimitOverride": 100_000,
        });
        let key = company.administer(Method::POST, "/api-keys", key, 201).await;
        key["key"].as_str().unwrap().clone_into(&mut company.ingest);
        company
    }

    /// An answer of this status on the platform surface.
    pub async fn administer(&self, method: Method, path: &str, body: Value, expected: u16) -> Value {
        let request = testkit::http().request(method, format!("{}/api/v1{path}", self.url));
        let (status, answer) = testkit::answer(request.bearer_auth(&self.admin).json(&body)).await;
        assert_eq!(status, expected, "{path}: {answer}");
        answer
    }

    /// Where the webhooks of its client are.
    pub fn webhooks(&self) -> String {
        format!("/api-clients/{}/webhooks", self.partner.client_id)
    }

    /// Sends events of a type, so many at once.
    pub async fn ingest(&self, kind: &str, count: usize) {
        let event = |number| {
            json!({
                "eventType": kind, "category": "other", "actor": {"email": "ada@example.com"},
                "metadata": {"number": number},
            })
        };
        let body = json!({"events": (0..count).map(event).collect::<Vec<_>>()});
        let request = testkit::http().post(format!("{}/api/v1/ingest/events", self.url));
        let (status, answer) = testkit::answer(request.bearer_auth(&self.ingest).json(&body)).await;
        assert_eq!(status, 202, "{answer}");
    }
}

/// A connection as the database's superuser.
pub async fn database(system: &System) -> PgConnection {
    PgConnection::connect(system.address("DATABASE_URL")).await.unwrap()
}

/// The webhook ids of a company's deliveries that are not settled.
pub async fn pending(system: &System, company: &Company) -> BTreeSet<String> {
    let ids =
        "select 'msg_' || replace(event_id::text, '-', '') || '_' || replace(subscription_id::text, '-', '')
               from webhook_dispatcher.deliveries where state = 0 and organization_id = $1::uuid";
    let ids = sqlx::query_scalar(ids).bind(&company.partner.organization_id);
    let ids: Vec<String> = ids.fetch_all(&mut database(system).await).await.unwrap();
    ids.into_iter().collect()
}

/// Who delivers for which shard.
async fn owners(system: &System) -> BTreeMap<u8, String> {
    let owners = "select shard, owner::text from webhook_dispatcher.shard_leases where expires_at > now()";
    let owners: Vec<(i16, String)> =
        sqlx::query_as(owners).fetch_all(&mut database(system).await).await.unwrap();
    owners.into_iter().map(|(shard, owner)| (u8::try_from(shard).unwrap(), owner)).collect()
}

/// A system with two dispatchers, each of which owns half of the shards.
async fn two_dispatchers() -> System {
    let mut system = System::start(&[]);
    system.scale(DISPATCHER, 2);
    eventually_within(Duration::from_secs(30), "two halves", async || {
        let owners = owners(&system).await;
        let names: BTreeSet<_> = owners.values().collect();
        let half = |name| owners.values().filter(|owner| *owner == name).count() == 32;
        (names.len() == 2 && names.into_iter().all(half)).then_some(())
    })
    .await;
    system
}

fn webhook_id(received: &Received) -> String {
    received.header("webhook-id").unwrap().to_owned()
}

/// A subscription of the story, and who owned it when one of the dispatchers was killed.
struct Subscribed {
    path: String,
    secret: String,
    owner: String,
}

/// Subscribes until each dispatcher has two of them.
async fn two_for_each(system: &System, company: &Company) -> Vec<Subscribed> {
    let owners = owners(system).await;
    let names: BTreeSet<_> = owners.values().cloned().collect();
    let mut subscribed: Vec<Subscribed> = Vec::new();
    while names.iter().any(|name| subscribed.iter().filter(|one| one.owner == *name).count() < 2) {
        let path = format!("/{}", subscribed.len());
        let made = company.partner.subscribe(&company.receiver.url(&path), &["lead.created"]).await;
        let id: uuid::Uuid = made["id"].as_str().unwrap().parse().unwrap();
        let shard = u8::try_from(id.as_u128() % 64).unwrap();
        let secret = made["hmac_secret"].as_str().unwrap().to_owned();
        subscribed.push(Subscribed { path, secret, owner: owners[&shard].clone() });
    }
    subscribed
}

/// What came in, and when it was seen, a few milliseconds after it came.
#[derive(Default)]
struct Seen(Vec<(Instant, Received)>);

impl Seen {
    fn look(&mut self, receiver: &Receiver) {
        let now = Instant::now();
        self.0.extend(receiver.take().into_iter().map(|received| (now, received)));
    }

    /// The longest time without a delivery to a path, from a moment on.
    fn longest_pause(&self, path: &str, from: Instant) -> Duration {
        let times = self.0.iter().filter(|(_, received)| received.path == path).map(|(time, _)| *time);
        let times: Vec<_> = std::iter::once(from).chain(times.filter(|time| *time > from)).collect();
        times.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or_default()
    }
}

#[tokio::test]
async fn killing_one_of_two_dispatchers_under_load_loses_nothing_and_repeats_only_what_was_on_its_way() {
    let system = two_dispatchers().await;
    let company = Company::sign_up(&system, "dispatchers").await;
    company.receiver.always(Reply::After(Duration::from_millis(20), 200));
    let subscribed = two_for_each(&system, &company).await;

    let (mut seen, mut killed) = (Seen::default(), None);
    let load = stream::iter(0..LEADS)
        .map(async |_| company.partner.submit(&lead()).await["lead_id"].as_str().unwrap().to_owned())
        .buffer_unordered(4)
        .collect::<Vec<_>>();
    let everything = LEADS * subscribed.len();
    let watch = eventually_within(PATIENCE, "everything delivered", async || {
        seen.look(&company.receiver);
        if killed.is_none() && seen.0.len() > everything / 4 {
            system.signal_process(SECOND, "KILL");
            killed = Some((Instant::now(), pending(&system, &company).await, seen.0.len()));
        }
        let ids: BTreeSet<_> = seen.0.iter().map(|(_, received)| webhook_id(received)).collect();
        (ids.len() == everything).then_some(())
    });
    let (accepted, ()) = tokio::join!(load, watch);
    let (killed_at, open, before) = killed.unwrap();
    assert!(before < everything, "it was killed under load");

    // Every lead came to every subscription under one id, signed.
    let mut came: BTreeMap<String, usize> = BTreeMap::new();
    let mut ids: BTreeMap<(String, String), BTreeSet<String>> = BTreeMap::new();
    for (_, received) in &seen.0 {
        let to = subscribed.iter().find(|one| one.path == received.path).unwrap();
        let body = verified_as(Family::Partner, received, &to.secret).unwrap();
        let lead = body["data"]["lead_id"].as_str().unwrap().to_owned();
        ids.entry((lead, received.path.clone())).or_default().insert(webhook_id(received));
        *came.entry(webhook_id(received)).or_default() += 1;
    }
    let expected: BTreeSet<_> = accepted
        .iter()
        .flat_map(|lead| subscribed.iter().map(|one| (lead.clone(), one.path.clone())))
        .collect();
    assert_eq!(ids.keys().cloned().collect::<BTreeSet<_>>(), expected);
    assert!(ids.values().all(|ids| ids.len() == 1), "a delivery has one webhook id");

    // What came twice was in the hands of the one that died: nothing that was written down was sent again.
    let survivor: BTreeSet<_> = owners(&system).await.into_values().collect();
    assert_eq!(survivor.len(), 1);
    let again: BTreeSet<_> = came.iter().filter(|(_, times)| **times > 1).map(|(id, _)| id.clone()).collect();
    assert!(came.values().all(|times| *times <= 2), "nothing comes three times");
    assert!(again.is_subset(&open), "{again:?}");
    for one in &subscribed {
        let of_this = seen.0.iter().filter(|(_, received)| received.path == one.path);
        let repeated: BTreeSet<_> =
            of_this.map(|(_, received)| webhook_id(received)).filter(|id| again.contains(id)).collect();
        let pause = seen.longest_pause(&one.path, killed_at);
        if survivor.contains(&one.owner) {
            assert_eq!(repeated.len(), 0, "its dispatcher went on");
            assert!(pause < TAKEOVER / 4, "it waited {pause:?}, for another's death");
        } else {
            assert!(repeated.len() <= IN_HAND, "{} of {} came twice", repeated.len(), one.path);
            assert!(pause <= TAKEOVER, "taken over after {pause:?}");
        }
    }
    eventually("everything settled", async || pending(&system, &company).await.is_empty().then_some(()))
        .await;
}

#[tokio::test]
async fn an_event_right_after_a_subscription_s_201_reaches_it_whichever_replica_fans_it_out() {
    let system = two_dispatchers().await;
    let names: Vec<_> = (0..ORGANIZATIONS).map(|number| format!("fresh{number}")).collect();
    let companies = join_all(names.iter().map(|name| Company::sign_up(&system, name))).await;
    join_all(companies.iter().map(async |company| {
        for number in 1..=SUBSCRIPTIONS_OF_EACH {
            // The partner's family with its leads, the platform's with events of a type of their own.
            if number.is_multiple_of(2) {
                a_lead(company, number).await;
            } else {
                an_event(company, number).await;
            }
        }
    }))
    .await;
    for company in &companies {
        let received = company.receiver.received();
        let paths: Vec<_> = received.iter().map(|received| received.path.clone()).collect();
        let expected: Vec<_> = (1..=SUBSCRIPTIONS_OF_EACH).map(|number| format!("/{number}")).collect();
        assert_eq!(paths, expected, "each subscription got its one event");
    }
    // Both replicas took part, and neither was told of what the other one's caller had made.
    for replica in ["WEBHOOK_DISPATCHER_OPS_URL", "WEBHOOK_DISPATCHER_2_OPS_URL"] {
        let url = format!("{}/metrics", system.address(replica));
        let metrics = testkit::http().get(url).send().await.unwrap().text().await.unwrap();
        let figure = metrics.lines().find_map(|line| line.strip_prefix("leadwire_fan_out_events_total "));
        let fanned_out: usize = figure.unwrap().parse().unwrap();
        assert!(fanned_out > ORGANIZATIONS * SUBSCRIPTIONS_OF_EACH / 10, "{replica}: {fanned_out}");
    }
}

/// Later leads are not for this one.
async fn a_lead(company: &Company, number: usize) {
    let url = company.receiver.url(&format!("/{number}"));
    let subscription = company.partner.subscribe(&url, &["lead.created"]).await;
    company.partner.submit(&lead()).await;
    company.receiver.wait_for(number).await;
    let path = format!("/webhook-subscriptions/{}", subscription["id"].as_str().unwrap());
    assert_eq!(company.partner.send(Method::DELETE, &path, None).await.status(), 204);
}

async fn an_event(company: &Company, number: usize) {
    let (url, kind) = (company.receiver.url(&format!("/{number}")), format!("story.kind_{number}"));
    let body = json!({"url": url, "events": [kind]});
    company.administer(Method::POST, &company.webhooks(), body, 201).await;
    company.ingest(&kind, 1).await;
    company.receiver.wait_for(number).await;
}
