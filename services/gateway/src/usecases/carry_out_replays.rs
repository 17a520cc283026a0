//! Carrying out the replays that were asked for: each by one replica at a time, under a lease that another takes over
//! when its holder is gone. What is done is in the broker, letter by letter (ADR 13), so that whoever goes on moves
//! exactly the rest.

use crate::clients::dead_letters::DeadLetterQueues;
use crate::domain::audit::{Entry, named};
use crate::domain::replay::{Replay, ReplayState};
use crate::state::State;
use crate::store::{audit_log, replays};
use contracts::topology::{WORK_QUEUES, WorkQueue};
use platform::clock::Clock;
use platform::ids::IdSource;
use platform::lifecycle::{Process, Shutdown};
use platform_broker::BrokerError;
use platform_broker::dead_letters::{Plan, Step, carry_out, count};
use platform_http::edge::chain;
use platform_pg::StoreError;
use serde_json::json;
use sqlx::PgPool;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;
use tokio::time::{Instant, sleep_until};
use uuid::Uuid;

/// How often replays are looked for that nobody carries out.
const INTERVAL: Duration = Duration::from_millis(500);
/// How often a holder says that it lives, and how far it is.
const BEAT: Duration = Duration::from_secs(1);
/// How long a replay is its holder's without a word.
const LEASE: Duration = Duration::from_secs(15);
/// After so long without the database a holder lets go, before its lease is over.
const SILENCE: Duration = Duration::from_secs(10);
/// How long somebody else may work on the queue before the replay waits for its next turn.
const PATIENCE: Duration = Duration::from_secs(5);
/// Before something that did not work is tried again.
const REST: Duration = Duration::from_secs(3);

/// Looks for replays and carries them out until the shutdown begins.
pub fn carry_out_replays(state: &State, process: &Process) {
    let desk = Desk {
        database: state.database.clone(),
        queues: state.dead_letters.clone(),
        clock: process.clock.clone(),
        ids: process.ids.clone(),
        shutdown: process.shutdown.clone(),
    };
    let tasks = process.tasks.clone();
    process.tasks.spawn("replays of dead letters", async move {
        while desk.shutdown.sleep(INTERVAL).await {
            match desk.claim().await {
                Ok(Some(job)) => {
                    let desk = desk.clone();
                    tasks.spawn("replay of dead letters", async move { desk.work_on(job).await });
                }
                Ok(None) => {}
                Err(error) => tracing::warn!(%error, "replays of dead letters rest, trying again"),
            }
        }
    });
}

/// What is needed for it.
#[derive(Clone, Debug)]
struct Desk {
    database: PgPool,
    queues: DeadLetterQueues,
    clock: Clock,
    ids: IdSource,
    shutdown: Shutdown,
}

/// A replay in hand.
struct Job {
    replay: Replay,
    /// Whether somebody had it before, and left it in the middle.
    was_left: bool,
    holder: Uuid,
    /// How many letters are back at work.
    moved: AtomicI64,
    /// Ends it as soon as nothing is half-done.
    stop: Shutdown,
    /// Whether that is because somebody wants it.
    cancelled: AtomicBool,
}

impl Job {
    fn key(&self) -> (Uuid, Uuid) {
        (self.replay.id, self.holder)
    }

    fn moved(&self) -> i64 {
        self.moved.load(Ordering::Relaxed)
    }
}

/// How a piece of work ended.
enum Ended {
    Done,
    Cancelled,
    /// The process ends; another goes on.
    Left,
    /// It is somebody else's by now.
    Lost,
}

