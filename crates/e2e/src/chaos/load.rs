//! The load: writers of every surface that try each write until it is accepted, as a careful partner does. The
//! same correlation id, idempotency key or message id goes with every try, and a new token.

use super::ledger::{Entry, Ledger, Outcome, Write};
use super::world::World;
use super::{Progress, pause, writes};
use contracts::Surface;
use futures_util::future::join_all;
use reqwest::{Client, RequestBuilder};
use serde_json::Value;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Of a hundred writes, and how many writers make them.
const SHARES: [(Surface, usize, usize); 5] = [
    (Surface::Partner, 32, 8),
    (Surface::Ingest, 20, 4),
    (Surface::Crm, 26, 5),
    (Surface::Lex, 15, 4),
    (Surface::Platform, 7, 2),
];
/// How long a writer waits for an answer.
const TIMEOUT: Duration = Duration::from_secs(10);
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// How long a writer tries.
const PATIENCE: Duration = Duration::from_mins(5);
/// Whoever has written enough for now goes on at this pace, so that no moment is without load.
const TRICKLE: Duration = Duration::from_millis(500);

/// What the writers share.
pub struct Load<'w> {
    pub world: &'w World,
    pub ledger: &'w Ledger,
    pub gateways: Vec<String>,
    pub progress: Progress,
    /// Writes in all.
    pub writes: usize,
}

impl Load<'_> {
    /// Writes until enough was written and the faults are over.
    pub async fn run(&self) {
        let http = Client::builder().no_proxy().timeout(TIMEOUT).build().unwrap();
        let surfaces = SHARES.map(|(surface, share, writers)| {
            let (http, goal) = (&http, (self.writes * share).div_ceil(100));
            async move {
                let next = AtomicUsize::new(0);
                join_all((0..writers).map(|_| self.write(surface, goal, &next, http))).await;
            }
        });
        join_all(surfaces).await;
    }

    async fn write(&self, surface: Surface, goal: usize, next: &AtomicUsize, http: &Client) {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if !self.progress.turn(number, goal, TRICKLE).await {
                return;
            }
            let write = writes::next(surface, number, &self.world.tenants);
            let Some(answer) = self.submit(&write, http).await else { continue };
            if let Some(change) = writes::change(&write, number / 2, &answer) {
                next.fetch_add(1, Ordering::Relaxed);
                self.submit(&change, http).await;
            }
        }
    }

    /// Tries until the write is accepted; the answer.
    async fn submit(&self, write: &Write, http: &Client) -> Option<Value> {
        let mut tries = Tries { begun: Instant::now(), failing_since: None, count: 0 };
        let mut delay = FIRST_PAUSE;
        loop {
            let began = Instant::now();
            tries.count += 1;
            let answer = self.attempt(write, tries.count, http).await;
            if let ControlFlow::Break(answered) = self.note(write, &tries, began, answer) {
                return answered;
            }
            tries.failing_since.get_or_insert(began);
            pause(delay).await;
            delay = (delay * 2).min(LONGEST_PAUSE);
        }
    }

    /// Writes a try down; when it was the last one, what the write was answered.
    fn note(
        &self,
        write: &Write,
        tries: &Tries,
        began: Instant,
        answer: Option<Answer>,
    ) -> ControlFlow<Option<Value>> {
        let mut pages = self.ledger.pages();
        let served = pages.served(write.surface);
        served.attempts += 1;
        let mut body = None;
        let mut outcome = None;
        match answer {
            None => served.unanswered += 1,
            Some(answer) if (200..300).contains(&answer.status) => {
                served.accepted += 1;
                served.replayed += usize::from(answer.replayed);
                served.last_success_began = served.last_success_began.max(Some(began));
                let outage = tries.failing_since.map_or(Duration::ZERO, |since| since.elapsed());
                served.longest_outage = served.longest_outage.max(outage);
                body = Some(answer.body);
                outcome = Some(Outcome::Accepted);
            }
            Some(Answer { status, body, .. }) => {
                *served.failures.entry(status).or_default() += 1;
                if status < 500 && !matches!(status, 408 | 425 | 429) {
                    outcome = Some(Outcome::Refused(format!("{status}: {body}")));
                }
            }
        }
        if outcome.is_none() && tries.begun.elapsed() > PATIENCE {
            outcome = Some(Outcome::Unresolved);
        }
        let Some(outcome) = outcome else { return ControlFlow::Continue(()) };
        let (write, begun, attempts) = (write.clone(), tries.begun, tries.count);
        pages.entries.push(Entry { write, outcome, begun, attempts });
        ControlFlow::Break(body)
    }

    /// One try, at the next gateway; `None` when nothing is known of it.
    async fn attempt(&self, write: &Write, attempt: usize, http: &Client) -> Option<Answer> {
        let turn = write.marks[0].bytes().map(usize::from).sum::<usize>() + attempt;
        let gateway = &self.gateways[turn % self.gateways.len()];
        let request = http.request(write.method.clone(), format!("{gateway}{}", write.path));
        let request = self.signed(request.json(&write.body), write, gateway, http).await?;
        let request = match &write.key {
            Some(key) => request.header("idempotency-key", key),
            None => request,
        };
        let response = request.send().await.ok()?;
        let status = response.status().as_u16();
        let replayed = response.headers().contains_key("idempotent-replayed");
        let body: Value = response.json().await.ok()?;
        let replayed = replayed || body["idempotent"] == true;
        Some(Answer { status, replayed, body })
    }

    async fn signed(
        &self,
        request: RequestBuilder,
        write: &Write,
        gateway: &str,
        http: &Client,
    ) -> Option<RequestBuilder> {
        let tenant = &self.world.tenants[write.tenant];
        Some(match write.surface {
            Surface::Partner => request.bearer_auth(tenant.partner.token()),
            Surface::Ingest => request.bearer_auth(&tenant.ingest_key),
            Surface::Crm => request.bearer_auth(&tenant.crm_key),
            Surface::Lex => request.bearer_auth(tenant.access_token(http, gateway).await?),
            Surface::Platform => request.bearer_auth(&self.world.admin.key),
        })
    }
}

struct Tries {
    begun: Instant,
    /// When the first one began that failed.
    failing_since: Option<Instant>,
    count: usize,
}

struct Answer {
    status: u16,
    replayed: bool,
    body: Value,
}
