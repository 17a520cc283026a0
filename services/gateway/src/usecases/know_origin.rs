//! Whether some CRM key lists an origin: all that a preflight can be judged by.

use crate::store::origins;
use platform_pg::StoreError;
use sqlx::PgPool;
use std::collections::HashSet;
use std::time::{Duration, Instant};
use tokio::sync::Mutex;

/// How long a listed origin is taken to be listed still. The request that follows is judged by its own key.
const TRUSTED: Duration = Duration::from_mins(1);
/// The list is read no more often than this, however many strangers ask.
const AT_MOST_EVERY: Duration = Duration::from_secs(1);

/// The origins that are listed, as far as this process knows.
#[derive(Debug, Default)]
pub struct Origins(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    listed: HashSet<String>,
    read_at: Option<Instant>,
}

impl Known {
    /// The answer, if it may be given without another look.
    fn answer(&self, origin: &str) -> Option<bool> {
        let age = self.read_at?.elapsed();
        let listed = self.listed.contains(origin);
        (age < if listed { TRUSTED } else { AT_MOST_EVERY }).then_some(listed)
    }
}

/// Whether an origin is listed. A new key's are known within a second; those of an ended one are forgotten
/// within a minute.
pub async fn is_listed(database: &PgPool, known: &Origins, origin: &str) -> Result<bool, StoreError> {
    // Who waits here is answered by the look of whom it waits for.
    let mut known = known.0.lock().await;
    if let Some(answer) = known.answer(origin) {
        return Ok(answer);
    }
    let mut connection = database.acquire().await?;
    known.listed = origins::listed(&mut connection).await?.into_iter().collect();
    known.read_at = Some(Instant::now());
    Ok(known.listed.contains(origin))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_origin_is_looked_for_again_sooner_than_a_known_one() {
        let known = |age| Known {
            listed: HashSet::from(["https://a.example".to_owned()]),
            read_at: Instant::now().checked_sub(age),
        };
        assert_eq!(Known::default().answer("https://a.example"), None);
        let second = AT_MOST_EVERY;
        assert_eq!(known(second).answer("https://a.example"), Some(true));
        assert_eq!(known(second).answer("https://b.example"), None);
        assert_eq!(known(second / 2).answer("https://b.example"), Some(false));
        assert_eq!(known(TRUSTED).answer("https://a.example"), None);
    }
}
