//! What HubSpot's answers mean for the leads that they are about.
//!
//! Reasons are made of status, category and error codes alone: HubSpot's sentences quote the person's data.

use super::hubspot::{Batch, Pair, Upsert};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;

/// What became of one input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is there, under this id.
    Done(String),
    /// HubSpot will not have it, now or later.
    Refused(String),
    /// Not now; it is worth another attempt.
    Again(String),
}

/// An answer to a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    /// One for each input, in their order.
    pub verdicts: Vec<Verdict>,
    /// For how long the account's rate limit is used up.
    pub pause: Option<Duration>,
}

/// Why a batch has no verdicts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallError {
    /// HubSpot did not work on it, or would have refused any other batch too: down, overloaded, over its
    /// limit, or the account is not set up for us. No lead is at fault.
    Outage(Outage),
    /// It was refused as a whole, because of some of its inputs.
    Refused(String),
    /// It met another write of the same objects.
    Conflict(String),
}

/// A time without HubSpot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outage {
    pub reason: String,
    /// What HubSpot asked for.
    pub retry_after: Option<Duration>,
}

impl CallError {
    pub fn outage(reason: impl Into<String>) -> Self {
        Self::Outage(Outage { reason: reason.into(), retry_after: None })
    }
}

/// What an answer says beside its body.
#[derive(Clone, Copy, Debug, Default)]
pub struct Facts {
    pub status: u16,
    pub retry_after: Option<Duration>,
    /// Calls that the rate limit has left.
    pub remaining: Option<u64>,
    /// The rate limit's window.
    pub interval: Option<Duration>,
}

