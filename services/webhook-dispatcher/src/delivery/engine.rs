//! The task that decides everything about deliveries. It never waits for one thing alone: requests and
//! queries run beside it as pieces of work and report back, and each report leads to the next step.

use super::lease::{Leases, Renewed};
use super::scheduler::{Limits, Scheduler};
use super::sender::{self, Attempted};
use super::settings::DeliverySettings;
use super::settle::{self, Unsettled};
use super::survey::{self, survey};
use super::window::Due;
use crate::domain::delivery::{DeliveryKey, DeliveryState};
use crate::domain::shard::Shards;
use crate::domain::subscription::SubscriptionState;
use crate::state::State;
use crate::store::settlements::Settlement;
use crate::store::{deliveries, events};
use crate::usecases::end_pending::end_pending;
use chrono::{DateTime, Utc};
use contracts::ids::{EventId, SubscriptionId};
use platform::lifecycle::Shutdown;
use platform_pg::StoreError;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::Instant;
use uuid::Uuid;

/// After a query failed, before the next one of its kind.
const REST: Duration = Duration::from_millis(250);
/// The most subscriptions that one poll asks for; the next one goes on behind them.
const POLLED: usize = 512;

/// What a piece of work reports.
#[derive(Debug)]
enum Report {
    Attempted(Box<Attempted>),
    Refilled(Vec<(SubscriptionId, usize)>, Result<Vec<Due>, StoreError>),
    Ended(Vec<SubscriptionId>, Result<usize, StoreError>),
    Settled(Vec<Settlement>, Result<Vec<DeliveryKey>, StoreError>),
    Looked(Result<Vec<(SubscriptionId, DateTime<Utc>)>, StoreError>),
    Renewed(Result<Renewed, StoreError>),
    Surveyed,
}

/// Delivers what is due for the shards that this replica owns.
#[derive(Debug)]
pub struct Engine {
    state: State,
    settings: DeliverySettings,
    scheduler: Scheduler,
    leases: Leases,
    unsettled: Unsettled,
    work: JoinSet<Report>,
    /// Being disabled; nothing more is sent until the snapshot knows it.
    gone: HashSet<SubscriptionId>,
    /// Shards to be looked through as a whole.
    look_through: Shards,
    cursor: Option<SubscriptionId>,
    looking: bool,
    renewing: bool,
    poll_at: Instant,
    survey_at: Instant,
    rest_until: Instant,
    stopping: bool,
}

impl Engine {
    /// An engine that owns nothing yet.
    pub fn new(state: State, settings: DeliverySettings) -> Self {
        let replica = state.ids.at(state.clock.now());
        let now = Instant::now();
        let limits = Limits {
            in_flight: settings.max_in_flight,
            in_flight_per_subscription: settings.max_in_flight_per_subscription,
        };
        Self {
            leases: Leases::new(replica, settings.lease_ttl, settings.lease_renewal),
            scheduler: Scheduler::new(limits),
            unsettled: Unsettled::default(),
            work: JoinSet::new(),
            gone: HashSet::new(),
            look_through: Shards::NONE,
            cursor: None,
            looking: false,
            renewing: false,
            poll_at: now,
            survey_at: now,
            rest_until: now,
            stopping: false,
            state,
            settings,
        }
    }

    /// Delivers until the shutdown begins, then finishes the requests in flight, settles them and gives its
    /// shards back.
    pub async fn run(mut self, shutdown: Shutdown) {
        let mut give_up_at = None;
        loop {
            if shutdown.has_begun() && !self.stopping {
                self.stopping = true;
                self.leases.stop();
                give_up_at = Some(Instant::now() + self.settings.response_budget);
            }
            self.tend();
            self.step(false);
            if self.stopping && (self.is_done() || give_up_at.is_some_and(|at| at <= Instant::now())) {
                return;
            }
            let next = self.next_moment(give_up_at);
            let wake = self.state.wake.clone();
            tokio::select! {
                Some(report) = self.work.join_next() => self.take(report),
                () = wake.woken(), if !self.stopping => {}
                () = shutdown.begun(), if !self.stopping => {}
                () = tokio::time::sleep_until(next) => {}
            }
        }
    }

    /// Renews the leases, then delivers everything that is due by the clock and settles it. For tests, which
    /// move the clock themselves; [`Engine::run`] does the same for ever.
    pub async fn run_until_idle(&mut self) {
        self.renew();
        self.take_all().await;
        self.look_through = self.leases.usable();
        self.look();
        self.take_all().await;
        self.step(true);
        while let Some(report) = self.work.join_next().await {
            self.take(report);
            self.step(true);
        }
    }

