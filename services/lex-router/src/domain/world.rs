//! The part of what is stored that a group of messages touches, and what the messages do to it, one after the
//! other.
//!
//! The store fills a world and writes down what changed; a conformance run begins with an empty one and throws it
//! away. So both run the same engine.

use super::announcement::{self, Announcement, Names};
use super::lead::{Asset, Lead};
use super::record::{Answer, Duplicate, Outcome, Record, Status};
use super::sender::Receiver;
use super::submission::Submission;
use chrono::{DateTime, Utc};
use contracts::ids::{EventId, OrganizationId};
use lex::acknowledgment::{self, Incoming};
use lex::capability::Capability;
use lex::closure::{self, NewMessage};
use lex::dedup::{self, Dedup};
use lex::events::{self, Before};
use lex::header::{self, MessageType};
use lex::ttl::{self, OnExpiry};
use lex::{Issue, Level, Verdict, life_cycle};
use std::collections::{BTreeMap, HashMap, HashSet};
use uuid::Uuid;

/// A message by its sender and the id that the sender gave it.
pub type Name = (OrganizationId, String);

/// A message that somebody received, for its acknowledgment.
#[derive(Clone, Debug)]
pub struct Sent {
    pub id: EventId,
    pub message_id: String,
    pub readers: Vec<OrganizationId>,
    /// The receiver's name, where nobody had it.
    pub awaited: Option<String>,
}

/// What a receiver says of a message.
#[derive(Clone, Debug)]
pub struct Acknowledged {
    pub id: EventId,
    pub status: acknowledgment::Status,
    pub at: DateTime<Utc>,
    pub errors: Vec<Issue>,
}

/// What is known, and what has changed.
#[derive(Debug, Default)]
pub struct World {
    /// Answers to messages that were accepted before.
    pub answers: HashMap<Name, Answer>,
    /// Levels that organisations have declared.
    pub levels: HashMap<OrganizationId, Level>,
    pub leads: BTreeMap<Uuid, Lead>,
    pub assets: BTreeMap<(OrganizationId, String), Asset>,
    pub sent: Vec<Sent>,
    pub names: Names,
    pub changes: Changes,
}

/// What is to be written down.
#[derive(Debug, Default)]
pub struct Changes {
    /// The last of each name.
    pub records: BTreeMap<Name, Record>,
    pub announcements: Vec<Announcement>,
    pub leads: HashSet<Uuid>,
    pub assets: HashSet<(OrganizationId, String)>,
    pub levels: BTreeMap<OrganizationId, (Level, DateTime<Utc>)>,
    pub acknowledged: Vec<Acknowledged>,
}

impl World {
    /// Takes a message in, or says why not.
    pub fn take(&mut self, submission: &Submission) -> Outcome {
        let name = (submission.organization_id(), submission.message_id.clone());
        if let Some(answer) = self.answers.get(&name) {
            return Outcome::Replayed(answer.clone());
        }
        let level =
            submission.sender.level.or_else(|| self.levels.get(&name.0).copied()).unwrap_or(Level::L1);
        let lead = self.lead_of(submission);
        let stored = lead.and_then(|key| self.leads.get(&key)).map(|lead| lead.status.clone());
        let stored = stored.filter(|_| submission.kind == Some(MessageType::Lead));
        let verdict = submission.judged(level, stored.as_deref());
        if verdict.is_valid() {
            self.accept(submission, verdict, lead)
        } else {
            self.refuse(submission, verdict)
        }
    }

    /// The lead that a message goes on with or closes: one in which its sender takes part, else, to go on with, one
    /// that is open to all. To anybody else the id means nothing.
    fn lead_of(&self, submission: &Submission) -> Option<Uuid> {
        let id = submission.lead_id()?;
        let (organization, names) = (submission.organization_id(), &submission.sender.lex_ids);
        let goes_on = submission.kind == Some(MessageType::Lead);
        let known = self.leads.values().filter(|lead| lead.lead_id == id);
        known
            .filter(|lead| (lead.open && goes_on) || lead.has(organization, names))
            .min_by_key(|lead| (!lead.has(organization, names), lead.opened_at, lead.key))
            .map(|lead| lead.key)
    }

