//! Who is meant: finds the workers of a batch, and makes those that are new, event by event in order.
//!
//! Knows nothing of the database: it is given the workers that exist and says what is to be changed. Names win in
//! the order worker id, external id, e-mail address; the others that are given are linked to the worker so found
//! unless they lead to somebody else.

use super::actor::{Actor, Identity, NamedWorker};
use super::event::{Rejection, RejectionCode};
use contracts::ids::WorkerId;
use std::collections::HashMap;

/// A worker that exists, and what is known of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Worker {
    pub display_name: Option<String>,
    pub external_id: Option<String>,
    pub email: Option<String>,
}

/// What must be written so that the roster holds. In the order of the events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    pub created: Vec<WorkerId>,
    /// New names of workers, old and new.
    pub linked: Vec<(Identity, WorkerId)>,
    /// Workers that existed and have learned something about themselves.
    pub completed: Vec<WorkerId>,
}

impl Changes {
    pub fn is_empty(&self) -> bool {
        self.created.is_empty() && self.linked.is_empty() && self.completed.is_empty()
    }
}

/// The workers that a batch speaks of.
#[derive(Clone, Debug)]
pub struct Roster {
    integration: String,
    workers: HashMap<WorkerId, Worker>,
    identities: HashMap<Identity, WorkerId>,
    changes: Changes,
    /// How many more workers the plan allows; `None` for any number.
    room: Option<i64>,
}

impl Roster {
    /// A roster of those that exist, for an application's connection `custom:<app>`.
    pub fn new(integration: &str, room: Option<i64>) -> Self {
        Self {
            integration: integration.to_owned(),
            workers: HashMap::new(),
            identities: HashMap::new(),
            changes: Changes::default(),
            room,
        }
    }

    /// Enters a worker that exists, with the name that led to them.
    pub fn enter(&mut self, id: WorkerId, worker: Worker, name: Option<Identity>) {
        self.workers.insert(id, worker);
        if let Some(name) = name {
            self.identities.insert(name, id);
        }
    }

    /// The worker that is meant, who is made with this id when there is none.
    ///
    /// # Errors
    /// When it names a worker who does not exist, or the plan allows no further one.
    pub fn find_or_make(
        &mut self,
        actor: &Actor,
        new_id: impl FnOnce() -> WorkerId,
    ) -> Result<WorkerId, Rejection> {
        let identities = actor.identities(&self.integration);
        let found = match actor.worker {
            NamedWorker::No => identities.iter().find_map(|identity| self.identities.get(identity)).copied(),
            NamedWorker::Id(id) if self.workers.contains_key(&id) => Some(id),
            NamedWorker::Id(_) | NamedWorker::Nobody => {
                return Err(Rejection::new(
                    RejectionCode::WorkerNotFound,
                    "the organization has no worker with this workerId",
                ));
            }
        };
        let id = match found {
            Some(id) => id,
            None => self.make(new_id)?,
        };
        for identity in identities {
            if !self.identities.contains_key(&identity) {
                self.identities.insert(identity.clone(), id);
                self.changes.linked.push((identity, id));
            }
        }
        self.complete(id, actor);
        Ok(id)
    }

    /// A worker of the roster.
    pub fn worker(&self, id: WorkerId) -> Option<&Worker> {
        self.workers.get(&id)
    }

    pub fn changes(&self) -> &Changes {
        &self.changes
    }

    fn make(&mut self, new_id: impl FnOnce() -> WorkerId) -> Result<WorkerId, Rejection> {
        if let Some(room) = &mut self.room {
            if *room <= 0 {
                return Err(Rejection::new(
                    RejectionCode::PlanLimit,
                    "the organization's plan does not allow another worker",
                ));
            }
            *room -= 1;
        }
        let id = new_id();
        self.workers.insert(id, Worker::default());
        self.changes.created.push(id);
        Ok(id)
    }

