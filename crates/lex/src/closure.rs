//! The end of a lead: the short form of the REST surface as a message, and what a closure does to the stored lead
//! (LEX reference §4).

use crate::facts;
use crate::header::MessageType;
use crate::life_cycle::Status;
use crate::node::Node;
use crate::verdict::Issue;
use crate::{Message, code};
use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};
use serde_json::{Map, Value, json};

/// How a lead ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClosureStatus {
    Won,
    Lost,
    Abandoned,
    Reassigned,
    Cancelled,
    Duplicate,
}

impl ClosureStatus {
    pub const NAMES: [&str; 6] = ["WON", "LOST", "ABANDONED", "REASSIGNED", "CANCELLED", "DUPLICATE"];

    pub fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "WON" => Self::Won,
            "LOST" => Self::Lost,
            "ABANDONED" => Self::Abandoned,
            "REASSIGNED" => Self::Reassigned,
            "CANCELLED" => Self::Cancelled,
            "DUPLICATE" => Self::Duplicate,
            _ => return None,
        })
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Won => "WON",
            Self::Lost => "LOST",
            Self::Abandoned => "ABANDONED",
            Self::Reassigned => "REASSIGNED",
            Self::Cancelled => "CANCELLED",
            Self::Duplicate => "DUPLICATE",
        }
    }
}

/// How a LEAD_CLOSURE says that its lead ended.
pub fn status(message: &Message) -> Option<ClosureStatus> {
    ClosureStatus::parse(facts::body(message, MessageType::LeadClosure).get("closureStatus").text()?)
}

/// Where the stored lead stands after its closure; `None`: where it stood.
pub fn lead_becomes(status: ClosureStatus) -> Option<Status> {
    match status {
        ClosureStatus::Lost
        | ClosureStatus::Abandoned
        | ClosureStatus::Cancelled
        | ClosureStatus::Duplicate => Some(Status::Archived),
        ClosureStatus::Won | ClosureStatus::Reassigned => None,
    }
}

/// The body of `POST /leads/{leadId}/closure`.
#[derive(Clone, Debug, PartialEq)]
pub struct ShortClosure {
    status: ClosureStatus,
    /// As it was sent.
    date: String,
    at: DateTime<Utc>,
    reason: Option<String>,
    /// `dealAmount`, `currency`, `actualDeliveryDate`, as they were sent.
    detail: Map<String, Value>,
}

/// What the header of a message of ours says.
#[derive(Clone, Copy, Debug)]
pub struct NewMessage<'a> {
    pub message_id: &'a str,
    pub now: DateTime<Utc>,
    pub sender_id: &'a str,
    pub receiver_id: &'a str,
}

impl ShortClosure {
    /// # Errors
    /// Everything that is wrong, by its name in the body.
    pub fn read(body: &Value) -> Result<Self, Vec<Issue>> {
        let mut issues = Vec::new();
        if !body.is_object() {
            issues.push(Issue::error("body", code::INVALID_FORMAT, "the body is a JSON object"));
            return Err(issues);
        }
        let at = |name| Node::root(name, body.get(name));
        let status = read_status(&at("closureStatus"), &mut issues);
        let date = read_date(&at("closureDate"), &mut issues);
        let reason = at("closureReason");
        if reason.present() && reason.text().is_none() {
            issues.push(wrong_type(&reason, "string"));
        }
        let detail = read_detail(&[at("dealAmount"), at("currency"), at("actualDeliveryDate")], &mut issues);
        match (status, date) {
            (Some(status), Some((date, at))) if issues.is_empty() => {
                Ok(Self { status, date, at, reason: reason.text().map(str::to_owned), detail })
            }
            _ => Err(issues),
        }
    }

    pub fn status(&self) -> ClosureStatus {
        self.status
    }