#[derive(Debug, thiserror::Error)]
enum WorkError {
    #[error("something else works on the queue, a leadwire command or a look into it")]
    InUse,
    #[error("there is no such work queue any more")]
    NoSuchQueue,
    #[error(
        "another replay of this queue was interrupted, which {0} began: leadwire dlq replay --queue {1} --resume ends \
         it; resume this one afterwards"
    )]
    Another(String, &'static str),
    #[error("the plan of a replay in the broker cannot be read")]
    Plan(#[from] serde_json::Error),
    #[error(transparent)]
    Broker(#[from] BrokerError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl WorkError {
    /// Whether it goes by without somebody doing something.
    const fn passes(&self) -> bool {
        match self {
            Self::InUse | Self::Broker(_) | Self::Store(_) => true,
            Self::NoSuchQueue | Self::Another(..) | Self::Plan(_) => false,
        }
    }
}

impl Desk {
    async fn claim(&self) -> Result<Option<Job>, StoreError> {
        let holder = self.ids.at(self.clock.now());
        let mut connection = self.database.acquire().await?;
        let found = replays::claim(&mut connection, holder, LEASE).await?;
        Ok(found.map(|(replay, was_left)| Job {
            moved: AtomicI64::new(replay.moved),
            cancelled: AtomicBool::new(false),
            stop: Shutdown::new(),
            replay,
            was_left,
            holder,
        }))
    }

    /// Works on a replay until it ends, has to be left, or is lost. Dropping the work closes its connection, and with
    /// that the broker puts everything back.
    async fn work_on(&self, job: Job) {
        let worked = tokio::select! {
            worked = self.replay(&job) => worked,
            () = self.beat(&job) => Ok(Ended::Lost),
        };
        let id = job.replay.id;
        if let Err(error) = self.settle(&job, worked).await {
            tracing::warn!(%error, replay = %id, "how a replay of dead letters stands is not written down; its lease runs out");
        }
    }

    /// Says that the holder lives until it does not hold any more, and hears what is wanted of it.
    async fn beat(&self, job: &Job) {
        let mut heard = Instant::now();
        while heard.elapsed() < SILENCE {
            match self.renew(job).await {
                Ok(Some(state)) => {
                    heard = Instant::now();
                    if state == ReplayState::Cancelling {
                        job.cancelled.store(true, Ordering::Relaxed);
                        job.stop.begin();
                    }
                }
                Ok(None) => return,
                Err(error) => tracing::warn!(%error, "the lease of a replay is not renewed, trying again"),
            }
            if self.shutdown.has_begun() {
                job.stop.begin();
                sleep_until(Instant::now() + BEAT).await;
            } else {
                self.shutdown.sleep(BEAT).await;
            }
        }
    }

    async fn renew(&self, job: &Job) -> Result<Option<ReplayState>, StoreError> {
        let mut connection = self.database.acquire().await?;
        replays::renew(&mut connection, job.key(), LEASE, job.moved(), self.clock.now()).await
    }

    async fn replay(&self, job: &Job) -> Result<Ended, WorkError> {
        let letters = self.queues.connect().await?;
        let known = |work: &&WorkQueue| work.name == job.replay.queue;
        let work = *WORK_QUEUES.iter().find(known).ok_or(WorkError::NoSuchQueue)?;
        let dead = work.dead_letter_queue();
        let lock = letters.lock(&dead, PATIENCE).await?.ok_or(WorkError::InUse)?;
        let mut replay = letters.replay(work.name).await?;
        let plan = job.replay.plan();
        let has_begun = match replay.plan().map(serde_json::from_slice::<Plan>).transpose()? {
            Some(found) if found.run == plan.run => true,
            Some(found) => return Err(WorkError::Another(found.by, work.name)),
            None => false,
        };
        if replay.waiting() > 0 {
            replay.go_on(letters.walk(&dead).await?).await?;
        }
        let left = count(&letters, &dead, |letter, facts| plan.wants(letter, facts)).await?.letters;
        let counted = job.replay.counted(i64::try_from(left).unwrap_or(i64::MAX), job.was_left);
        let mut connection = self.database.acquire().await.map_err(StoreError::from)?;
        if !replays::set_counted(&mut connection, job.key(), counted, self.clock.now()).await? {
            return Ok(Ended::Lost);
        }
        drop(connection);
        job.moved.store(counted.1, Ordering::Relaxed);
        if !has_begun {
            replay.begin(serde_json::to_vec(&plan)?).await?;
        }
        let tell = |step| {
            if let Step::Move(count) = step {
                job.moved.fetch_add(i64::try_from(count).unwrap_or_default(), Ordering::Relaxed);
            }
        };
        let stopped = carry_out(&letters, work, replay, &plan, job.replay.rate, &job.stop, tell).await?;
        let ended = match stopped {
            None => Ended::Done,
            Some(replay) if job.cancelled.load(Ordering::Relaxed) => {
                replay.end().await?;
                Ended::Cancelled
            }
            Some(replay) => {
                replay.pause().await?;
                Ended::Left
            }
        };
        lock.release().await?;
        letters.close_connection().await;
        Ok(ended)
    }

    /// Writes down what has become of a replay.
    async fn settle(&self, job: &Job, worked: Result<Ended, WorkError>) -> Result<(), StoreError> {
        let (key, moved, now) = (job.key(), job.moved(), self.clock.now());
        let mut transaction = self.database.begin().await?;
        match worked {
            Ok(Ended::Lost) => return Ok(()),
            Ok(Ended::Left) => {
                replays::release(&mut transaction, key, Duration::ZERO, None, now).await?;
            }
            Ok(Ended::Done) => {
                if replays::end(&mut transaction, key, ReplayState::Completed, moved, None, now).await? {
                    audit_log::insert(&mut transaction, &self.entry(job, moved)).await?;
                }
            }
            Ok(Ended::Cancelled) => {
                replays::end(&mut transaction, key, ReplayState::Cancelled, moved, None, now).await?;
            }
            Err(error) if error.passes() => {
                let said = chain(&error);
                tracing::warn!(error = said, replay = %key.0, "a replay of dead letters does not get on, trying again");
                replays::release(&mut transaction, key, REST, Some(&said), now).await?;
            }
            Err(error) => {
                let said = chain(&error);
                tracing::error!(error = said, replay = %key.0, "a replay of dead letters has failed");
                replays::end(&mut transaction, key, ReplayState::Failed, moved, Some(&said), now).await?;
            }
        }
        transaction.commit().await?;
        Ok(())
    }

    /// That a replay has come to its end, by whom it was asked for.
    fn entry(&self, job: &Job, moved: i64) -> Entry {
        let now = self.clock.now();
        Entry {
            id: self.ids.at(now),
            occurred_at: now,
            organization_id: None,
            actor: job.replay.requested_by.clone(),
            client_id: None,
            credential_id: None,
            action: "dlq.replayed".to_owned(),
            target: named("queue", &job.replay.queue),
            origin: None,
            request_id: None,
            before: None,
            after: Some(json!({"run": job.replay.id, "moved": moved})),
        }
    }
}
