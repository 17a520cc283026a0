//! Group commit: concurrent writes of one kind share one statement and one fsync.
//!
//! While a batch commits the next one fills by itself, so there is no timer and a lone write waits for
//! nobody. One batch at a time: two halves of it at once would cost two statements and two fsyncs. Each caller gets its own outcome: a bad row fails alone, one that makes the write panic too, equal
//! keys never meet in one statement, and a full queue is refused at once. Every caller is answered within
//! [`PATIENCE`] and [`LIMIT`] together, whatever the database does. Knows nothing of what is written.

use crate::bounded::{LIMIT, within};
use crate::error::StoreError;
use futures_util::FutureExt;
use platform::Fault;
use platform::lifecycle::{Shutdown, Tasks};
use std::collections::{HashSet, VecDeque};
use std::future::Future;
use std::hash::Hash;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

/// Writes that may wait, and again as many whose key is being written. More are refused.
const CAPACITY: usize = 4_096;
/// How long a write waits for its turn. What has waited longer is refused, not written.
pub const PATIENCE: Duration = Duration::from_secs(10);
/// The most writes of one statement.
pub const BATCH: usize = 256;

/// One kind of write.
pub trait GroupWrite: Send + Sync + 'static {
    /// What a caller wants written.
    type Item: Send + Sync + 'static;
    /// What the caller learns.
    type Outcome: Send + 'static;
    /// Writes of equal keys are ordered: the later sees what the earlier did.
    type Key: Hash + Eq + Send;

    fn key(item: &Self::Item) -> Self::Key;

    /// Writes all items in one transaction and answers one outcome each, in the same order. The keys of a
    /// batch are distinct. Items come again, in smaller batches, after a failure that may be one item's; and
    /// callers repeat what became of nobody knows: an item whose key is taken must be told from a new one.
    fn write(
        &self,
        items: &[Self::Item],
    ) -> impl Future<Output = Result<Vec<Self::Outcome>, StoreError>> + Send;
}

/// Why a write has no outcome.
#[derive(Clone, Debug, thiserror::Error)]
pub enum GroupCommitError {
    /// Too many writes wait; nothing was accepted.
    #[error("the write queue is full")]
    Full,
    /// The process is stopping; whether the write was done is unknown.
    #[error("the process is stopping")]
    Stopping,
    /// Our defect: the write panicked over this item, or gave another number of outcomes than it had items.
    #[error("the write broke")]
    Broken,
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<GroupCommitError> for Fault {
    fn from(error: GroupCommitError) -> Self {
        match error {
            GroupCommitError::Full | GroupCommitError::Stopping => Self::unavailable(error),
            GroupCommitError::Broken => Self::internal(error),
            GroupCommitError::Store(error) => error.into(),
        }
    }
}

struct Job<W: GroupWrite> {
    item: W::Item,
    since: Instant,
    reply: oneshot::Sender<Result<W::Outcome, GroupCommitError>>,
}

/// The entrance to one kind of write.
pub struct GroupCommit<W: GroupWrite> {
    name: &'static str,
    sender: mpsc::Sender<Job<W>>,
}

impl<W: GroupWrite> GroupCommit<W> {
    /// Starts the lane. It ends when no request is in flight any more and what was accepted is written.
    pub fn start(name: &'static str, write: W, tasks: &Tasks, shutdown: &Shutdown) -> Self {
        let (sender, receiver) = mpsc::channel(CAPACITY);
        let lane = Lane { name, write: Arc::new(write), receiver, deferred: VecDeque::new() };
        tasks.spawn(name, lane.run(shutdown.clone()));
        Self { name, sender }
    }

    /// Writes one item and waits for its commit. A caller that gives up does not take the write back.
    ///
    /// # Errors
    /// When the queue is full, the process stops, or the write failed.
    pub async fn submit(&self, item: W::Item) -> Result<W::Outcome, GroupCommitError> {
        let (reply, outcome) = oneshot::channel();
        let job = Job { item, since: Instant::now(), reply };
        self.sender.try_send(job).map_err(|refused| match refused {
            mpsc::error::TrySendError::Full(_) => {
                metrics::counter!("leadwire_group_commit_refused_total", "kind" => self.name).increment(1);
                GroupCommitError::Full
            }
            mpsc::error::TrySendError::Closed(_) => GroupCommitError::Stopping,
        })?;
        outcome.await.unwrap_or(Err(GroupCommitError::Stopping))
    }
}

impl<W: GroupWrite> std::fmt::Debug for GroupCommit<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GroupCommit").field("name", &self.name).finish_non_exhaustive()
    }
}

struct Lane<W: GroupWrite> {
    name: &'static str,
    write: Arc<W>,
    receiver: mpsc::Receiver<Job<W>>,
    /// Writes whose key was in the batch before.
    deferred: VecDeque<Job<W>>,
}

