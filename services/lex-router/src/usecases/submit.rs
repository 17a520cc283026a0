//! Taking a message in: whose it is, what the rules say, whom it is for; then stored and announced in one
//! transaction, or refused.

use super::find_receiver::find_receiver;
use super::keep_subscription::keep_subscription;
use crate::domain::record::Outcome;
use crate::domain::sender::Sender;
use crate::domain::submission::{Submission, is_name};
use crate::state::State;
use chrono::{DateTime, Utc};
use contracts::ids::EventId;
use lex::header::{self, MessageType};
use lex::message::Unreadable;
use lex::{Issue, Level, Message, Verdict, code};
use platform_pg::group_commit::GroupCommitError;
use platform_pg::{StoreError, within};

/// Documents of more bytes do not share a commit: a group of such would be hundreds of megabytes.
const LARGE: usize = 64 * 1024;

/// A message as it came, with what its way in says of it.
#[derive(Clone, Debug)]
pub struct Incoming {
    pub message: Message,
    /// The document, word for word where it was JSON.
    pub document: String,
    /// The one type that the way in takes.
    pub only: Option<MessageType>,
    /// What the request calls it beside the body.
    pub idempotency_key: Option<String>,
    /// When its request was begun with.
    pub since: DateTime<Utc>,
}

/// Why a message has no outcome.
#[derive(Debug, thiserror::Error)]
pub enum SubmitError {
    #[error("the sender is another organisation")]
    Foreign,
    #[error("the credential has no scope for messages of this type")]
    Scope(&'static str),
    #[error("a service that is needed does not answer")]
    Peer(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error(transparent)]
    Write(#[from] GroupCommitError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What a message comes to before it is stored.
enum Prepared {
    Ready(Box<Submission>),
    /// Without a place to keep it in.
    Refused(Outcome),
}

/// Takes in one message. `may` says whether the caller may send messages of a type, or which scope is missing.
pub async fn submit(
    state: &State,
    sender: &Sender,
    incoming: Incoming,
    may: impl Fn(Option<MessageType>) -> Result<(), &'static str>,
) -> Result<Outcome, SubmitError> {
    let outcome = match prepare(state, sender, incoming, may).await? {
        Prepared::Ready(submission) if submission.document.len() > LARGE => {
            take_alone(state, &[*submission]).await?.into_iter().next()
        }
        Prepared::Ready(submission) => Some(state.intake.grouped.submit(*submission).await?),
        Prepared::Refused(outcome) => Some(outcome),
    };
    // One comes back for each that is handed in.
    outcome.map(counted).ok_or(SubmitError::Write(GroupCommitError::Broken))
}

/// Takes in messages in a transaction of their own.
async fn take_alone(state: &State, submissions: &[Submission]) -> Result<Vec<Outcome>, StoreError> {
    within(platform_pg::bounded::LIMIT, state.intake.direct.take(submissions)).await
}

/// Takes in the messages of a batch in their order, each by itself; what is no message, or not the sender's, fails
/// alone.
pub async fn submit_batch(
    state: &State,
    sender: &Sender,
    incoming: Vec<Result<Incoming, Unreadable>>,
    may: impl Fn(Option<MessageType>) -> Result<(), &'static str> + Copy,
) -> Result<Vec<Outcome>, SubmitError> {
    let mut submissions = Vec::with_capacity(incoming.len());
    let mut places = Vec::with_capacity(incoming.len());
    // One after the other: what one subscribes to, a later one may end.
    for message in incoming {
        match prepare_item(state, sender, message, may).await? {
            Prepared::Ready(submission) => {
                submissions.push(*submission);
                places.push(None);
            }
            Prepared::Refused(outcome) => places.push(Some(outcome)),
        }
    }
    let mut taken = match submissions.as_slice() {
        [] => Vec::new(),
        submissions => take_alone(state, submissions).await?,
    }
    .into_iter();
    // One outcome came back for each that was handed in.
    Ok(places.into_iter().filter_map(|place| place.or_else(|| taken.next())).map(counted).collect())
}

/// What would refuse a single message as a whole makes only this one invalid.
async fn prepare_item(
    state: &State,
    sender: &Sender,
    message: Result<Incoming, Unreadable>,
    may: impl Fn(Option<MessageType>) -> Result<(), &'static str>,
) -> Result<Prepared, SubmitError> {
    let message = match message {
        Ok(message) => message,
        Err(broken) => return Ok(Prepared::Refused(refused("", unreadable(&broken)))),
    };
    let id = message.message.header_text("messageId").unwrap_or_default().to_owned();
    match prepare(state, sender, message, may).await {
        Err(SubmitError::Foreign) => Ok(Prepared::Refused(refused(&id, foreign()))),
        Err(SubmitError::Scope(scope)) => Ok(Prepared::Refused(refused(&id, unscoped(scope)))),
        prepared => prepared,
    }
}

fn counted(outcome: Outcome) -> Outcome {
    let what = match &outcome {
        Outcome::Accepted(_) => "accepted",
        Outcome::Replayed(_) => "replayed",
        Outcome::Refused { verdict, .. } if verdict.expired() => "expired",
        Outcome::Refused { .. } => "refused",
    };
    metrics::counter!("leadwire_lex_messages_total", "outcome" => what).increment(1);
    outcome
}

async fn prepare(
    state: &State,
    sender: &Sender,
    incoming: Incoming,
    may: impl Fn(Option<MessageType>) -> Result<(), &'static str>,
) -> Result<Prepared, SubmitError> {
    let message = incoming.message;
    let kind = header::of_type(&message);
    let name = message.header_text("senderId");
    if name.is_some_and(|name| !name.is_empty() && !sender.is(name)) {
        return Err(SubmitError::Foreign);
    }
    may(kind).map_err(SubmitError::Scope)?;
    let message_id = message.header_text("messageId").unwrap_or_default().to_owned();
    let way_in = [
        incoming.idempotency_key.filter(|key| *key != message_id).map(|key| other_key(&key)),
        incoming.only.filter(|only| kind != Some(*only)).map(|only| other_type(only, &message)),
    ];
    if let Some(issue) = way_in.into_iter().flatten().next() {
        return Ok(Prepared::Refused(refused(&message_id, issue)));
    }

    let now = state.clock.now();
    let id = state.ids.at(now);
    // The id keeps milliseconds only, and must lead back to the partition.
    let received_at = platform::ids::time_of(id).unwrap_or(now);
    let level = sender.level.unwrap_or(Level::L1);
    let verdict = Submission::check(&message, received_at, level, state.rules.strict);
    let processing = (state.clock.now() - incoming.since).num_milliseconds();
    if !is_name(&message_id) {
        return Ok(Prepared::Refused(nameless(verdict)));
    }
    let receiver = find_receiver(state, message.header_text("receiverId")).await?;
    let mut submission = Submission {
        sender: sender.clone(),
        receiver,
        message,
        message_id,
        document: incoming.document,
        kind,
        id: EventId::new(id),
        notice_id: EventId::new(state.ids.at(now)),
        received_at,
        processing_ms: i32::try_from(processing).unwrap_or(0),
        verdict,
        found: None,
        level,
        strict: state.rules.strict,
        traceparent: platform::telemetry::current_traceparent(),
        request_id: platform::request_id::current(),
    };
    if kind == Some(MessageType::Subscription) {
        submission.found = keep_subscription(state, &submission).await?;
    }
    Ok(Prepared::Ready(Box::new(submission)))
}

fn refused(message_id: &str, issue: Issue) -> Outcome {
    let verdict = Verdict { errors: vec![issue], warnings: Vec::new() };
    Outcome::Refused { message_id: message_id.to_owned(), verdict, processing_ms: 0 }
}

/// A message that cannot be kept, because it cannot be asked for.
fn nameless(mut verdict: Verdict) -> Outcome {
    if verdict.is_valid() {
        verdict.errors.push(Issue::critical(
            "lex.header.messageId",
            code::INVALID_FORMAT,
            "the id has 1 to 255 characters, none of them a control character",
        ));
    }
    Outcome::Refused { message_id: String::new(), verdict, processing_ms: 0 }
}

/// The issue of bytes that are no message.
pub fn unreadable(broken: &Unreadable) -> Issue {
    Issue::critical("lex", code::INVALID_FORMAT, broken.to_string())
}

fn other_key(key: &str) -> Issue {
    Issue::error(
        "lex.header.messageId",
        "IDEMPOTENCY_KEY_MISMATCH",
        "the header Idempotency-Key names another message",
    )
    .with("rejectedValue", key)
}

fn other_type(only: MessageType, message: &Message) -> Issue {
    let sent = message.header().and_then(|header| header.get("messageType")).cloned().unwrap_or_default();
    let what = format!("only {} messages are taken here", only.as_str());
    Issue::critical("lex.header.messageType", code::INVALID_ENUM_VALUE, what)
        .with("rejectedValue", sent)
        .with("allowedValues", vec![only.as_str()])
}

fn foreign() -> Issue {
    Issue::critical(
        "lex.header.senderId",
        "SENDER_MISMATCH",
        "the id is not one of the caller's organization",
    )
}

fn unscoped(scope: &str) -> Issue {
    let what = format!("the credential needs the scope {scope} for messages of this type");
    Issue::critical("lex.header.messageType", "INSUFFICIENT_SCOPE", what)
}
