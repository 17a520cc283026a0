//! Looking at the broker's dead letters. Every queue is afterwards as it was.

use crate::domain::client::Paging;
use crate::domain::replay::Replay;
use crate::state::State;
use crate::store::replays;
use chrono::{DateTime, Utc};
use contracts::topology::{EVENTS_UNROUTED, WORK_QUEUES, WorkQueue};
use futures_util::future::try_join_all;
use platform_broker::BrokerError;
use platform_broker::dead_letters::{DeadLetter, DeadLetters, Facts, Filter, Group, Groups, replay_queue};
use platform_pg::{StoreError, begin_reading};
use std::time::Duration;

/// How long looking waits for somebody else who looks.
const PATIENCE: Duration = Duration::from_secs(2);
/// Longer queues are counted, not gone through, where all of them are listed.
const OVERVIEW: u32 = 5_000;
/// How many letters of a queue are looked at, at most.
const LOOK: u64 = 50_000;

/// Why nothing is seen.
#[derive(Debug, thiserror::Error)]
pub enum LookError {
    #[error("there is no such queue of dead letters")]
    NoSuchQueue,
    #[error("there is no such dead letter in this queue")]
    NoSuchMessage,
    #[error("a replay or a leadwire command works on this queue: its messages are seen when it has ended")]
    InUse,
    #[error("the broker does not have this queue: run leadwire topology apply")]
    Missing,
    #[error("nobody reads what is exported any more")]
    Gone,
    #[error(transparent)]
    Broker(#[from] BrokerError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A queue that dead letters lie in.
#[derive(Clone, Copy, Debug)]
pub struct DeadLetterQueue {
    /// `None`: of events that no binding wanted.
    pub work: Option<WorkQueue>,
}

impl DeadLetterQueue {
    /// Every one.
    pub fn all() -> Vec<Self> {
        WORK_QUEUES.into_iter().map(Some).chain([None]).map(|work| Self { work }).collect()
    }

    /// The one of a work queue.
    pub fn named(name: &str) -> Option<Self> {
        Self::all().into_iter().find(|queue| queue.name() == name)
    }

    /// The work queue's name.
    pub fn name(self) -> &'static str {
        self.work.map_or(EVENTS_UNROUTED, |work| work.name)
    }

    /// Its own name.
    pub fn own_name(self) -> String {
        self.work.map_or_else(|| EVENTS_UNROUTED.to_owned(), |work| work.dead_letter_queue())
    }
}

/// A queue as it stands.
#[derive(Debug)]
pub struct Standing {
    pub queue: DeadLetterQueue,
    /// Those that nobody holds; `None`: there is no such queue.
    pub depth: Option<u32>,
    /// What lies in it, where it was gone through, and the most frequent reason.
    pub found: Option<(Group, Option<String>)>,
    /// Whether somebody works on it.
    pub in_use: bool,
    /// Whether a replay was begun that nobody carries out: one of the command line's, which was killed.
    pub interrupted: bool,
    /// The newest replay that was asked for here.
    pub replay: Option<Replay>,
}

/// Every queue, as far as can be seen at once.
///
/// # Errors
/// When the broker or the database is unavailable.
pub async fn list(state: &State) -> Result<Vec<Standing>, LookError> {
    let mut transaction = begin_reading(&state.database).await.map_err(StoreError::from)?;
    let replays = replays::newest(&mut transaction).await?;
    drop(transaction);
    let letters = state.dead_letters.connect().await?;
    let now = state.clock.now();
    let standing = DeadLetterQueue::all().into_iter().map(|queue| {
        let replay = replays.iter().find(|replay| replay.queue == queue.name()).cloned();
        look_at(&letters, queue, replay, now)
    });
    let found = try_join_all(standing).await;
    letters.close_connection().await;
    found
}

async fn look_at(
    letters: &DeadLetters,
    queue: DeadLetterQueue,
    replay: Option<Replay>,
    now: DateTime<Utc>,
) -> Result<Standing, LookError> {
    let name = queue.own_name();
    let depth = letters.depth(&name).await?.map(|depth| depth.messages);
    let is_under_way = replay.as_ref().is_some_and(|replay| replay.state.is_under_way());
    let mut standing =
        Standing { queue, depth, found: None, in_use: is_under_way, interrupted: false, replay };
    if let (Some(work), false) = (queue.work, is_under_way) {
        let half_done = letters.depth(&replay_queue(work.name)).await?;
        standing.interrupted = half_done.is_some_and(|half_done| half_done.messages > 0);
    }
    if is_under_way || !depth.is_some_and(|depth| (1..=OVERVIEW).contains(&depth)) {
        return Ok(standing);
    }
    let (mut all, mut reasons) = (Group::default(), Groups::default());
    let looked = letters.each(&name, Duration::ZERO, async |letter| {
        let facts = Facts::of(letter);
        all.add(facts.died, now);
        reasons.add(&facts.cause(), facts.died, now);
        Ok::<_, BrokerError>(true)
    });
    if looked.await? {
        standing.depth = u32::try_from(all.count).ok();
        standing.found = Some((all, reasons.sorted().into_iter().next().map(|(reason, _)| reason)));
    } else {
        standing.in_use = true;
    }
    Ok(standing)
}

/// What letters are counted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    Reason,
    Type,
    Organization,
}

