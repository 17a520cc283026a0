//! The http requests of automations: vetted, signed, bounded. What a receiver must know to verify one is its
//! automation's secret, which is derived and stored nowhere.

use crate::domain::definition::{Definition, Step};
use crate::domain::expression;
use crate::domain::run::{Outcome, Run};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use contracts::crm::ObjectId;
use contracts::ids::OrganizationId;
use platform::Violation;
use platform::clock::Clock;
use platform::secrets::Pepper;
use platform_http::outbound::{OutboundClient, OutboundError, OutboundPost};
use serde_json::Value;
use signing::standard::{ID_HEADER, SIGNATURE_HEADER, TIMESTAMP_HEADER, sign};
use signing::{Secret, Secrets};
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

    /// Sends the request of a step.
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
        let post = OutboundPost { url, headers, body: body.into(), budget: BUDGET, keep: 0 };
        match self.outbound.post(post).await {
            Ok(answer) => match answer.status {
                200..300 => Outcome::Done,
                // Somebody may mend it.
                300..400 | 408 | 425 | 429 | 500.. => Outcome::Again(format!("answered {}", answer.status)),
                status => Outcome::Dead(format!("answered {status}")),
            },
            Err(error @ (OutboundError::Refused(_) | OutboundError::Header(_))) => {
                Outcome::Dead(error.to_string())
            }
            Err(error) => Outcome::Again(error.to_string()),
        }
    }
}
