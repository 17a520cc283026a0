//! The http requests of automations: vetted, signed, bounded. What a receiver must know to verify one is its
//! automation's secret, which is derived and stored nowhere.

use super::hosts::{Failure, HostName, Hosts};
use crate::domain::definition::{Definition, Step};
use crate::domain::expression;
use crate::domain::run::{Outcome, Run};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use contracts::crm::ObjectId;
use contracts::ids::OrganizationId;
use platform::Violation;
use platform::clock::Clock;
use platform::secrets::Pepper;
use platform_http::outbound::{OutboundAnswer, OutboundClient, OutboundError, OutboundPost, retry_after};
use serde_json::Value;
use signing::standard::{ID_HEADER, SIGNATURE_HEADER, TIMESTAMP_HEADER, sign};
use signing::{Secret, Secrets};
use std::sync::Arc;
use std::time::Duration;
use url::Url;

/// For a request and its whole answer.
const BUDGET: Duration = Duration::from_secs(10);

/// Sends requests.
#[derive(Clone, Debug)]
pub struct Requests {
    pub outbound: OutboundClient,
    /// `None`: automations cannot send requests here.
    pub signing_key: Option<Pepper>,
    pub clock: Clock,
    pub hosts: Arc<Hosts>,
}

impl Requests {
    /// The requests of an automation that could never be sent.
    pub fn refusals(&self, definition: &Definition) -> Vec<Violation> {
        let steps = definition.steps.iter().enumerate();
        steps
            .filter_map(|(index, step)| {
                let Step::HttpRequest { url, .. } = step else { return None };
                let path = format!("steps.{index}.http_request.url");
                if self.signing_key.is_none() {
                    return Some(Violation::new(
                        path,
                        "cannot be called: this installation has no signing key",
                    ));
                }
                let Ok(url) = url.parse::<Url>() else { return Some(Violation::new(path, "is not a URL")) };
                self.outbound.check(&url).err().map(|refused| Violation::new(path, refused.to_string()))
            })
            .collect()
    }

    /// What an automation's requests are signed with (Standard Webhooks 1.0).
    pub fn secret(&self, organization: OrganizationId, automation: ObjectId) -> Option<String> {
        let key = self.signing_key.as_ref()?.hash(&format!("automation {organization} {automation}"));
        Some(format!("whsec_{}", STANDARD.encode(key)))
    }

    /// Sends the request of a step, if its receiver works.
    pub async fn send(&self, run: &Run, url: &str, body: &Value) -> Outcome {
        let (Ok(url), Some(secret)) = (url.parse::<Url>(), self.secret(run.organization, run.automation_id))
        else {
            return Outcome::Dead("the request cannot be sent from this installation".to_owned());
        };
        let body = match expression::fill(body, &run.data) {
            Ok(body) => body.to_string(),
            Err(error) => return Outcome::Dead(format!("the body {error}")),
        };
        let (id, time) = (run.effect_id(), self.clock.now().timestamp().unsigned_abs());
        let signature = sign(&id, time, body.as_bytes(), &Secrets::one(Secret::new(secret)));
        let mut headers = vec![
            ("content-type", "application/json".to_owned()),
            (ID_HEADER, id),
            (TIMESTAMP_HEADER, time.to_string()),
            (SIGNATURE_HEADER, signature),
        ];
        headers.extend(platform::telemetry::current_traceparent().map(|parent| ("traceparent", parent)));
        let host = HostName::of(run.organization, &url);
        let began = self.clock.now();
        if let Err(later) = self.hosts.admit(&host, began) {
            return Outcome::Later { until: later.until, error: later.error };
        }
        let post = OutboundPost { url, headers, body: body.into(), budget: BUDGET, keep: 0 };
        let result = self.outbound.post(post).await;
        let now = self.clock.now();
        match sorted(result, now) {
            Sent::Answered(outcome) => {
                self.hosts.answered(&host, began, now);
                outcome
            }
            Sent::NotAtAll(error) => {
                self.hosts.unused(&host);
                Outcome::Dead(error)
            }
            Sent::Nowhere(failure) => {
                let until = self.hosts.failed(&host, began, now, &failure);
                Outcome::Later { until, error: Some(failure.reason) }
            }
        }
    }
}

/// What a request came to.
#[derive(Debug)]
enum Sent {
    Answered(Outcome),
    /// It may not be sent.
    NotAtAll(String),
    /// Its receiver does not work.
    Nowhere(Failure),
}

fn sorted(result: Result<OutboundAnswer, OutboundError>, now: DateTime<Utc>) -> Sent {
    let answer = match result {
        Ok(answer) => answer,
        Err(error @ (OutboundError::Refused(_) | OutboundError::Header(_))) => {
            return Sent::NotAtAll(error.to_string());
        }
        Err(error) => return Sent::Nowhere(Failure { reason: error.to_string(), wish: None }),
    };
    let error = format!("answered {}", answer.status);
    match answer.status {
        200..300 => Sent::Answered(Outcome::Done),
        // Somebody may mend it.
        300..400 => Sent::Answered(Outcome::Again(error)),
        408 | 425 | 429 | 500.. => {
            let wish = answer.retry_after.filter(|_| matches!(answer.status, 429 | 503));
            Sent::Nowhere(Failure { reason: error, wish: wish.and_then(|text| retry_after(&text, now)) })
        }
        _ => Sent::Answered(Outcome::Dead(error)),
    }
}
