//! Telling webhook-dispatcher of subscriptions that messages ask for.

use super::peer::{CallError, Peer};
use contracts::internal::LEX_SUBSCRIPTIONS;
use contracts::lex::LexSubscription;
use reqwest::Method;
use serde_json::Value;
use std::time::Duration;

/// For the whole answer: the message's sender waits for it.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The webhook-dispatcher.
#[derive(Clone, Debug)]
pub struct Dispatcher(pub(super) Peer);

/// What became of a subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Put {
    /// Every later message meets it.
    Kept,
    /// It cannot be: why, in words for its subscriber.
    Refused(String),
}

impl Dispatcher {
    /// Makes, changes or ends a subscription.
    ///
    /// # Errors
    /// When the dispatcher does not say within five seconds, or breaks.
    pub async fn put(&self, subscription: &LexSubscription) -> Result<Put, CallError> {
        let path = format!("{LEX_SUBSCRIPTIONS}/{}", subscription.id);
        let response = self.0.send(Method::PUT, &path, TIMEOUT, |request| request.json(subscription)).await?;
        match response.status().as_u16() {
            200..300 => Ok(Put::Kept),
            400 | 404 | 409 | 422 => Ok(Put::Refused(reason(&response.json().await.unwrap_or_default()))),
            status => Err(CallError::Status(status)),
        }
    }
}

/// What its error says, in whichever dialect.
fn reason(error: &Value) -> String {
    let said = ["/details/fields/0/message", "/message", "/error/message"];
    let said = said.iter().find_map(|place| error.pointer(place)?.as_str());
    said.unwrap_or("the subscription cannot be kept").to_owned()
}
