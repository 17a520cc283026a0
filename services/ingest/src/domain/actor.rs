//! Whom an event is about, as an application says it.

use contracts::ids::WorkerId;
use contracts::ingest::WorkerFacts;
use std::borrow::Cow;

/// A worker as named by an application; at least one of the three names is there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Actor {
    pub worker: NamedWorker,
    pub external_id: Option<String>,
    pub email: Option<String>,
    pub display_name: Option<String>,
}

/// The worker's own id.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum NamedWorker {
    /// Not given.
    #[default]
    No,
    /// Given, and nobody's: no worker has an id of this form.
    Nobody,
    Id(WorkerId),
}

/// A name that leads to a worker.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Identity {
    pub namespace: String,
    pub value: String,
}

/// The namespace of e-mail addresses.
const EMAIL: &str = "email";

impl Identity {
    /// An e-mail address; case does not matter.
    pub fn email(address: &str) -> Self {
        Self { namespace: EMAIL.to_owned(), value: address.to_lowercase() }
    }

    /// What an application calls the worker: two applications may use the same word for different people.
    pub fn external(integration: &str, id: &str) -> Self {
        Self { namespace: integration.to_owned(), value: id.to_owned() }
    }
}

impl Actor {
    /// The names beside the worker's own id, the one that counts first.
    pub fn identities(&self, integration: &str) -> Vec<Identity> {
        let external = self.external_id.as_deref().map(|id| Identity::external(integration, id));
        external.into_iter().chain(self.email.as_deref().map(Identity::email)).collect()
    }

    /// Whether it says whom it means.
    pub fn identifies(&self) -> bool {
        self.worker != NamedWorker::No || self.external_id.is_some() || self.email.is_some()
    }

    pub fn facts(&self, id: WorkerId) -> WorkerFacts<'_> {
        WorkerFacts {
            id,
            external_id: self.external_id.as_deref().map(Cow::Borrowed),
            email: self.email.as_deref().map(Cow::Borrowed),
            display_name: self.display_name.as_deref().map(Cow::Borrowed),
        }
    }
}