    async fn take_all(&mut self) {
        while let Some(report) = self.work.join_next().await {
            self.take(report);
        }
    }

    fn is_done(&self) -> bool {
        self.scheduler.in_flight() == 0 && self.unsettled.is_empty() && self.leases.has_left()
    }

    /// Leases and polls, when it is time.
    fn tend(&mut self) {
        let now = Instant::now();
        let rested = now >= self.rest_until;
        if !self.renewing {
            let heard = self.state.wake.take_leases();
            let drained = rested && self.leases.drained(|| self.scheduler.busy());
            if heard || drained || now >= self.leases.renew_at {
                self.renew();
            }
        }
        self.look_through = self.look_through.union(self.state.wake.take_shards());
        let due = now >= self.poll_at || !self.look_through.is_empty();
        if due && rested && !self.looking && !self.stopping {
            self.poll_at = now + self.settings.poll_interval;
            self.look();
        }
        if now >= self.survey_at && rested && !self.stopping {
            self.survey_at = now + survey::INTERVAL;
            let served = self.scheduler.served(self.state.clock.now()).collect();
            let surveying = survey(self.state.clone(), served, self.scheduler.in_flight());
            self.work.spawn(async move {
                surveying.await;
                Report::Surveyed
            });
        }
    }

    /// Starts whatever can be started now.
    fn step(&mut self, eager: bool) {
        for id in self.state.wake.take_due() {
            self.scheduler.mark(id);
        }
        for made in self.state.wake.take_made() {
            let now = (self.state.clock.now(), Instant::now().into_std());
            self.scheduler.offer(made.due, made.since, now);
        }
        if !self.stopping {
            self.scheduler.ripen(self.state.clock.now());
            if eager || Instant::now() >= self.rest_until {
                self.refill();
            }
            self.start_requests();
        }
        while let Some(batch) = self.unsettled.next_batch(eager) {
            let state = self.state.clone();
            self.work.spawn(async move {
                let result = settle::write(&state, &batch).await;
                Report::Settled(batch, result)
            });
        }
    }

    fn start_requests(&mut self) {
        let snapshot = self.state.subscriptions.current();
        let (leases, gone) = (&self.leases, &self.gone);
        let subscription = |id| snapshot.get(id).filter(|one| one.state == SubscriptionState::Active);
        let rate = |id| {
            let may_start = leases.may_start(id) && !gone.contains(&id);
            subscription(id).filter(|_| may_start).map(|one| one.rate_limit)
        };
        let now = self.state.clock.now();
        while let Some(due) = self.scheduler.start(now, rate) {
            let Some(subscription) = subscription(due.delivery.key.subscription).cloned() else { continue };
            let state = self.state.clone();
            let (budget, bases) = (self.settings.response_budget, self.settings.bases());
            self.work.spawn(async move {
                Report::Attempted(Box::new(sender::send(state, subscription, due, budget, bases).await))
            });
        }
    }

    /// Reads due deliveries of the subscriptions that have some, and ends those of disabled and deleted ones.
    fn refill(&mut self) {
        let snapshot = self.state.subscriptions.current();
        let is_sent_to = |id| snapshot.get(id).is_some_and(|one| one.state == SubscriptionState::Active);
        let taken = self.scheduler.begin_refill(self.state.clock.now(), is_sent_to);
        if taken.is_empty() {
            return;
        }
        let mut active = Vec::new();
        let (mut disabled, mut deleted) = (Vec::new(), Vec::new());
        for (id, limit) in taken {
            match snapshot.get(id).map(|subscription| subscription.state) {
                _ if !self.leases.may_start(id) => {}
                Some(SubscriptionState::Active) if !self.gone.contains(&id) => active.push((id, limit)),
                Some(SubscriptionState::Disabled) => disabled.push(id),
                Some(SubscriptionState::Deleted) => deleted.push(id),
                Some(SubscriptionState::Active | SubscriptionState::Paused) | None => {}
            }
        }
        if active.is_empty() {
            self.scheduler.end_refill(&[], Vec::new());
        } else {
            let state = self.state.clone();
            self.work.spawn(async move {
                let read = read_due(&state, &active).await;
                Report::Refilled(active, read)
            });
        }
        self.end(disabled, DeliveryState::SkippedDisabled);
        self.end(deleted, DeliveryState::Cancelled);
    }