    /// The LEAD_CLOSURE that says the same of this lead.
    pub fn message(&self, lead_id: &str, lead_created: DateTime<Utc>, new: &NewMessage<'_>) -> Message {
        let mut body = Map::new();
        body.insert("originalLeadId".to_owned(), json!(lead_id));
        body.insert("closureStatus".to_owned(), json!(self.status.as_str()));
        body.insert("leadCreatedDate".to_owned(), json!(written(lead_created.min(self.at))));
        body.insert("leadClosureDate".to_owned(), json!(self.date));
        body.insert("leadLifecycleDays".to_owned(), json!((self.at - lead_created).num_days().max(0)));
        if let Some(reason) = &self.reason {
            body.insert("closureReason".to_owned(), json!(reason));
        }
        if !self.detail.is_empty() {
            body.insert("closureDetail".to_owned(), Value::Object(self.detail.clone()));
        }
        closure_message(&body, new)
    }
}

/// The LEAD_CLOSURE that tells a sender that its lead is one that the exchange has already.
pub fn duplicate(
    new: &NewMessage<'_>,
    duplicate_lead: &str,
    canonical_lead: &str,
    created: DateTime<Utc>,
) -> Message {
    let mut body = Map::new();
    body.insert("originalLeadId".to_owned(), json!(duplicate_lead));
    body.insert("closureStatus".to_owned(), json!(ClosureStatus::Duplicate.as_str()));
    body.insert("leadCreatedDate".to_owned(), json!(written(created.min(new.now))));
    body.insert("leadClosureDate".to_owned(), json!(written(new.now)));
    body.insert("closureReason".to_owned(), json!("DUPLICATE_LEAD"));
    body.insert("relatedLeads".to_owned(), json!({"canonicalLeadId": canonical_lead}));
    closure_message(&body, new)
}

fn closure_message(body: &Map<String, Value>, new: &NewMessage<'_>) -> Message {
    let header = json!({
        "messageId": new.message_id,
        "messageType": MessageType::LeadClosure.as_str(),
        "version": "1.0",
        "timestamp": written(new.now),
        "senderId": new.sender_id,
        "receiverId": new.receiver_id,
    });
    Message::of_parts(&header, &json!({"leadClosure": body}))
}

