//! One attempt: render, sign, post, and say what came of it.

use super::schedule::{Bases, Outcome, RetryPolicy};
use super::window::Due;
use crate::domain::delivery::DeliveryKey;
use crate::domain::event::Event;
use crate::domain::render::{self, RenderError};
use crate::domain::subscription::{Family, Subscription};
use crate::state::State;
use crate::store::deliveries::DueDelivery;
use chrono::{DateTime, Utc};
use lex::render::RetryContext;
use lex::retry::{Failure, MAX_ATTEMPTS};
use platform::secrets::{Sealed, SecretError};
use platform::telemetry::{self, Conclusion};
use platform_http::outbound::{OutboundAnswer, OutboundError, OutboundPost};
use secrecy::SecretString;
use signing::{Secret, Secrets};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tracing::{Instrument, Span};
use url::Url;

/// How many bytes of an answer are kept for the subscription's owner.
const KEEP: usize = 4 * 1024;

/// What came of an attempt.
#[derive(Clone, Debug)]
pub(super) struct Attempted {
    pub(super) key: DeliveryKey,
    pub(super) event: Arc<Event>,
    pub(super) subscription: Arc<Subscription>,
    pub(super) attempts_before: i16,
    pub(super) replay: i16,
    pub(super) started_at: DateTime<Utc>,
    pub(super) ended_at: DateTime<Utc>,
    pub(super) duration: Duration,
    pub(super) outcome: Outcome,
    /// Of its span, if that is recorded.
    pub(super) traceparent: Option<String>,
}