impl By {
    fn key(self, facts: &Facts) -> String {
        let known = match self {
            Self::Reason => Some(facts.cause()),
            Self::Type => facts.kind.clone(),
            Self::Organization => facts.tenant.clone(),
        };
        known.unwrap_or_else(|| "unknown".to_owned())
    }
}

/// What lies in a queue.
#[derive(Debug)]
pub struct Inside {
    /// A page of those that are wanted, in their order.
    pub page: Vec<Facts>,
    /// All that are wanted, by what they have in common, the largest group first.
    pub groups: Vec<(String, Group)>,
    pub wanted: u64,
    pub looked_at: u64,
    /// Whether the whole queue was gone through.
    pub complete: bool,
}

/// Goes through a queue for those that are wanted.
///
/// # Errors
/// When somebody works on the queue, or the broker is unavailable.
pub async fn look_inside(
    state: &State,
    queue: DeadLetterQueue,
    filter: &Filter,
    by: By,
    paging: Paging,
) -> Result<Inside, LookError> {
    let now = state.clock.now();
    let skipped = u64::try_from(paging.offset()).unwrap_or(u64::MAX);
    let last = skipped.saturating_add(u64::try_from(paging.limit).unwrap_or_default());
    let mut inside = Inside { page: Vec::new(), groups: Vec::new(), wanted: 0, looked_at: 0, complete: true };
    let mut groups = Groups::default();
    go_through(state, queue, async |letter| {
        if inside.looked_at == LOOK {
            inside.complete = false;
            return Ok(false);
        }
        inside.looked_at += 1;
        let facts = Facts::of(letter);
        if filter.wants(&facts) {
            groups.add(&by.key(&facts), facts.died, now);
            if (skipped..last).contains(&inside.wanted) {
                inside.page.push(facts);
            }
            inside.wanted += 1;
        }
        Ok(true)
    })
    .await?;
    inside.groups = groups.sorted();
    Ok(inside)
}

/// The first letter of a queue that has an id, or an event that has it.
///
/// # Errors
/// When there is none, when somebody works on the queue, or the broker is unavailable.
pub async fn find(state: &State, queue: DeadLetterQueue, id: &str) -> Result<DeadLetter, LookError> {
    let mut found = None;
    go_through(state, queue, async |letter| {
        if Facts::of(letter).answers_to(id) {
            found = Some(letter.clone());
        }
        Ok(found.is_none())
    })
    .await?;
    found.ok_or(LookError::NoSuchMessage)
}

/// Goes through a queue for as long as `visit` wants more. It should not be dropped half-way: the letters would come
/// back in another order.
///
/// # Errors
/// What `visit` fails with; when somebody works on the queue, or the broker is unavailable.
pub async fn go_through(
    state: &State,
    queue: DeadLetterQueue,
    visit: impl AsyncFnMut(&DeadLetter) -> Result<bool, LookError>,
) -> Result<(), LookError> {
    let mut transaction = begin_reading(&state.database).await.map_err(StoreError::from)?;
    let replays = replays::newest(&mut transaction).await?;
    drop(transaction);
    if replays.iter().any(|replay| replay.queue == queue.name() && replay.state.is_under_way()) {
        return Err(LookError::InUse);
    }
    let letters = state.dead_letters.connect().await?;
    let name = queue.own_name();
    let looked = match letters.depth(&name).await {
        Ok(None) => Err(LookError::Missing),
        Ok(Some(_)) => letters.each(&name, PATIENCE, visit).await,
        Err(error) => Err(error.into()),
    };
    letters.close_connection().await;
    if looked? { Ok(()) } else { Err(LookError::InUse) }
}