    fn accept(&mut self, submission: &Submission, verdict: Verdict, lead: Option<Uuid>) -> Outcome {
        let mut duplicate = None;
        let mut lead = lead;
        let mut before = Before::default();
        let (earlier_status, earlier_assigned);
        if let Some(earlier) = lead.and_then(|key| self.leads.get(&key)) {
            (earlier_status, earlier_assigned) = (earlier.status.clone(), earlier.assigned_to.clone());
            before = Before {
                known: true,
                status: Some(&earlier_status),
                assigned_to: earlier_assigned.as_deref(),
            };
        }
        let asset_status;
        if let Some(asset) = self.asset_of(submission) {
            asset_status = asset.status.clone();
            before = Before { known: true, status: Some(&asset_status), assigned_to: None };
        }
        let events = events::derive(&submission.message, &before);
        match submission.kind {
            Some(MessageType::Lead) => {
                if lead.is_none() {
                    let (opened, judged) = self.open(submission);
                    (lead, duplicate) = (Some(opened), judged);
                }
                if let Some(lead) = lead.and_then(|key| self.leads.get_mut(&key)) {
                    lead.update(submission);
                    self.changes.leads.insert(lead.key);
                }
            }
            Some(MessageType::LeadClosure) => self.close(submission, lead),
            Some(MessageType::Asset) => self.keep_asset(submission),
            Some(MessageType::Acknowledgment) => self.acknowledge(submission),
            Some(MessageType::Subscription) => self.declare(submission),
            None => {}
        }
        let stored = lead.and_then(|key| self.leads.get(&key));
        let announcement = announcement::accepted(submission, &events, stored, &self.names);
        self.changes.announcements.extend(announcement);
        if let Some(of) = duplicate.as_ref().and_then(|duplicate: &Duplicate| duplicate.of.clone()) {
            self.tell_of_duplicate(submission, &of);
        }
        let status = match submission.kind {
            Some(MessageType::LeadClosure | MessageType::Acknowledgment) => Status::Processed,
            _ => Status::Received,
        };
        let readers = self.readers(submission, lead);
        let answer = Answer {
            message_id: submission.message_id.clone(),
            processed_at: submission.received_at,
            processing_ms: submission.processing_ms,
            warnings: verdict.warnings.clone(),
            lead_id: submission.lead_id().filter(|_| submission.kind == Some(MessageType::Lead)),
            receiver_id: submission.receiver_id().map(str::to_owned),
        };
        self.sent.push(Sent {
            id: submission.id,
            message_id: submission.message_id.clone(),
            readers: readers.clone(),
            awaited: answer.receiver_id.clone().filter(|_| submission.receiver == Receiver::Unknown),
        });
        let acknowledgment =
            acknowledgment::first(&submission.message, &verdict).map(|status| (status, Vec::new()));
        self.record(
            submission,
            Record {
                accepted: true,
                warnings: verdict.warnings,
                readers,
                status,
                acknowledgment,
                duplicate,
                ..blank(submission)
            },
        );
        self.answers.insert((submission.organization_id(), submission.message_id.clone()), answer.clone());
        Outcome::Accepted(answer)
    }

    fn refuse(&mut self, submission: &Submission, verdict: Verdict) -> Outcome {
        let on_expiry = verdict.expired().then(|| ttl::on_expiry(&submission.message));
        // What is to be dropped leaves nothing behind.
        if on_expiry != Some(OnExpiry::Discard) {
            let is_dead = on_expiry == Some(OnExpiry::Dlq);
            let notice = is_dead.then(|| super::record::dead_letter(submission)).flatten();
            self.changes.announcements.extend(announcement::refused(submission, notice));
            let first = acknowledgment::first(&submission.message, &verdict);
            self.record(
                submission,
                Record {
                    warnings: verdict.warnings.clone(),
                    status: if is_dead { Status::Dlq } else { Status::Rejected },
                    acknowledgment: first.map(|status| (status, verdict.errors.clone())),
                    ..blank(submission)
                },
            );
        }
        Outcome::Refused {
            message_id: submission.message_id.clone(),
            verdict,
            processing_ms: submission.processing_ms,
        }
    }

    fn record(&mut self, submission: &Submission, record: Record) {
        let name = (submission.organization_id(), submission.message_id.clone());
        self.changes.records.insert(name, record);
    }

    /// Opens a lead, and says whether it is one that the receiver has already.
    fn open(&mut self, submission: &Submission) -> (Uuid, Option<Duplicate>) {
        let fingerprint = submission.fingerprint();
        let scope = submission.dedup_scope();
        let judged = fingerprint.map(|fingerprint| {
            let since = submission.received_at - fingerprint.window;
            let earlier = self.leads.values().filter(|lead| {
                lead.dedup_scope == scope
                    && lead.fingerprint.as_deref() == Some(fingerprint.value)
                    && lead.duplicate_of.is_none()
                    && lead.opened_at >= since
            });
            // Of several the one that is still active, and of those the first, is the canonical one.
            let earlier = earlier.min_by_key(|lead| {
                (dedup::judge(Some(&lead.status)) == Dedup::Unique, lead.opened_at, lead.key)
            });
            let judged = dedup::judge(earlier.map(|lead| lead.status.as_str()));
            let of = earlier.filter(|_| judged == Dedup::Duplicate).map(|lead| lead.lead_id.clone());
            Duplicate { status: judged.as_str(), of }
        });
        let facts = submission.facts();
        let lead = Lead {
            key: submission.id.as_uuid(),
            lead_id: submission.lead_id().unwrap_or_default(),
            opened_by: submission.organization_id(),
            opened_at: submission.received_at,
            opener: submission.sender_id().to_owned(),
            receiver: submission.receiver_id().unwrap_or_default().to_owned(),
            open: submission.receiver.is_open(),
            parties: Vec::new(),
            awaited: Vec::new(),
            status: String::new(),
            assigned_to: None,
            product_type: None,
            regions: Vec::new(),
            created_at: facts.lead_created.unwrap_or(submission.received_at),
            dedup_scope: scope,
            fingerprint: fingerprint.map(|fingerprint| fingerprint.value.to_owned()),
            duplicate_of: judged.as_ref().and_then(|judged| judged.of.clone()),
            closure: None,
            closed_at: None,
        };
        let key = lead.key;
        self.leads.insert(key, lead);
        (key, judged)
    }