fn written(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

fn read_status(node: &Node<'_>, issues: &mut Vec<Issue>) -> Option<ClosureStatus> {
    let status = node.text().and_then(ClosureStatus::parse);
    if !node.given() {
        issues.push(missing(node));
    } else if status.is_none() {
        let issue = Issue::error(node.field(), code::INVALID_ENUM_VALUE, "no way in which a lead can end")
            .with("rejectedValue", node.value().cloned().unwrap_or_default())
            .with("allowedValues", ClosureStatus::NAMES.to_vec());
        issues.push(issue);
    }
    status
}

fn read_date(node: &Node<'_>, issues: &mut Vec<Issue>) -> Option<(String, DateTime<Utc>)> {
    if !node.given() {
        issues.push(missing(node));
        return None;
    }
    let read = node.text().zip(node.time());
    if read.is_none() {
        let message = "not a date and time with an offset (RFC 3339)";
        issues.push(Issue::error(node.field(), code::INVALID_TIMESTAMP, message));
    }
    read.map(|(text, time)| (text.to_owned(), time))
}

fn read_detail(nodes: &[Node<'_>; 3], issues: &mut Vec<Issue>) -> Map<String, Value> {
    let [amount, currency, delivered] = nodes;
    match amount.number() {
        Some(number) if number < 0.0 => {
            issues.push(Issue::error(
                amount.field(),
                code::DEAL_AMOUNT_NEGATIVE,
                "the amount of a deal is not negative",
            ));
        }
        None if amount.present() => issues.push(wrong_type(amount, "number")),
        _ => {}
    }
    let is_currency = |text: &str| text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_uppercase());
    if currency.present() && !currency.text().is_some_and(is_currency) {
        let message = "a currency is three capital letters (ISO 4217)";
        issues.push(Issue::error(currency.field(), code::INVALID_FORMAT, message));
    }
    let is_date = |text: &str| NaiveDate::parse_from_str(text, "%Y-%m-%d").is_ok();
    if delivered.present() && !delivered.text().is_some_and(is_date) {
        issues.push(Issue::error(delivered.field(), code::INVALID_FORMAT, "not a date (YYYY-MM-DD)"));
    }
    let given = nodes.iter().filter_map(|node| Some((node.field(), node.value()?.clone())));
    given.collect()
}

fn missing(node: &Node<'_>) -> Issue {
    let field = node.field();
    let message = format!("{field} is required");
    Issue::error(field, code::REQUIRED_FIELD_MISSING, message)
}

fn wrong_type(node: &Node<'_>, expected: &str) -> Issue {
    Issue::error(node.field(), code::SCHEMA_VIOLATION, format!("not a {expected}"))
        .with("expectedType", expected)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::instant;
    use crate::rules::{Context, Level, check};

    fn new(now: DateTime<Utc>) -> NewMessage<'static> {
        let message_id = "0192f0c1-0000-7000-8000-000000000002";
        NewMessage { message_id, now, sender_id: "DEALER-1", receiver_id: "PORTAL-1" }
    }

    #[test]
    fn the_short_form_becomes_a_message_that_passes_its_own_rules() {
        let now = instant("2026-05-01T12:00:00Z").unwrap();
        let body = json!({
            "closureStatus": "WON", "closureDate": "2026-05-01T09:00:00+02:00", "closureReason": "it fits",
            "dealAmount": 31_500.5, "currency": "EUR", "actualDeliveryDate": "2026-05-20", "unknown": true
        });
        let short = ShortClosure::read(&body).unwrap();
        let message = short.message("LEAD-2026-1", instant("2026-04-01T00:00:00Z").unwrap(), &new(now));
        let at =
            |name: &str| message.document().pointer(&format!("/lex/payload/leadClosure/{name}")).cloned();
        assert_eq!(at("leadClosureDate"), Some(json!("2026-05-01T09:00:00+02:00")));
        assert_eq!(at("leadLifecycleDays"), Some(json!(30)));
        assert_eq!(at("closureDetail/dealAmount"), Some(json!(31_500.5)));
        assert_eq!(status(&message), Some(ClosureStatus::Won));
        let context = Context { now, level: Level::L3, previous_status: None, strict: false };
        assert!(check(&message, &context).is_valid());
    }

    #[test]
    fn everything_wrong_in_the_short_form_is_named_at_once() {
        let codes = |body: Value| -> Vec<(String, String)> {
            let issues = ShortClosure::read(&body).unwrap_err();
            issues.into_iter().map(|issue| (issue.field, issue.code)).collect()
        };
        let pair = |field: &str, code: &str| (field.to_owned(), code.to_owned());
        assert_eq!(
            codes(json!({})),
            [pair("closureStatus", "REQUIRED_FIELD_MISSING"), pair("closureDate", "REQUIRED_FIELD_MISSING")]
        );
        assert_eq!(
            codes(json!({
                "closureStatus": "GONE", "closureDate": "yesterday", "closureReason": 7,
                "dealAmount": -1, "currency": "euro", "actualDeliveryDate": "soon"
            })),
            [
                pair("closureStatus", "INVALID_ENUM_VALUE"),
                pair("closureDate", "INVALID_TIMESTAMP"),
                pair("closureReason", "SCHEMA_VIOLATION"),
                pair("dealAmount", "DEAL_AMOUNT_NEGATIVE"),
                pair("currency", "INVALID_FORMAT"),
                pair("actualDeliveryDate", "INVALID_FORMAT"),
            ]
        );
        assert_eq!(codes(json!([])), [pair("body", "INVALID_FORMAT")]);
    }

    #[test]
    fn a_duplicate_is_told_which_lead_stands_for_it() {
        let now = instant("2026-05-01T12:00:00Z").unwrap();
        let message = duplicate(&new(now), "LEAD-NEW-001", "LEAD-OLD-001", now);
        let context = Context { now, level: Level::L1, previous_status: None, strict: false };
        assert_eq!(check(&message, &context), crate::Verdict::default());
        assert_eq!(lead_becomes(status(&message).unwrap()), Some(Status::Archived));
        let canonical = message.document().pointer("/lex/payload/leadClosure/relatedLeads/canonicalLeadId");
        assert_eq!(canonical, Some(&json!("LEAD-OLD-001")));
    }

    #[test]
    fn only_a_lead_that_goes_on_keeps_its_place() {
        for name in ClosureStatus::NAMES {
            let status = ClosureStatus::parse(name).unwrap();
            assert_eq!(status.as_str(), name);
            let stays = matches!(status, ClosureStatus::Won | ClosureStatus::Reassigned);
            assert_eq!(lead_becomes(status).is_none(), stays);
        }
    }
}
