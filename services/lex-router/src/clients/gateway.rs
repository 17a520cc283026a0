//! Asking the gateway who bears a LEX name.

use super::peer::{CallError, Peer};
use contracts::control::OrganizationFacts;
use contracts::internal::{ORGANIZATIONS, Organizations};
use platform::clock::Clock;
use reqwest::{Method, StatusCode};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

/// For the whole answer: a message waits for it.
const TIMEOUT: Duration = Duration::from_secs(2);
/// How long the gateway is left alone after it did not answer, in milliseconds.
const REST_MILLIS: i64 = 1_000;

/// The gateway.
#[derive(Clone, Debug)]
pub struct Gateway {
    peer: Peer,
    clock: Clock,
    resting_until: Arc<AtomicI64>,
}

impl Gateway {
    pub(super) fn new(peer: Peer, clock: Clock) -> Self {
        Self { peer, clock, resting_until: Arc::default() }
    }

    /// The organisation that bears a name.
    ///
    /// # Errors
    /// When the gateway does not say within two seconds, or did not a second ago.
    pub async fn organization(&self, lex_id: &str) -> Result<Option<OrganizationFacts>, CallError> {
        let now = self.clock.now().timestamp_millis();
        // A clock that was set back must not let it rest for as long as it was set back.
        if (now + 1..=now + REST_MILLIS).contains(&self.resting_until.load(Ordering::Relaxed)) {
            return Err(CallError::Resting);
        }
        let found = self.ask(lex_id).await;
        if found.is_err() {
            self.resting_until.store(now + REST_MILLIS, Ordering::Relaxed);
        }
        found
    }

    async fn ask(&self, lex_id: &str) -> Result<Option<OrganizationFacts>, CallError> {
        let name: String = url::form_urlencoded::byte_serialize(lex_id.as_bytes()).collect();
        let question = format!("{ORGANIZATIONS}?lexId={name}");
        let response = self.peer.send(Method::GET, &question, TIMEOUT, |request| request).await?;
        if response.status() != StatusCode::OK {
            return Err(CallError::Status(response.status().as_u16()));
        }
        Ok(response.json::<Organizations>().await?.data.into_iter().next())
    }
}
