//! The LEX family: what its subscriptions ask for, and who may have a message.

use crate::domain::event::Expiry;
use crate::domain::subscription::Subscription;
use chrono::{DateTime, Utc};
use contracts::ids::OrganizationId;
use contracts::lex::{LexEvent, LexFilters, LexFormat, LexMessage, MessageFacts, OnExpiry, Participant};
use serde::de::IntoDeserializer;
use serde::de::value::Error as UnknownName;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::collections::HashSet;

/// What a subscription of this family asks for beside its events, as it is stored.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LexTerms {
    pub filters: LexFilters,
    /// `None`: JSON.
    pub format: Option<LexFormat>,
}

/// What it asks for, ready to be compared, and who its organisation is in messages.
#[derive(Clone, Debug)]
pub struct LexWish {
    /// A bit for each event.
    events: u16,
    product_types: HashSet<String>,
    lead_statuses: HashSet<String>,
    /// In upper case.
    regions: HashSet<String>,
    sender_ids: HashSet<String>,
    pub format: LexFormat,
    /// The LEX names of the organisation, as far as they are known.
    pub lex_ids: Vec<String>,
}

impl LexWish {
    /// Names that are no event of ours never happen.
    pub fn new(events: &[String], terms: LexTerms, lex_ids: Vec<String>) -> Self {
        let LexFilters { product_types, lead_statuses, regions, sender_ids } = terms.filters;
        Self {
            events: events.iter().filter_map(|name| event_of(name)).map(bits).fold(0, |all, one| all | one),
            product_types: product_types.into_iter().collect(),
            lead_statuses: lead_statuses.into_iter().collect(),
            regions: regions.into_iter().map(|region| region.to_ascii_uppercase()).collect(),
            sender_ids: sender_ids.into_iter().collect(),
            format: terms.format.unwrap_or(LexFormat::JsonEdi),
            lex_ids,
        }
    }

    /// Whether it asks for a message: one of its events, and every filter that is set (LEX reference §11).
    fn wants(&self, events: &[LexEvent], facts: &MessageFacts) -> bool {
        let has = |filter: &HashSet<String>, value: Option<&str>| {
            filter.is_empty() || value.is_some_and(|value| filter.contains(value))
        };
        events.iter().any(|event| self.events & bits(*event) != 0)
            && has(&self.product_types, facts.product_type.as_deref())
            && has(&self.lead_statuses, facts.lead_status.as_deref())
            && has(&self.sender_ids, Some(&facts.sender_id))
            && (self.regions.is_empty()
                || facts.regions.iter().any(|region| self.regions.contains(&region.to_ascii_uppercase())))
    }
}

/// The event of a name.
pub fn event_of(name: &str) -> Option<LexEvent> {
    let name = IntoDeserializer::<UnknownName>::into_deserializer(name);
    LexEvent::deserialize(name).ok()
}

fn bits(event: LexEvent) -> u16 {
    if event == LexEvent::All { u16::MAX } else { 1 << (event as u16) }
}

/// A message as it was routed: what it is matched by, and what it is.
#[derive(Clone, Debug)]
pub struct Routing {
    pub message: lex::Message,
    data: LexMessage,
}

/// A message waits for a subscription.
#[derive(Clone, Copy, Debug)]
pub struct Waiting {
    /// `None`: as long as it is kept.
    pub until: Option<DateTime<Utc>>,
}