impl<W: GroupWrite> Lane<W> {
    async fn run(mut self, shutdown: Shutdown) {
        loop {
            if self.deferred.is_empty() {
                let first = tokio::select! {
                    job = self.receiver.recv() => job,
                    () = shutdown.requests_ended() => {
                        self.receiver.close();
                        self.receiver.recv().await
                    }
                };
                match first {
                    Some(job) => self.deferred.push_back(job),
                    None => return,
                }
            }
            let batch = self.next_batch();
            if batch.is_empty() {
                continue;
            }
            metrics::histogram!("leadwire_group_commit_batch_size", "kind" => self.name)
                .record(u32::try_from(batch.len()).unwrap_or(u32::MAX));
            commit(self.name, &*self.write, batch).await;
        }
    }

    /// What was deferred, then what has arrived, without two of one key. Many writes of one key do not keep
    /// others out: they are passed over, and take one place in each batch.
    fn next_batch(&mut self) -> Vec<Job<W>> {
        let mut keys = HashSet::new();
        let mut batch = Vec::new();
        let mut again = VecDeque::new();
        while batch.len() < BATCH && again.len() < CAPACITY {
            let next = self.deferred.pop_front().or_else(|| self.receiver.try_recv().ok());
            let Some(job) = next else { break };
            if job.since.elapsed() > PATIENCE {
                metrics::counter!("leadwire_group_commit_refused_total", "kind" => self.name).increment(1);
                answer(job.reply, Err(StoreError::timed_out().into()));
            } else if keys.insert(W::key(&job.item)) {
                batch.push(job);
            } else {
                again.push_back(job);
            }
        }
        again.append(&mut self.deferred);
        self.deferred = again;
        batch
    }
}

/// Why a batch failed, and what is to be done with its items.
enum Failure {
    /// Some row is at fault: look for it.
    OfSomeRow(GroupCommitError),
    /// No row of this batch will fare better, nor of another one now.
    OfAll(GroupCommitError),
}

/// Commits a batch; when the database refuses it, halves it until the bad rows stand alone.
async fn commit<W: GroupWrite>(name: &'static str, write: &W, batch: Vec<Job<W>>) {
    let mut pending = vec![batch];
    while let Some(mut batch) = pending.pop() {
        let (items, replies): (Vec<_>, Vec<_>) =
            batch.drain(..).map(|job| (job.item, (job.since, job.reply))).unzip();
        match attempt(name, write, &items).await {
            Ok(outcomes) => {
                for ((_, reply), outcome) in replies.into_iter().zip(outcomes) {
                    answer(reply, Ok(outcome));
                }
            }
            Err(Failure::OfSomeRow(_)) if items.len() > 1 => {
                batch.extend(items.into_iter().zip(replies).map(|(item, (since, reply))| Job {
                    item,
                    since,
                    reply,
                }));
                let second = batch.split_off(batch.len() / 2);
                pending.push(second);
                pending.push(batch);
            }
            Err(Failure::OfSomeRow(error)) => {
                for (_, reply) in replies {
                    answer(reply, Err(error.clone()));
                }
            }
            Err(Failure::OfAll(error)) => {
                let others = pending.drain(..).flatten().map(|job| job.reply);
                for reply in replies.into_iter().map(|(_, reply)| reply).chain(others) {
                    answer(reply, Err(error.clone()));
                }
            }
        }
    }
}

async fn attempt<W: GroupWrite>(
    name: &'static str,
    write: &W,
    items: &[W::Item],
) -> Result<Vec<W::Outcome>, Failure> {
    let written = within(LIMIT, async { write.write(items).await });
    match AssertUnwindSafe(written).catch_unwind().await {
        Ok(Ok(outcomes)) if outcomes.len() == items.len() => Ok(outcomes),
        Ok(Ok(outcomes)) => {
            tracing::error!(
                kind = name,
                items = items.len(),
                outcomes = outcomes.len(),
                "group commit: a write must answer one outcome for each item"
            );
            Err(Failure::OfAll(GroupCommitError::Broken))
        }
        Ok(Err(error)) if error.is_unavailable() || error.concerns_every_row() => {
            Err(Failure::OfAll(error.into()))
        }
        Ok(Err(error)) => Err(Failure::OfSomeRow(error.into())),
        Err(_panic) => {
            tracing::error!(kind = name, items = items.len(), "group commit: the write panicked");
            Err(Failure::OfSomeRow(GroupCommitError::Broken))
        }
    }
}

/// A caller that has gone away is no concern of the batch.
fn answer<T>(reply: oneshot::Sender<T>, outcome: T) {
    drop(reply.send(outcome));
}