    /// Ends what subscriptions have pending, but for what is in hand.
    fn end(&mut self, ids: Vec<SubscriptionId>, as_state: DeliveryState) {
        if ids.is_empty() {
            return;
        }
        let held: Vec<Uuid> =
            ids.iter().flat_map(|id| self.scheduler.held(*id)).map(EventId::as_uuid).collect();
        let state = self.state.clone();
        self.work.spawn(async move {
            let subscriptions: Vec<Uuid> = ids.iter().map(|id| id.as_uuid()).collect();
            let ended = end_pending(&state, &subscriptions, &held, as_state).await;
            Report::Ended(ids, ended)
        });
    }

    /// Asks which subscriptions have something pending, and brings the snapshot up to date first.
    fn look(&mut self) {
        self.looking = true;
        let usable = self.leases.usable();
        let through = std::mem::take(&mut self.look_through).intersection(usable);
        let (state, cursor) = (self.state.clone(), self.cursor);
        let snapshot = state.subscriptions.current();
        let mut stretch = snapshot.after(cursor, usable).take(POLLED).map(|subscription| subscription.id);
        // Behind the last stretch comes the first one.
        self.cursor = stretch.nth(POLLED - 1);
        self.work.spawn(async move { Report::Looked(look(&state, usable, through, cursor).await) });
        self.report_gauges();
    }

    fn renew(&mut self) {
        self.renewing = true;
        let renewal = self.leases.renewal(self.scheduler.busy());
        let database = self.state.database.clone();
        self.work.spawn(async move { Report::Renewed(renewal.run(database).await) });
    }

    fn take(&mut self, report: Result<Report, tokio::task::JoinError>) {
        match report {
            Ok(Report::Attempted(attempted)) => self.attempted(&attempted),
            Ok(Report::Refilled(asked, Ok(read))) => self.scheduler.end_refill(&asked, read),
            Ok(Report::Refilled(asked, Err(error))) => {
                self.rest("reading due deliveries", &error);
                self.scheduler.fail_refill(asked);
            }
            Ok(Report::Ended(_, Ok(0)) | Report::Surveyed) => {}
            // Perhaps there are more.
            Ok(Report::Ended(ids, Ok(_))) => ids.into_iter().for_each(|id| self.scheduler.mark(id)),
            Ok(Report::Ended(_, Err(error))) => self.rest("ending deliveries", &error),
            Ok(Report::Settled(batch, Ok(refused))) => self.settled(batch, &refused),
            Ok(Report::Settled(batch, Err(error))) => {
                tracing::warn!(%error, outcomes = batch.len(), "outcomes are not written yet, trying again");
                self.unsettled.put_back(batch, REST);
            }
            Ok(Report::Looked(looked)) => self.looked(looked),
            Ok(Report::Renewed(renewed)) => self.renewed(renewed),
            // A defect: it goes on in this task, whose supervisor ends the process.
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            Err(_cancelled) => {}
        }
    }

    fn attempted(&mut self, attempted: &Attempted) {
        let id = attempted.key.subscription;
        let settlement = settle::decide(&self.state, attempted, self.settings.bases());
        if settlement.disable {
            self.gone.insert(id);
            self.scheduler.drop_ready(id);
        }
        self.unsettled.push(settlement);
        if self.scheduler.end(id, attempted.outcome.health(), attempted.ended_at) {
            tracing::info!(subscription = %id, "receiver only fails, it is left alone for a while");
            metrics::counter!("leadwire_delivery_breakers_opened_total").increment(1);
        }
    }

    /// Lets go of what is written. What was refused stays in hand: it must not be sent for ever.
    fn settled(&mut self, batch: Vec<Settlement>, refused: &[DeliveryKey]) {
        self.unsettled.written();
        let now = Instant::now().into_std();
        for settlement in batch.into_iter().filter(|settlement| !refused.contains(&settlement.key)) {
            self.scheduler.settle(settlement.key, settlement.next_at, now);
            if settlement.disable {
                self.gone.remove(&settlement.key.subscription);
                self.scheduler.mark(settlement.key.subscription);
            }
        }
    }

    fn looked(&mut self, looked: Result<Vec<(SubscriptionId, DateTime<Utc>)>, StoreError>) {
        self.looking = false;
        match looked {
            Ok(found) => {
                let usable = self.leases.usable();
                for (id, time) in found.into_iter().filter(|(id, _)| usable.cover(*id)) {
                    self.scheduler.mark_at(id, time);
                }
            }
            Err(error) => self.rest("looking for due deliveries", &error),
        }
    }