/// The data of an event is no routed message.
#[derive(Debug, thiserror::Error)]
pub enum UnreadableRouting {
    #[error(transparent)]
    Data(#[from] serde_json::Error),
    #[error(transparent)]
    Message(#[from] lex::message::Unreadable),
}

impl Routing {
    /// Reads the data of an event.
    ///
    /// # Errors
    /// When it is none that lex-router makes.
    pub fn read(payload: &[u8]) -> Result<Self, UnreadableRouting> {
        let data: LexMessage = serde_json::from_slice(payload)?;
        let message = lex::Message::from_json(data.message.get().as_bytes())?;
        Ok(Self { message, data })
    }

    /// The receiver's LEX id, as the header names it.
    pub fn receiver(&self) -> &str {
        &self.data.receiver
    }

    pub fn is_broadcast(&self) -> bool {
        self.data.broadcast
    }

    pub fn participants(&self) -> &[Participant] {
        &self.data.participants
    }

    /// From when on it is not delivered any more by its own word, and what happens then. The window of the
    /// exchange ends only the waiting for a subscription: it is shorter than the schedule of the retries. What
    /// lex-router sends without an end, such as the news that a message was too late, has none.
    pub fn expiry(&self) -> Option<Expiry> {
        let at = self.data.expires_at.and_then(|_| lex::ttl::expires_at(&self.message))?;
        Some(Expiry { at, then: self.data.on_expiry })
    }

    /// Whether it waits for a subscription of its receiver.
    pub fn waiting(&self) -> Option<Waiting> {
        self.data.hold.then_some(Waiting { until: self.data.expires_at })
    }

    /// What happens to it when its time is over.
    pub fn on_expiry(&self) -> OnExpiry {
        self.data.on_expiry
    }

    /// A document for its sender's notification webhook that came with it.
    pub fn notice(&self) -> Option<&str> {
        self.data.notice.as_deref().map(RawValue::get)
    }

    /// The LEX names of an organisation: those that the message came with, else those of its subscription.
    pub fn lex_ids<'a>(&'a self, subscription: &'a Subscription) -> &'a [String] {
        match self.participant(subscription.organization) {
            Some(participant) => &participant.lex_ids,
            None => subscription.lex.as_ref().map_or(&[], |wish| &wish.lex_ids),
        }
    }

    /// Whether a subscription gets it: its organisation may have it, and it asks for it.
    pub fn is_for(&self, subscription: &Subscription) -> bool {
        let Some(wish) = &subscription.lex else { return false };
        let takes_part = self.data.broadcast
            || self.participant(subscription.organization).is_some()
            || self.is_addressed_to(subscription);
        // Whoever hears that their own message failed is given nothing that they did not have.
        let is_senders_own = self.data.events == [LexEvent::MessageFailed];
        takes_part
            && wish.wants(&self.data.events, &self.data.facts)
            && (is_senders_own
                || lex::governance::may_have(&self.message, self.lex_ids(subscription), self.receiver()))
    }

    /// Whether its publisher asks what became of it there: it is the receiver's, or there is no receiver.
    pub fn counts_for(&self, subscription: &Subscription) -> bool {
        let has_receiver = self.data.hold || self.has_receiver();
        self.data.broadcast || !has_receiver || self.is_addressed_to(subscription)
    }

    /// Whether its organisation is the receiver. Where lex-router knew none, the name in the header tells.
    fn is_addressed_to(&self, subscription: &Subscription) -> bool {
        if self.has_receiver() {
            return self.participant(subscription.organization).is_some_and(|one| one.is_receiver);
        }
        subscription.lex.as_ref().is_some_and(|wish| wish.lex_ids.iter().any(|id| id == self.receiver()))
    }

    fn has_receiver(&self) -> bool {
        self.data.participants.iter().any(|one| one.is_receiver)
    }

    fn participant(&self, organization: OrganizationId) -> Option<&Participant> {
        self.data.participants.iter().find(|one| one.organization_id == organization)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish(events: &[&str], filters: LexFilters) -> LexWish {
        let events: Vec<String> = events.iter().map(|name| (*name).to_owned()).collect();
        LexWish::new(&events, LexTerms { filters, format: None }, Vec::new())
    }

    fn facts() -> MessageFacts {
        MessageFacts {
            product_type: Some("VEHICLE".to_owned()),
            lead_status: None,
            regions: vec!["US".to_owned(), "US-TX".to_owned()],
            sender_id: "PORTAL-1".to_owned(),
        }
    }

    #[test]
    fn an_event_is_asked_for_by_its_name_or_by_all() {
        let created = [LexEvent::LeadCreated, LexEvent::MessageProcessed];
        for (names, wanted) in [
            (&["LEAD_CREATED"][..], true),
            (&["ASSET_SOLD", "MESSAGE_PROCESSED"], true),
            (&["ALL"], true),
            (&["LEAD_UPDATED"], false),
            (&["QUOTA_WARNING", "lead_created"], false),
            (&[], false),
        ] {
            assert_eq!(wish(names, LexFilters::default()).wants(&created, &facts()), wanted, "{names:?}");
        }
        assert_eq!(event_of("ALL"), Some(LexEvent::All));
        assert_eq!(event_of("ALL "), None);
    }

    #[test]
    fn all_filters_must_match_and_of_each_any_name() {
        let names = |names: &[&str]| -> Vec<String> { names.iter().map(|name| (*name).to_owned()).collect() };
        let wants = |filters| wish(&["ALL"], filters).wants(&[LexEvent::LeadCreated], &facts());
        let none = LexFilters::default;
        assert!(wants(LexFilters { product_types: names(&["BOAT", "VEHICLE"]), ..none() }));
        assert!(!wants(LexFilters { product_types: names(&["vehicle"]), ..none() }));
        assert!(!wants(LexFilters { lead_statuses: names(&["ORDER"]), ..none() }), "it has no status");
        assert!(wants(LexFilters { regions: names(&["us-tx"]), ..none() }));
        assert!(!wants(LexFilters { regions: names(&["TX"]), ..none() }));
        let sender = LexFilters { sender_ids: names(&["PORTAL-1"]), ..none() };
        assert!(wants(sender.clone()));
        assert!(!wants(LexFilters { regions: names(&["CA"]), ..sender }));
    }
}
