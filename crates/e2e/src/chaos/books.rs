//! What the subscribers write down: for every delivery whose signatures verify, what it tells of and the
//! `webhook-id` that it came with.

use super::ledger::{Audience, Effect};
use crate::delivery::verified_as;
use serde_json::Value;
use signing::Family;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use testkit::receiver::{Received, Receiver, Reply};

/// What somebody wants to be told.
#[derive(Clone, Debug)]
pub struct Wish {
    pub tenant: usize,
    /// Exact, `lead.*` or `*`, separated by blanks.
    events: String,
}

impl Wish {
    pub fn new(tenant: usize, events: &str) -> Self {
        Self { tenant, events: events.to_owned() }
    }

    pub fn names(&self) -> Vec<&str> {
        self.events.split(' ').collect()
    }

    fn covers(&self, kind: &str) -> bool {
        self.names().into_iter().any(|name| match name.strip_suffix('*') {
            Some(beginning) => kind.starts_with(beginning),
            None => kind == name,
        })
    }
}

/// A subscription with its receiver and what has come there.
#[derive(Debug)]
pub struct Subscription {
    pub family: Family,
    pub wish: Wish,
    secret: String,
    receiver: Receiver,
    /// The path of its URL: what comes to another one is not its own.
    path: String,
    /// When it was there for certain, if it was not from the beginning.
    since: Option<Instant>,
    book: Mutex<Book>,
}

/// What has come.
#[derive(Debug, Default)]
pub struct Book {
    /// What it told of, with the `webhook-id` of each time.
    pub told: HashMap<String, Vec<String>>,
    /// Why a delivery was not counted: a signature, or a body without what was looked for.
    pub unusable: Vec<String>,
}

impl Subscription {
    /// One that is there before the first write.
    pub fn new(family: Family, wish: Wish, secret: String, receiver: Receiver, path: &str) -> Self {
        Self { family, wish, secret, receiver, path: path.to_owned(), since: None, book: Mutex::default() }
    }

    /// One that is made while others write.
    pub fn late(self) -> Self {
        Self { since: Some(Instant::now()), ..self }
    }

    /// Whether what was first tried at a moment must come here, if it is wanted.
    pub fn was_there(&self, moment: Instant) -> bool {
        self.since.is_none_or(|since| moment > since)
    }

    /// Whether an effect is for this one.
    pub fn wants(&self, effect: &Effect) -> bool {
        let heard = match (self.family, effect.audience) {
            (Family::Partner, Audience::Leads(tenant)) => tenant == self.wish.tenant,
            (Family::Platform, Audience::Leads(tenant) | Audience::Platform(tenant)) => {
                tenant == self.wish.tenant
            }
            (Family::Lex, Audience::Lex) => true,
            _ => false,
        };
        heard && self.wish.covers(&effect.kind)
    }

    /// For reports.
    pub fn name(&self) -> String {
        let late = if self.since.is_some() { ", made later" } else { "" };
        let name = format!("{:?} {} of organisation {}", self.family, self.wish.events, self.wish.tenant);
        name.to_lowercase() + late
    }

    /// Takes the next delivery and says that it did not, so that it comes again.
    pub fn deny_one(&self) {
        self.receiver.next([Reply::Status(503)]);
    }

    /// Writes down what has come since the last time.
    pub fn collect(&self) {
        let mut book = self.book();
        for received in self.receiver.take().into_iter().filter(|received| received.path == self.path) {
            match self.read(&received) {
                Ok((what, id)) => book.told.entry(what).or_default().push(id),
                Err(why) => book.unusable.push(why),
            }
        }
    }

    pub fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a delivery tells of, and its `webhook-id`.
    fn read(&self, received: &Received) -> Result<(String, String), String> {
        let id = received.header("webhook-id").ok_or("a delivery without a webhook-id")?.to_owned();
        if received.body.starts_with(b"<") {
            let text = String::from_utf8_lossy(&received.body).into_owned();
            let signature = received.header(self.family.header()).unwrap_or_default();
            let now = u64::try_from(platform::clock::Clock::system().now().timestamp()).unwrap_or(0);
            let secret = signing::Secret::new(self.secret.as_str());
            let checked = self.family.verify(signature, &received.body, &secret, now);
            checked.map_err(|error| format!("{id}: {error}"))?;
            let message = between(&text, "<messageId>", "</messageId>").ok_or("XML without a messageId")?;
            return Ok((format!("lex {message}"), id));
        }
        let body =
            verified_as(self.family, received, &self.secret).map_err(|error| format!("{id}: {error}"))?;
        match told(self.family, &body) {
            Some(what) => Ok((what, id)),
            None => Err(format!("{id} tells of nothing that is known: {body}")),
        }
    }
}

fn between<'t>(text: &'t str, before: &str, after: &str) -> Option<&'t str> {
    let rest = &text[text.find(before)? + before.len()..];
    Some(&rest[..rest.find(after)?])
}

/// What a body tells of: the type, and the mark by which the ledger knows the write.
fn told(family: Family, body: &Value) -> Option<String> {
    let (kind, mark) = match family {
        Family::Partner => (body["event"].as_str()?, body["data"]["correlation_id"].as_str()?),
        Family::Platform => (body["eventType"].as_str()?, mark(body["eventType"].as_str()?, &body["data"])?),
        Family::Lex => ("lex", body["lex"]["header"]["messageId"].as_str()?),
    };
    Some(format!("{kind} {mark}"))
}

/// Where each kind of record bears the mark of the write that made or changed it.
fn mark<'d>(kind: &str, data: &'d Value) -> Option<&'d str> {
    match kind {
        "lead.updated" => data["job_title"].as_str(),
        "customer.created" => data["notes"].as_str(),
        "product.created" => data["description"].as_str(),
        "worker.created" => data["worker"]["email"].as_str(),
        _ => data["correlation_id"].as_str().or_else(|| data["metadata"]["mark"].as_str()),
    }
}