    fn renewed(&mut self, renewed: Result<Renewed, StoreError>) {
        self.renewing = false;
        match renewed {
            Ok(renewed) => {
                let gained = self.leases.renewed(renewed);
                let usable = self.leases.usable();
                if !gained.is_empty() {
                    tracing::info!(
                        gained = gained.len(),
                        held = self.leases.held().len(),
                        "shards taken over"
                    );
                }
                self.look_through = self.look_through.union(gained);
                self.scheduler.keep(usable);
                self.state.wake.set_owned(usable);
            }
            Err(error) => {
                self.rest("renewing leases", &error);
                self.leases.failed();
            }
        }
    }

    fn rest(&mut self, what: &str, error: &StoreError) {
        tracing::warn!(%error, "{what} failed, trying again");
        self.rest_until = Instant::now() + REST;
    }

    /// When something is to be done if nothing is reported before.
    fn next_moment(&self, give_up_at: Option<Instant>) -> Instant {
        let now = Instant::now();
        let due = self.scheduler.next_time().filter(|_| !self.stopping).map(|time| {
            let wait = (time - self.state.clock.now()).to_std().unwrap_or_default();
            // A clock that stands still must not make this spin.
            (now + wait.max(Duration::from_millis(1))).max(self.rest_until)
        });
        let poll = (!self.looking && !self.stopping).then_some(self.poll_at.max(self.rest_until));
        let renew = (!self.renewing).then_some(self.leases.renew_at);
        [due, poll, renew, self.unsettled.flush_at(), give_up_at]
            .into_iter()
            .flatten()
            .min()
            .unwrap_or(now + self.settings.poll_interval)
    }

    #[expect(clippy::cast_precision_loss, reason = "gauges are floating-point numbers")]
    fn report_gauges(&self) {
        metrics::gauge!("leadwire_deliveries_in_flight").set(self.scheduler.in_flight() as f64);
        metrics::gauge!("leadwire_deliveries_in_hand").set(self.scheduler.rows() as f64);
        metrics::gauge!("leadwire_delivery_breakers_open").set(self.scheduler.broken() as f64);
        metrics::gauge!("leadwire_shards_held").set(f64::from(self.leases.held().len()));
    }
}

async fn read_due(state: &State, subscriptions: &[(SubscriptionId, usize)]) -> Result<Vec<Due>, StoreError> {
    let mut connection = platform_pg::begin_planned(&state.database).await?;
    let due = deliveries::due(&mut connection, subscriptions, state.clock.now()).await?;
    // Deliveries of one event share it.
    let wanted: HashSet<Uuid> = due.iter().map(|delivery| delivery.key.event.as_uuid()).collect();
    let wanted: Vec<Uuid> = wanted.into_iter().collect();
    let found = events::find(&mut connection, &wanted).await?;
    connection.commit().await?;
    let found: HashMap<_, _> = found.into_iter().map(|event| (event.id, Arc::new(event))).collect();
    Ok(due
        .into_iter()
        .filter_map(|delivery| {
            let event = found.get(&delivery.key.event)?.clone();
            Some(Due { delivery, event })
        })
        .collect())
}

/// The first pending delivery of every subscription of the shards to look through, and of a stretch of the
/// others. Paused ones wait whatever is pending.
async fn look(
    state: &State,
    usable: Shards,
    through: Shards,
    cursor: Option<SubscriptionId>,
) -> Result<Vec<(SubscriptionId, DateTime<Utc>)>, StoreError> {
    let mut connection = platform_pg::begin_planned(&state.database).await?;
    let snapshot = state.subscriptions.refreshed(&mut connection).await?;
    let stretch = snapshot.after(cursor, usable).take(POLLED);
    let ids: HashSet<Uuid> = snapshot
        .after(None, through)
        .chain(stretch)
        .filter(|subscription| subscription.state != SubscriptionState::Paused)
        .map(|subscription| subscription.id.as_uuid())
        .collect();
    let ids: Vec<Uuid> = ids.into_iter().collect();
    let now = state.clock.now();
    let earliest = deliveries::earliest(&mut connection, &ids).await?;
    connection.commit().await?;
    // What is only to be ended does not wait for its time.
    let ends = |id| snapshot.get(id).is_some_and(|one| one.state != SubscriptionState::Active);
    Ok(earliest.into_iter().map(|(id, time)| (id, if ends(id) { now.min(time) } else { time })).collect())
}
