//! A connection that is kept between uses, for what writes all the time.
//!
//! The pool asks a connection that comes back whether it still works, and its library asks again: two round trips for
//! each use. Here they are due once in a while. A use that fails, or is given up, lets go of the connection, and the
//! pool has a look at it.

use sqlx::pool::PoolConnection;
use sqlx::{PgConnection, PgPool, Postgres};
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// What has not been used for so long goes back to the pool, which asks before it is used again.
const FRESH: Duration = Duration::from_secs(1);
/// What has been kept for so long goes back however busy it is: connections have a longest life there.
const KEPT: Duration = Duration::from_secs(10);

/// A place for one connection. Clones share it.
#[derive(Clone, Debug)]
pub struct Kept {
    pool: PgPool,
    place: Arc<Mutex<Option<Lent>>>,
}

/// A connection in use. Dropped, it goes back to the pool.
#[derive(Debug)]
pub struct Lent {
    connection: PoolConnection<Postgres>,
    taken: Instant,
    used: Instant,
}

impl Kept {
    pub fn new(pool: PgPool) -> Self {
        Self { pool, place: Arc::default() }
    }

    /// The connection that is kept, or another one when it is in use or has to go.
    ///
    /// # Errors
    /// When the database is unavailable.
    pub async fn take(&self) -> Result<Lent, sqlx::Error> {
        let kept = self.place().take();
        if let Some(kept) = kept.filter(|kept| kept.used.elapsed() < FRESH && kept.taken.elapsed() < KEPT) {
            return Ok(kept);
        }
        let now = Instant::now();
        Ok(Lent { connection: self.pool.acquire().await?, taken: now, used: now })
    }

    /// Keeps a connection whose use has come to a good end, while the pool has others: in a small or a busy one somebody
    /// may wait for it, perhaps its last user.
    pub fn keep(&self, mut lent: Lent) {
        let has_others =
            self.pool.num_idle() > 0 || self.pool.size() < self.pool.options().get_max_connections();
        if has_others {
            lent.used = Instant::now();
            self.place().get_or_insert(lent);
        }
    }

    fn place(&self) -> std::sync::MutexGuard<'_, Option<Lent>> {
        self.place.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Deref for Lent {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.connection
    }
}

impl DerefMut for Lent {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.connection
    }
}
