//! Every rule that a message has to keep (LEX reference §9).
//!
//! By default what blocks a message are the core rules, the errors of optional blocks and wrong types of what the
//! rules read; mere advice is kept back, so an answer lists what matters. In strict mode advice is given too, and
//! every deviation from the schema is an error.

mod acknowledgment;
mod asset;
mod captive;
mod closure;
mod customer;
mod extensions;
mod finance;
mod findings;
mod governance;
mod header;
mod industry;
mod insights;
mod intelligence;
mod lead;
mod lineage;
mod notes;
mod subscription;
mod vehicle;

pub(crate) mod consent;

use crate::header::MessageType;
use crate::node::Node;
use crate::verdict::Issue;
use crate::{Message, Verdict, code, schema};
use chrono::{DateTime, Utc};
use findings::Findings;

/// How much of the standard the sender conforms to. Consent is asked for at the third alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    #[default]
    L1,
    L2,
    L3,
}

impl Level {
    /// Reads `L2`.
    pub fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "L1" => Self::L1,
            "L2" => Self::L2,
            "L3" => Self::L3,
            _ => return None,
        })
    }

    pub fn from_number(number: u64) -> Option<Self> {
        Some(match number {
            1 => Self::L1,
            2 => Self::L2,
            3 => Self::L3,
            _ => return None,
        })
    }

    pub fn number(self) -> u8 {
        match self {
            Self::L1 => 1,
            Self::L2 => 2,
            Self::L3 => 3,
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::L1 => "L1",
            Self::L2 => "L2",
            Self::L3 => "L3",
        }
    }
}

/// What the rules know beside the message.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    pub now: DateTime<Utc>,
    pub level: Level,
    /// Where the stored lead of a LEAD stands; `None` when there is none.
    pub previous_status: Option<&'a str>,
    pub strict: bool,
}

/// Judges a message. Whatever it is, there is a verdict.
pub fn check(message: &Message, context: &Context<'_>) -> Verdict {
    let mut found = Findings::new(context);
    if let Some(message_type) = header::check(message, &mut found) {
        let lex = Node::root("lex", message.document().get("lex"));
        extensions::check(&lex.get("extensions"), &mut found);
        check_payload(message, message_type, &mut found);
        governance::check(&lex, &mut found);
        if found.strict() {
            add_deviations(message, &mut found);
        }
    }
    found.into_verdict()
}

fn check_payload(message: &Message, message_type: MessageType, found: &mut Findings<'_>) {
    let body = crate::facts::body(message, message_type);
    if !found.require_critical(&body) {
        return;
    }
    match message_type {
        MessageType::Lead => lead::check(&body, found),
        MessageType::Asset => asset::check(&body, found),
        MessageType::Acknowledgment => acknowledgment::check(message, &body, found),
        MessageType::Subscription => subscription::check(&body, found),
        MessageType::LeadClosure => closure::check(&body, found),
    }
    if matches!(message_type, MessageType::Lead | MessageType::LeadClosure) {
        let is_lead = message_type == MessageType::Lead;
        finance::check(&body.get("financialSummary"), is_lead, found);
        captive::check(&body.get("captiveFinance"), is_lead, found);
        lineage::check(&body.get("dealLineage"), found);
        notes::check(&body, message.header_text("receiverId").unwrap_or_default(), found);
    }
}

/// What a sender says of its own retries is never a reason to refuse a message.
const NEVER_REFUSED: &str = "lex.header.retryContext";

fn add_deviations(message: &Message, found: &mut Findings<'_>) {
    for deviation in schema::violations(message) {
        if !deviation.path.starts_with(NEVER_REFUSED) && !found.has_field(&deviation.path) {
            found.add(Issue::error(deviation.path, code::SCHEMA_VIOLATION, deviation.message));
        }
    }
}