/// Why a request could not even be made.
#[derive(Debug, thiserror::Error)]
enum PrepareError {
    #[error("the url is malformed")]
    Url(#[from] url::ParseError),
    #[error("the event cannot be rendered")]
    Body(#[from] RenderError),
    #[error("the signing secret cannot be opened")]
    Secret(#[from] SecretError),
    #[error("the signing secret is not text")]
    Text(#[from] std::string::FromUtf8Error),
}

/// Makes one attempt. Takes at most the budget, the subscription's own if it has one.
pub(super) async fn send(
    state: State,
    subscription: Arc<Subscription>,
    due: Due,
    budget: Duration,
    bases: Bases,
) -> Attempted {
    let attempt = due.delivery.attempts.saturating_add(1);
    let budget = match subscription.family {
        Family::Partner | Family::Lex => budget,
        Family::Platform => subscription.retry.unwrap_or_default().budget(),
    };
    let span = tracing::info_span!(
        parent: None,
        "deliver",
        otel.kind = "producer",
        webhook_id = %due.delivery.key.webhook_id(),
        attempt,
    );
    telemetry::follow(&span, due.event.traceparent.as_deref());
    telemetry::link(&span, due.delivery.traceparent.as_deref());
    attempted(&state, subscription, due, (budget, bases), &span).instrument(span.clone()).await
}

async fn attempted(
    state: &State,
    subscription: Arc<Subscription>,
    due: Due,
    (budget, bases): (Duration, Bases),
    span: &Span,
) -> Attempted {
    let started_at = state.clock.now();
    let started = Instant::now();
    let too_late = due.event.expiry.filter(|expiry| expiry.at <= started_at);
    let retry = retry_context(&subscription, &due.delivery, bases, started_at);
    let outcome = match too_late {
        Some(expiry) => Outcome::Expired(expiry.then),
        None => match prepare(state, &subscription, &due, retry, budget, started_at, span) {
            Ok(post) => outcome(state.outbound.post(post).await),
            Err(error) => {
                tracing::error!(error = platform_http::edge::chain(&error), "delivery cannot be prepared");
                Outcome::NoAnswer(error.to_string())
            }
        },
    };
    let duration = started.elapsed();
    let status = outcome.status();
    tracing::debug!(status, error = outcome.error(), "attempted");
    telemetry::conclude(span, || concluded(&subscription, &outcome));
    Attempted {
        key: due.delivery.key,
        event: due.event,
        subscription,
        attempts_before: due.delivery.attempts,
        replay: due.delivery.replay,
        started_at,
        ended_at: state.clock.now(),
        duration,
        outcome,
        traceparent: telemetry::recorded_traceparent(span),
    }
}

/// What a trace says of an attempt. What the receiver said is not for everybody who reads traces.
fn concluded(subscription: &Subscription, outcome: &Outcome) -> Conclusion {
    let status = outcome.status();
    let failed = !status.is_some_and(|status| (200..300).contains(&status));
    let mut attributes = vec![
        ("leadwire.subscription", subscription.id.to_string().into()),
        ("leadwire.family", subscription.family.name().into()),
    ];
    attributes.extend(status.map(|status| ("http.response.status_code", i64::from(status).into())));
    let said = || status.map_or("no answer".to_owned(), |status| format!("answered {status}"));
    Conclusion { name: None, attributes, error: failed.then(said) }
}

/// What a message says of the attempts before, from the second on.
fn retry_context(
    subscription: &Subscription,
    delivery: &DueDelivery,
    bases: Bases,
    now: DateTime<Utc>,
) -> Option<RetryContext> {
    if subscription.family != Family::Lex || delivery.attempts == 0 {
        return None;
    }
    let attempt = u16::try_from(delivery.attempts).unwrap_or(0).saturating_add(1);
    let status = delivery.last_status.and_then(|status| u16::try_from(status).ok());
    Some(RetryContext {
        attempt_number: u32::from(attempt),
        max_attempts: MAX_ATTEMPTS,
        last_failure_reason: Some(status.map_or(Failure::Unreachable, Failure::of_status).name()),
        last_attempt: delivery.attempted_at,
        next_attempt: RetryPolicy::of(Family::Lex, None, bases).next_after(attempt, now),
    })
}

fn prepare(
    state: &State,
    subscription: &Subscription,
    due: &Due,
    retry: Option<RetryContext>,
    budget: Duration,
    now: DateTime<Utc>,
    span: &Span,
) -> Result<OutboundPost, PrepareError> {
    let url = Url::parse(&subscription.url)?;
    let rendered = render::render(subscription, &due.event, retry)?;
    let body = rendered.body;
    let snapshot = state.subscriptions.current();
    let known = subscription.notices.then(|| snapshot.signer_of_notices(subscription.organization));
    let signer = known.flatten().map_or(subscription, |signer| signer);
    let secrets = secrets(state, signer, now)?;
    let unix_time = u64::try_from(now.timestamp()).unwrap_or(0);
    let id = due.delivery.key.webhook_id();
    let mut headers = signing::headers(scheme(subscription.family), &id, unix_time, &body, &secrets);
    if !signer.secret_known {
        // Nobody could verify it, and who sees it would think that it can be.
        headers.retain(|(name, _)| *name != scheme(signer.family).header());
    }
    headers.push(("content-type", rendered.content_type.to_owned()));
    headers.extend(rendered.headers);
    // Without a tracer the trace goes on as it came.
    if let Some(traceparent) = telemetry::traceparent_of(span).or_else(|| due.event.traceparent.clone()) {
        headers.push(("traceparent", traceparent));
    }
    Ok(OutboundPost { url, headers, body: body.into(), budget, keep: KEEP })
}

const fn scheme(family: Family) -> signing::Family {
    match family {
        Family::Partner => signing::Family::Partner,
        Family::Platform => signing::Family::Platform,
        Family::Lex => signing::Family::Lex,
    }
}

/// The live secrets: the one before the last rotation as well, until its time is over.
fn secrets(state: &State, subscription: &Subscription, now: DateTime<Utc>) -> Result<Secrets, PrepareError> {
    let owner = Subscription::seal_owner(subscription.organization, subscription.id);
    let open = |sealed: &Sealed| -> Result<Secret, PrepareError> {
        let bytes = state.keys.open(sealed, owner.as_bytes())?;
        Ok(Secret::from(SecretString::from(String::from_utf8(bytes)?)))
    };
    let previous = subscription.previous_secret.as_ref().filter(|(_, until)| *until > now);
    Ok(Secrets {
        current: open(&subscription.secret)?,
        previous: previous.map(|(sealed, _)| open(sealed)).transpose()?,
    })
}

fn outcome(result: Result<OutboundAnswer, OutboundError>) -> Outcome {
    match result {
        Ok(answer) => {
            let success = (200..300).contains(&answer.status);
            Outcome::Answer {
                status: answer.status,
                retry_after: answer.retry_after,
                detail: (!success).then(|| readable(&answer.body)),
            }
        }
        Err(error @ OutboundError::Tls(_)) => Outcome::NoHandshake(error.to_string()),
        Err(error) => Outcome::NoAnswer(error.to_string()),
    }
}

/// Bytes of strangers as text that PostgreSQL stores and people can read.
fn readable(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    text.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_receiver_says_is_kept_readable_and_only_when_it_failed() {
        let answer = |status, body: &'static [u8]| {
            outcome(Ok(OutboundAnswer { status, retry_after: None, body: body.into() }))
        };
        assert_eq!(answer(200, b"fine").error(), None);
        assert_eq!(answer(500, b"bad\0\x1b[31m \xff").error().unwrap(), "answered 500: bad[31m \u{fffd}");
    }
}
