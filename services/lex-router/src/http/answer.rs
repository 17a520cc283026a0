//! The answers to messages, as the contract has them.

use crate::domain::record::{Answer, Outcome};
use actix_web::HttpResponse;
use chrono::{DateTime, SecondsFormat, Utc};
use lex::{Issue, Verdict};
use platform_http::edge::Final;
use serde_json::{Value, json};

/// A moment, to the millisecond.
pub fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// The answer to one message; `with_lead` adds what the way in for leads promises.
pub fn of_outcome(outcome: Outcome, with_lead: bool) -> HttpResponse {
    match outcome {
        Outcome::Accepted(answer) => HttpResponse::Ok().json(accepted(&answer, false, with_lead)),
        Outcome::Replayed(answer) => HttpResponse::Ok().json(accepted(&answer, true, with_lead)),
        Outcome::Refused { message_id, verdict, processing_ms } => {
            refused(&message_id, &verdict, processing_ms)
        }
    }
}

/// `MessageSubmitResponse`, or `LeadSubmitResponse`.
fn accepted(answer: &Answer, idempotent: bool, with_lead: bool) -> Value {
    let mut body = json!({
        "messageId": answer.message_id,
        "valid": true,
        "processedAt": time(answer.processed_at),
        "processingTimeMs": answer.processing_ms,
        "warnings": answer.warnings,
        "idempotent": idempotent,
    });
    let lead = [("leadId", &answer.lead_id), ("routedTo", &answer.receiver_id)];
    for (name, text) in lead.into_iter().filter(|_| with_lead) {
        if let Some(text) = text {
            body[name] = json!(text);
        }
    }
    body
}

/// `ValidationFailureResponse`.
fn refused(message_id: &str, verdict: &Verdict, processing_ms: i32) -> HttpResponse {
    let mut response = HttpResponse::BadRequest().json(json!({
        "messageId": message_id,
        "valid": false,
        "errors": verdict.errors,
        "warnings": verdict.warnings,
        "processingTimeMs": processing_ms,
    }));
    response.extensions_mut().insert(Final);
    response
}

/// The same for something that is no message at all, or no closure.
pub fn invalid(errors: Vec<Issue>) -> HttpResponse {
    refused("", &Verdict { errors, warnings: Vec::new() }, 0)
}

/// An entry of a batch's results.
pub fn of_batch(outcome: &Outcome, now: DateTime<Utc>) -> (bool, Value) {
    match outcome {
        Outcome::Accepted(answer) => (true, accepted(answer, false, false)),
        Outcome::Replayed(answer) => (true, accepted(answer, true, false)),
        Outcome::Refused { message_id, verdict, processing_ms } => {
            let result = json!({
                "messageId": message_id,
                "valid": false,
                "processedAt": time(now),
                "processingTimeMs": processing_ms,
                "errors": verdict.errors,
                "warnings": verdict.warnings,
            });
            (false, result)
        }
    }
}
