//! A message on its way in: read, checked as far as it can be by itself, not yet compared with what is stored.

use super::sender::{Receiver, Sender};
use chrono::{DateTime, Utc};
use contracts::ids::{EventId, OrganizationId};
use lex::dedup::Fingerprint;
use lex::facts::Facts;
use lex::header::MessageType;
use lex::{Context, Issue, Level, Message, Verdict, acknowledgment, life_cycle};

/// A message with a usable id, sent under a name of its sender.
#[derive(Clone, Debug)]
pub struct Submission {
    pub sender: Sender,
    pub receiver: Receiver,
    pub message: Message,
    pub message_id: String,
    /// The document, word for word where it was JSON.
    pub document: String,
    pub kind: Option<MessageType>,
    /// Of the message and its event.
    pub id: EventId,
    /// Of the notice that tells its sender of a duplicate, should it be one.
    pub notice_id: EventId,
    /// The time inside `id`.
    pub received_at: DateTime<Utc>,
    pub processing_ms: i32,
    /// What the rules say at `level`, if nothing is stored yet.
    pub verdict: Verdict,
    /// What was found wrong beyond the rules.
    pub found: Option<Issue>,
    pub level: Level,
    pub strict: bool,
    pub traceparent: Option<String>,
    /// Of the request that it came with.
    pub request_id: Option<String>,
}

impl Submission {
    /// What the rules say of a message by itself.
    pub fn check(message: &Message, now: DateTime<Utc>, level: Level, strict: bool) -> Verdict {
        lex::check(message, &Context { now, level, previous_status: None, strict })
    }

    /// What the rules say, the stored status of its lead and its sender's level considered. Repeats the check
    /// only where one of them makes a difference.
    pub fn judged(&self, level: Level, stored_status: Option<&str>) -> Verdict {
        let as_assumed = level == self.level
            && stored_status.is_none_or(|stored| {
                !self.verdict.has(lex::code::INVALID_STATUS_TRANSITION) && self.may_follow(stored)
            });
        let mut verdict = if as_assumed {
            self.verdict.clone()
        } else {
            let now = self.received_at;
            let context = Context { now, level, previous_status: stored_status, strict: self.strict };
            lex::check(&self.message, &context)
        };
        verdict.errors.extend(self.found.clone());
        if verdict.is_valid() && self.receiver == Receiver::Unknown {
            verdict.warnings.push(not_registered(self.receiver_id().unwrap_or_default()));
        }
        verdict
    }

    fn may_follow(&self, stored: &str) -> bool {
        let (Some(from), Some(to)) =
            (life_cycle::Status::parse(stored), self.facts().lead_status.and_then(life_cycle::Status::parse))
        else {
            return false;
        };
        life_cycle::may_follow(from, to)
    }

    pub fn organization_id(&self) -> OrganizationId {
        self.sender.organization_id
    }

    pub fn receiver_id(&self) -> Option<&str> {
        self.message.header_text("receiverId")
    }

    /// The name that it was sent under.
    pub fn sender_id(&self) -> &str {
        self.message.header_text("senderId").unwrap_or_default()
    }

    pub fn facts(&self) -> Facts<'_> {
        Facts::read(&self.message)
    }

    /// The lead that it is about, where it is about one and is valid by itself.
    pub fn lead_id(&self) -> Option<String> {
        let about = matches!(self.kind, Some(MessageType::Lead | MessageType::LeadClosure));
        about.then(|| self.facts().subject.filter(|id| is_name(id)).map(str::to_owned)).flatten()
    }

    /// The asset that it is about.
    pub fn asset_id(&self) -> Option<String> {
        let about = self.kind == Some(MessageType::Asset);
        about.then(|| self.facts().subject.filter(|id| is_name(id)).map(str::to_owned)).flatten()
    }

    /// The id of the message that it acknowledges.
    pub fn acknowledges(&self) -> Option<&str> {
        let incoming = acknowledgment::Incoming::read(&self.message)?;
        (self.kind == Some(MessageType::Acknowledgment) && is_name(incoming.message_id))
            .then_some(incoming.message_id)
    }

    /// What tells whether its lead is somebody's second one.
    pub fn fingerprint(&self) -> Option<Fingerprint<'_>> {
        let read = (self.kind == Some(MessageType::Lead)).then(|| Fingerprint::read(&self.message)).flatten();
        read.filter(|fingerprint| is_name(fingerprint.value))
    }

    /// Within whose leads fingerprints are compared: those of the receiver. What is addressed to nobody in
    /// particular is compared with the sender's own alone, because anybody who learned the id of another's lead
    /// could go on with it.
    pub fn dedup_scope(&self) -> String {
        match &self.receiver {
            Receiver::Organization(party) => party.organization_id.to_string(),
            Receiver::Unknown => self.receiver_id().unwrap_or_default().to_owned(),
            Receiver::Platform | Receiver::Broadcast => format!("from {}", self.organization_id()),
        }
    }
}

/// The longest name that can be looked up.
const LONGEST_NAME: usize = 255;

/// Whether a text can be a key: not empty, not long, of characters that can be seen.
pub fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().count() <= LONGEST_NAME && !text.chars().any(char::is_control)
}

fn not_registered(receiver: &str) -> Issue {
    Issue::warning(
        "lex.header.receiverId",
        "RECEIVER_NOT_REGISTERED",
        "nobody is registered under this id: the message is held until somebody is, or until it expires",
    )
    .with("rejectedValue", receiver)
}