/// The body of a batch's answer. HubSpot documents every field as optional.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct BatchAnswer {
    results: Vec<ObjectResult>,
    errors: Vec<ErrorBody>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ObjectResult {
    id: String,
    #[serde(rename = "objectWriteTraceId")]
    trace: Option<String>,
    properties: BTreeMap<String, Option<String>>,
    from: Option<Reference>,
    to: Option<Reference>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Reference {
    id: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ErrorBody {
    category: String,
    message: String,
    context: BTreeMap<String, Value>,
    errors: Vec<ErrorDetail>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ErrorDetail {
    code: Option<String>,
    message: String,
}

/// What is at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    Input,
    Moment,
    Account,
}

/// Reads an answer.
///
/// # Errors
/// When it is not one about the inputs.
pub fn read(batch: &Batch, facts: &Facts, body: &[u8]) -> Result<Answered, CallError> {
    let outage = |reason: String| {
        let retry_after = facts.retry_after.or(facts.interval.filter(|_| facts.status == 429));
        Err(CallError::Outage(Outage { reason, retry_after }))
    };
    match facts.status {
        200..=207 => {
            let Ok(answer) = serde_json::from_slice::<BatchAnswer>(body) else {
                return outage(format!("{} with a body that is no batch answer", facts.status));
            };
            let account = answer.errors.iter().find(|error| error.fault() == Fault::Account);
            if let Some(error) = account {
                return outage(error.reason(facts.status));
            }
            let pause = facts.interval.filter(|_| facts.remaining == Some(0));
            Ok(Answered { verdicts: verdicts(batch, &answer, facts.status), pause })
        }
        409 => Err(CallError::Conflict(error_of(body).reason(409))),
        // One of the objects is gone; the same status without the category is a path that is not there.
        404 if matches!(batch, Batch::Associations(_)) && error_of(body).category == "OBJECT_NOT_FOUND" => {
            Err(CallError::Refused(error_of(body).reason(404)))
        }
        // Nothing of these is about the inputs: the token, the path, the limits, the server. 423 and 477 are
        // HubSpot's own words for "not at the moment".
        401 | 403 | 404 | 405 | 408 | 423 | 425 | 429 | 477 => outage(error_of(body).reason(facts.status)),
        400..=499 => {
            let error = error_of(body);
            match error.fault() {
                Fault::Account => outage(error.reason(facts.status)),
                Fault::Input | Fault::Moment => Err(CallError::Refused(error.reason(facts.status))),
            }
        }
        _ => outage(facts.status.to_string()),
    }
}

fn error_of(body: &[u8]) -> ErrorBody {
    serde_json::from_slice(body).unwrap_or_default()
}

fn verdicts(batch: &Batch, answer: &BatchAnswer, status: u16) -> Vec<Verdict> {
    let alone = batch.len() == 1;
    let missing = |error: Option<&ErrorBody>| match error {
        Some(error) => error.verdict(status),
        None => Verdict::Again(format!("{status} without a result")),
    };
    match batch {
        Batch::Contacts(inputs) | Batch::Deals(inputs) => inputs
            .iter()
            .map(|input| match answer.results.iter().find(|result| result.is_of(input)) {
                Some(result) if !result.id.is_empty() => Verdict::Done(result.id.clone()),
                _ => missing(answer.errors.iter().find(|error| alone || error.is_of(&input.trace))),
            })
            .collect(),
        Batch::Associations(pairs) => pairs
            .iter()
            .map(|pair| {
                if answer.results.iter().any(|result| result.is_between(pair)) {
                    Verdict::Done(pair.deal_id.clone())
                } else {
                    // An object may have been merged or deleted since: worth finding it anew.
                    Verdict::Again(answer.errors.first().unwrap_or(&ErrorBody::default()).reason(status))
                }
            })
            .collect(),
    }
}

impl ObjectResult {
    fn is_of(&self, input: &Upsert) -> bool {
        match &self.trace {
            Some(trace) => *trace == input.trace,
            None => self
                .properties
                .get(input.id_property)
                .and_then(Option::as_ref)
                .is_some_and(|value| value.eq_ignore_ascii_case(&input.id)),
        }
    }

    fn is_between(&self, pair: &Pair) -> bool {
        let is = |reference: &Option<Reference>, id: &str| {
            reference.as_ref().is_some_and(|reference| reference.id == id)
        };
        is(&self.from, &pair.deal_id) && is(&self.to, &pair.contact_id)
    }
}

impl ErrorBody {
    fn is_of(&self, trace: &str) -> bool {
        let traces = self.context.get("objectWriteTraceId").and_then(Value::as_array);
        traces.is_some_and(|traces| traces.iter().any(|given| given.as_str() == Some(trace)))
    }

    fn verdict(&self, status: u16) -> Verdict {
        match self.fault() {
            Fault::Input => Verdict::Refused(self.reason(status)),
            Fault::Moment | Fault::Account => Verdict::Again(self.reason(status)),
        }
    }

    fn fault(&self) -> Fault {
        // A property of ours that the account does not have, or has without "unique", concerns every lead.
        let unfit = self.codes().any(|code| code == "PROPERTY_DOESNT_EXIST")
            || self.texts().any(|text| text.contains("by non-unique"));
        match self.category.as_str() {
            _ if unfit => Fault::Account,
            "CONFLICT" | "RATE_LIMITS" | "INTERNAL_ERROR" | "INTERNAL_SERVER_ERROR" | "" => Fault::Moment,
            _ => Fault::Input,
        }
    }

    fn texts(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.message.as_str()).chain(self.errors.iter().map(|detail| detail.message.as_str()))
    }

    /// The machine-readable codes: of the details, and of the JSON that HubSpot puts into its sentences.
    fn codes(&self) -> impl Iterator<Item = &str> {
        let quoted = self
            .texts()
            .flat_map(|text| text.split("\"error\":\"").skip(1).filter_map(|rest| rest.split('"').next()));
        quoted
            .chain(self.errors.iter().filter_map(|detail| detail.code.as_deref()))
            .filter(|code| is_code(code))
    }

    fn reason(&self, status: u16) -> String {
        let category = Some(self.category.as_str()).filter(|category| is_code(category));
        let mut codes: Vec<&str> = self.codes().collect();
        codes.dedup();
        codes.truncate(4);
        std::iter::once(status.to_string())
            .chain(category.into_iter().chain(codes).map(str::to_owned))
            .collect::<Vec<_>>()
            .join(" ")
    }
}

fn is_code(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn contacts(emails: &[&str]) -> Batch {
        let input = |(index, email): (usize, &&str)| Upsert {
            id_property: "email",
            id: (*email).to_owned(),
            trace: format!("t{index}"),
            properties: BTreeMap::new(),
        };
        Batch::Contacts(emails.iter().enumerate().map(input).collect())
    }

    fn facts(status: u16) -> Facts {
        Facts { status, ..Facts::default() }
    }

    #[test]
    fn a_partial_failure_is_told_apart_by_trace_or_by_value_in_any_order() {
        let body = json!({
            "status": "COMPLETE",
            "results": [
                {"id": "12", "new": false, "properties": {"email": "C@x.io"}},
                {"id": "11", "objectWriteTraceId": "t0", "properties": {"email": "a@x.io"}},
            ],
            "numErrors": 1,
            "errors": [{
                "status": "error", "category": "VALIDATION_ERROR",
                "message": "Property values were not valid: [{\"message\":\"b@ is invalid\",\"error\":\"INVALID_EMAIL\"}]",
                "context": {"objectWriteTraceId": ["t1"]},
            }],
        });
        let answered =
            read(&contacts(&["a@x.io", "b@", "c@x.io", "d@x.io"]), &facts(207), body.to_string().as_bytes());
        assert_eq!(
            answered.unwrap().verdicts,
            [
                Verdict::Done("11".to_owned()),
                Verdict::Refused("207 VALIDATION_ERROR INVALID_EMAIL".to_owned()),
                Verdict::Done("12".to_owned()),
                Verdict::Again("207 without a result".to_owned()),
            ]
        );
    }

    #[test]
    fn what_concerns_every_lead_is_an_outage_and_what_concerns_the_batch_a_refusal() {
        let missing = json!({"category": "VALIDATION_ERROR", "message":
            "Property values were not valid: [{\"error\":\"PROPERTY_DOESNT_EXIST\",\"name\":\"leadwire_lead_id\"}]"});
        let plain = json!({"category": "VALIDATION_ERROR", "message": "grace@example.com is bad"});
        for status in [401, 403, 404, 405, 408, 423, 425, 429, 477, 500, 502, 503, 504, 301] {
            let error = read(&contacts(&["a@x.io"]), &facts(status), plain.to_string().as_bytes());
            assert!(matches!(error, Err(CallError::Outage(_))), "{status}");
        }
        for status in [200, 207] {
            let error = read(&contacts(&["a@x.io"]), &facts(status), b"<html>");
            assert!(matches!(error, Err(CallError::Outage(_))), "{status}");
        }
        let error = read(&contacts(&["a@x.io"]), &facts(400), missing.to_string().as_bytes());
        assert!(matches!(error, Err(CallError::Outage(_))), "{error:?}");
        let error = read(&contacts(&["a@x.io"]), &facts(400), plain.to_string().as_bytes());
        assert_eq!(error, Err(CallError::Refused("400 VALIDATION_ERROR".to_owned())));
        let error = read(&contacts(&["a@x.io"]), &facts(409), b"");
        assert_eq!(error, Err(CallError::Conflict("409".to_owned())));
    }

    #[test]
    fn a_used_up_limit_is_heeded_before_and_after_it_is_hit() {
        let over = Facts {
            status: 429,
            retry_after: Some(Duration::from_secs(7)),
            interval: Some(Duration::from_secs(10)),
            ..Facts::default()
        };
        let Err(CallError::Outage(outage)) = read(&contacts(&["a@x.io"]), &over, b"{}") else {
            unreachable!("a 429 is an outage")
        };
        assert_eq!(outage.retry_after, Some(Duration::from_secs(7)));
        let last = Facts { status: 200, remaining: Some(0), interval: over.interval, ..Facts::default() };
        let answered = read(&contacts(&["a@x.io"]), &last, b"{\"results\":[]}").unwrap();
        assert_eq!(answered.pause, Some(Duration::from_secs(10)));
    }
}