    /// Fills in what is not known yet. A name that leads to somebody else is not theirs.
    fn complete(&mut self, id: WorkerId, actor: &Actor) {
        let owns = |identity: &Identity| self.identities.get(identity) == Some(&id);
        let external = actor
            .external_id
            .as_deref()
            .filter(|external| owns(&Identity::external(&self.integration, external)));
        let email = actor.email.as_deref().filter(|email| owns(&Identity::email(email)));
        let Some(worker) = self.workers.get_mut(&id) else { return };
        let before = worker.clone();
        let fill = |known: &mut Option<String>, said: Option<&str>| {
            if known.is_none() {
                *known = said.map(str::to_owned);
            }
        };
        fill(&mut worker.display_name, actor.display_name.as_deref());
        fill(&mut worker.external_id, external);
        fill(&mut worker.email, email);
        let is_new = self.changes.created.contains(&id);
        if *worker != before && !is_new && !self.changes.completed.contains(&id) {
            self.changes.completed.push(id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn id(number: u128) -> WorkerId {
        WorkerId::new(Uuid::from_u128(number))
    }

    fn actor(external_id: Option<&str>, email: Option<&str>) -> Actor {
        Actor {
            external_id: external_id.map(str::to_owned),
            email: email.map(str::to_owned),
            ..Actor::default()
        }
    }

    #[test]
    fn a_batch_that_names_somebody_in_several_ways_makes_one_worker() {
        let mut roster = Roster::new("custom:app", None);
        let both = actor(Some("7"), Some("Ada@Example.com"));
        assert_eq!(roster.find_or_make(&both, || id(1)), Ok(id(1)));
        for same in [actor(None, Some("ada@example.COM")), actor(Some("7"), None), both] {
            assert_eq!(roster.find_or_make(&same, || id(2)), Ok(id(1)));
        }
        assert_eq!(roster.changes().created, [id(1)]);
        assert_eq!(roster.changes().linked.len(), 2);
    }

    #[test]
    fn the_external_id_wins_over_the_address_and_no_address_is_taken_from_its_owner() {
        let mut roster = Roster::new("custom:app", None);
        let ada = Worker { email: Some("a@b.co".to_owned()), ..Worker::default() };
        roster.enter(id(1), ada, Some(Identity::email("a@b.co")));
        roster.enter(id(2), Worker::default(), Some(Identity::external("custom:app", "7")));
        assert_eq!(roster.find_or_make(&actor(Some("7"), Some("a@b.co")), || id(3)), Ok(id(2)));
        assert_eq!(roster.worker(id(2)).unwrap().email, None);
        assert_eq!(roster.changes().linked, []);
        // An address that leads to somebody makes a new external id theirs.
        assert_eq!(roster.find_or_make(&actor(Some("8"), Some("A@b.co")), || id(3)), Ok(id(1)));
        assert_eq!(roster.find_or_make(&actor(Some("8"), None), || id(3)), Ok(id(1)));
        assert_eq!(roster.worker(id(1)).unwrap().external_id.as_deref(), Some("8"));
    }

    #[test]
    fn a_worker_id_is_never_made_and_the_plan_s_cap_holds() {
        let mut roster = Roster::new("custom:app", Some(1));
        let named = Actor { worker: NamedWorker::Id(id(9)), ..actor(Some("7"), None) };
        assert_eq!(roster.find_or_make(&named, || id(1)).unwrap_err().code, RejectionCode::WorkerNotFound);
        assert_eq!(roster.find_or_make(&actor(Some("7"), None), || id(1)), Ok(id(1)));
        assert_eq!(
            roster.find_or_make(&actor(Some("8"), None), || id(2)).unwrap_err().code,
            RejectionCode::PlanLimit
        );
        assert_eq!(roster.find_or_make(&actor(Some("7"), None), || id(2)), Ok(id(1)));
    }

    #[test]
    fn a_display_name_fills_an_empty_one_only() {
        let mut roster = Roster::new("custom:app", None);
        roster.enter(id(1), Worker::default(), Some(Identity::email("a@b.co")));
        for name in ["Ada", "Grace"] {
            let named = Actor { display_name: Some(name.to_owned()), ..actor(None, Some("a@b.co")) };
            roster.find_or_make(&named, || id(2)).unwrap();
        }
        assert_eq!(roster.worker(id(1)).unwrap().display_name.as_deref(), Some("Ada"));
        assert_eq!(roster.changes().completed, [id(1)]);
    }
}
