//! A conformance case, put to the engine in a world of its own: what it stores and announces ends with it.

use super::record::{Outcome, Status};
use super::sender::{Party, Receiver, Sender};
use super::submission::Submission;
use super::world::World;
use chrono::{DateTime, Utc};
use contracts::ids::{ClientId, EventId, OrganizationId};
use lex::conformance::{Answer, Case, CaseResult};
use lex::{Message, Verdict, header};
use platform::ids::IdSource;
use uuid::Uuid;

/// Runs a case at its own level, by the rules of the standard alone.
pub fn rehearse(case: &Case, now: DateTime<Utc>) -> CaseResult {
    let ids = IdSource::counting();
    let mut world = World::default();
    let answers: Vec<Answer> = case
        .submissions(now)
        .into_iter()
        .map(|message| answer(&mut world, &submission(case, message, now, &ids)))
        .collect();
    case.judge(&answers)
}

fn answer(world: &mut World, submission: &Submission) -> Answer {
    let (verdict, idempotent) = match world.take(submission) {
        Outcome::Accepted(answer) => (valid(answer.warnings), false),
        Outcome::Replayed(answer) => (valid(answer.warnings), true),
        Outcome::Refused { verdict, .. } => (verdict, false),
    };
    let name = (submission.organization_id(), submission.message_id.clone());
    let record = world.changes.records.get(&name);
    Answer {
        verdict,
        acknowledgment: record.and_then(|record| Some(record.acknowledgment.as_ref()?.0)),
        idempotent,
        dead_letter: record.is_some_and(|record| record.status == Status::Dlq),
    }
}

fn valid(warnings: Vec<lex::Issue>) -> Verdict {
    Verdict { errors: Vec::new(), warnings }
}

/// The message as if two organisations without any past exchanged it.
fn submission(case: &Case, message: Message, now: DateTime<Utc>, ids: &IdSource) -> Submission {
    let party = |number: u128, name: &str| Party {
        organization_id: OrganizationId::new(Uuid::from_u128(number)),
        lex_ids: vec![message.header_text(name).unwrap_or_default().to_owned()],
    };
    let (sender, receiver) = (party(1, "senderId"), party(2, "receiverId"));
    let level = case.level();
    Submission {
        sender: Sender {
            organization_id: sender.organization_id,
            client_id: ClientId::new(Uuid::from_u128(1)),
            lex_ids: sender.lex_ids,
            level: Some(level),
        },
        receiver: Receiver::Organization(receiver),
        message_id: message.header_text("messageId").unwrap_or_default().to_owned(),
        document: String::new(),
        kind: header::of_type(&message),
        id: EventId::new(ids.at(now)),
        notice_id: EventId::new(ids.at(now)),
        received_at: now,
        processing_ms: 0,
        verdict: Submission::check(&message, now, level, false),
        found: None,
        level,
        strict: false,
        traceparent: None,
        request_id: None,
        message,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lex::conformance::{CaseStatus, cases};

    #[test]
    fn the_engine_passes_every_case_of_the_standard() {
        let now = DateTime::from_timestamp(1_795_000_000, 0).unwrap();
        for case in cases() {
            let result = rehearse(case, now);
            assert_eq!(result.status, CaseStatus::Pass, "{result:?}");
        }
    }
}