    fn tell_of_duplicate(&mut self, submission: &Submission, canonical: &str) {
        let id = submission.notice_id.to_string();
        let new = NewMessage {
            message_id: &id,
            now: submission.received_at,
            sender_id: header::PLATFORM,
            receiver_id: submission.sender_id(),
        };
        let created = submission.facts().lead_created.unwrap_or(submission.received_at);
        let lead_id = submission.lead_id().unwrap_or_default();
        let closure = closure::duplicate(&new, &lead_id, canonical, created);
        self.changes.announcements.extend(announcement::duplicate(submission, &closure));
    }

    fn close(&mut self, submission: &Submission, lead: Option<Uuid>) {
        let Some(lead) = lead.and_then(|key| self.leads.get_mut(&key)) else { return };
        let Some(status) = closure::status(&submission.message) else { return };
        lead.closure = Some(status.as_str().to_owned());
        lead.closed_at = Some(submission.received_at);
        if let Some(becomes) = closure::lead_becomes(status) {
            life_cycle::Status::as_str(becomes).clone_into(&mut lead.status);
        }
        lead.join(submission);
        self.changes.leads.insert(lead.key);
    }

    fn asset_of(&self, submission: &Submission) -> Option<&Asset> {
        self.assets.get(&(submission.organization_id(), submission.asset_id()?))
    }

    fn keep_asset(&mut self, submission: &Submission) {
        let (Some(asset_id), Some(status)) = (submission.asset_id(), submission.facts().asset_status) else {
            return;
        };
        let key = (submission.organization_id(), asset_id);
        let asset = Asset {
            organization_id: key.0,
            asset_id: key.1.clone(),
            status: status.to_owned(),
            changed_at: submission.received_at,
        };
        self.assets.insert(key.clone(), asset);
        self.changes.assets.insert(key);
    }

    /// Notes what a receiver says. From anybody else it has no effect.
    fn acknowledge(&mut self, submission: &Submission) {
        let Some(incoming) = Incoming::read(&submission.message) else { return };
        let Some(message_id) = submission.acknowledges() else { return };
        let organization = submission.organization_id();
        let sent = self.sent.iter().rev().find(|sent| {
            let awaited = sent.awaited.as_deref().is_some_and(|name| submission.sender.is(name));
            sent.message_id == message_id && (awaited || sent.readers.contains(&organization))
        });
        if let Some(sent) = sent {
            let said = submission.message.document().pointer("/lex/payload/acknowledgment/statusReason");
            let reason =
                said.and_then(serde_json::Value::as_str).unwrap_or("the receiver refused the message");
            let is_refusal =
                matches!(incoming.status, acknowledgment::Status::Rejected | acknowledgment::Status::Error);
            let errors = is_refusal.then(|| Issue::error("lex", "RECEIVER_REFUSED", reason));
            self.changes.acknowledged.push(Acknowledged {
                id: sent.id,
                status: incoming.status,
                at: submission.received_at,
                errors: errors.into_iter().collect(),
            });
        }
    }

    fn declare(&mut self, submission: &Submission) {
        let declared = Capability::read(&submission.message).and_then(|capability| capability.level);
        if let Some(level) = declared {
            let organization = submission.organization_id();
            self.levels.insert(organization, level);
            self.changes.levels.insert(organization, (level, submission.received_at));
        }
    }

    /// Who may read a message beside its sender: to whom it goes.
    fn readers(&self, submission: &Submission, lead: Option<Uuid>) -> Vec<OrganizationId> {
        let own = submission.organization_id();
        match &submission.receiver {
            Receiver::Organization(party) => vec![party.organization_id],
            Receiver::Platform => {
                let lead = lead.and_then(|key| self.leads.get(&key));
                let parties = lead.map(|lead| lead.parties.clone()).unwrap_or_default();
                parties.into_iter().filter(|party| *party != own).collect()
            }
            Receiver::Broadcast | Receiver::Unknown => Vec::new(),
        }
    }
}

/// A refused message of which nothing more is said.
fn blank(submission: &Submission) -> Record {
    Record {
        id: submission.id,
        received_at: submission.received_at,
        organization_id: submission.organization_id(),
        message_id: submission.message_id.clone(),
        kind: submission.kind,
        sender_id: submission.sender_id().to_owned(),
        accepted: false,
        processing_ms: submission.processing_ms,
        warnings: Vec::new(),
        lead_id: submission.lead_id(),
        receiver_id: submission
            .receiver_id()
            .filter(|name| super::submission::is_name(name))
            .map(str::to_owned),
        readers: Vec::new(),
        awaited: submission.receiver == Receiver::Unknown,
        status: Status::Rejected,
        document: submission.document.clone(),
        on_expiry: ttl::on_expiry(&submission.message),
        acknowledgment: None,
        duplicate: None,
    }
}
