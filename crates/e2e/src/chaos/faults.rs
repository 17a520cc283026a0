//! The faults: for each of six services and three servers SIGKILL, SIGSTOP, lines that are cut or hang, and lines
//! that are slow, in an order and of lengths that the seed decides; now and then two at once.

use super::ledger::Ledger;
use super::links::{Line, Links, NODES, Part, Server};
use super::random::Random;
use super::{Progress, pause};
use crate::system::{Site, System};
use contracts::Service;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Between two faults.
const PAUSES: (u64, u64) = (300, 2_500);
/// How long a surface may take to accept a write again.
const PATIENCE: Duration = Duration::from_mins(2);
const POLL: Duration = Duration::from_millis(20);
/// How often those are looked for that have ended without being killed.
const WATCH: Duration = Duration::from_secs(1);

/// What is done to a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// SIGKILL, and a new start after a while.
    Kill,
    /// SIGSTOP and, after a while, SIGCONT.
    Freeze,
    /// Connections are closed and new ones refused.
    Cut,
    /// Connections stay, and nothing passes.
    Hang,
    Slow,
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::Kill => "killed",
            Self::Freeze => "frozen",
            Self::Cut => "cut off",
            Self::Hang => "hanging lines",
            Self::Slow => "slow lines",
        }
    }
}

/// A fault as it is planned.
#[derive(Clone, Debug)]
pub struct Fault {
    pub part: Part,
    pub kind: Kind,
    /// Of a service, by their numbers.
    replicas: Vec<usize>,
    lasts: Duration,
    delay: Duration,
}

/// A fault as it went.
#[derive(Clone, Debug)]
pub struct Struck {
    pub fault: Fault,
    /// Since the beginning.
    pub at: Duration,
    pub lasted: Duration,
    /// From its end until every surface had accepted a write that was begun after it; `None` when that took too
    /// long.
    pub recovered_in: Option<Duration>,
}

impl Struck {
    pub fn to_json(&self) -> Value {
        json!({
            "part": self.fault.part.name(), "kind": self.fault.kind.name(), "replicas": self.fault.replicas.len(),
            "atSeconds": self.at.as_secs_f64(), "lastedSeconds": self.lasted.as_secs_f64(),
            "recoveredInSeconds": self.recovered_in.map(|time| time.as_secs_f64()),
        })
    }
}

impl std::fmt::Display for Struck {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let replicas = match (self.fault.part, self.fault.kind) {
            (Part::Service(_), Kind::Kill | Kind::Freeze) => format!(", {} of it", self.fault.replicas.len()),
            _ => String::new(),
        };
        let what = format!("{} {}{replicas}", self.fault.part.name(), self.fault.kind.name());
        let (at, lasted) = (self.at.as_secs_f64(), self.lasted.as_secs_f64());
        match self.recovered_in {
            Some(time) => {
                write!(f, "  {at:>7.1} s  {what:<42} {lasted:>6.1} s  {:>7.2} s", time.as_secs_f64())
            }
            None => write!(f, "  {at:>7.1} s  {what:<42} {lasted:>6.1} s  not recovered"),
        }
    }
}

/// So many faults of a seed: each kind for each part in turn, before any comes again.
pub fn plan(seed: u64, count: usize, replicas: usize) -> Vec<Vec<Fault>> {
    let mut random = Random::new(seed);
    let mut deck = Vec::new();
    while deck.len() < count {
        let services = Service::ALL.map(Part::Service);
        let parts = services.into_iter().chain(Server::ALL.map(Part::Server));
        let mut round: Vec<_> = parts.flat_map(|part| (0..4).map(move |kind| (part, kind))).collect();
        random.shuffle(&mut round);
        deck.extend(round);
    }
    deck.truncate(count);
    let mut strikes: Vec<Vec<Fault>> = Vec::new();
    for (part, kind) in deck {
        let kind = match kind {
            0 => Kind::Kill,
            1 => Kind::Freeze,
            2 => *random.pick(&[Kind::Cut, Kind::Hang]),
            _ => Kind::Slow,
        };
        let fault = fault(&mut random, part, kind, replicas);
        match strikes.last_mut() {
            Some(last) if last.len() == 1 && last[0].part != part && random.chance(25) => last.push(fault),
            _ => strikes.push(vec![fault]),
        }
    }
    strikes
}

/// So many faults of one node each of a cluster of RabbitMQ.
pub fn plan_for_nodes(seed: u64, count: usize) -> Vec<Vec<Fault>> {
    let mut random = Random::new(seed);
    let strike = |number: usize| {
        let kind = if number.is_multiple_of(4) { Kind::Freeze } else { Kind::Kill };
        vec![fault(&mut random, Part::Node(number % NODES.len()), kind, 1)]
    };
    let mut strikes: Vec<_> = (0..count).map(strike).collect();
    random.shuffle(&mut strikes);
    strikes
}

fn fault(random: &mut Random, part: Part, kind: Kind, replicas: usize) -> Fault {
    let millis = match kind {
        Kind::Kill => random.between(0, 3_000),
        Kind::Slow => random.between(3_000, 8_000),
        // Longer than any time limit on the way.
        _ if random.chance(15) => random.between(12_000, 20_000),
        _ => random.between(1_000, 8_000),
    };
    let one = random.between(0, u64::try_from(replicas).unwrap());
    let all = random.chance(25);
    let chosen = (0..replicas).filter(|&number| all || u64::try_from(number) == Ok(one));
    Fault {
        part,
        kind,
        replicas: chosen.collect(),
        lasts: Duration::from_millis(millis),
        delay: Duration::from_millis(random.between(20, 250)),
    }
}

/// What does the damage, and undoes it.
pub struct Trouble<'l> {
    pub site: Site,
    pub system: Arc<System>,
    pub links: &'l Links,
    pub ledger: &'l Ledger,
    pub progress: Progress,
    pub begun: Instant,
    /// Replicas that are down on purpose.
    pub down: Mutex<BTreeSet<String>>,
}

impl Trouble<'_> {
    /// Does all faults, one strike after the other; how they went. `tell` hears of each.
    pub async fn run(&self, strikes: Vec<Vec<Fault>>, seed: u64, tell: impl Fn(&Struck)) -> Vec<Struck> {
        let mut random = Random::new(!seed);
        let count = strikes.len();
        let mut all = Vec::new();
        for (number, strike) in strikes.into_iter().enumerate() {
            self.progress.advance(number + 1, count + 1);
            pause(Duration::from_millis(random.between(PAUSES.0, PAUSES.1))).await;
            let struck = futures_util::future::join_all(strike.into_iter().map(|fault| self.strike(fault)));
            for struck in struck.await {
                tell(&struck);
                all.push(struck);
            }
        }
        self.progress.advance(1, 1);
        all
    }

    async fn strike(&self, fault: Fault) -> Struck {
        let began = Instant::now();
        match (fault.part, fault.kind) {
            (Part::Service(service), Kind::Kill | Kind::Freeze) => {
                let replicas = self.site.replicas(service);
                let names = fault.replicas.iter().map(|&number| replicas[number].0.clone());
                self.strike_service(&fault, names.collect()).await;
            }
            (Part::Server(_) | Part::Node(_), Kind::Kill | Kind::Freeze) => self.strike_server(&fault).await,
            (part, kind) => {
                self.links.set(
                    part,
                    match kind {
                        Kind::Cut => Line::Cut,
                        Kind::Hang => Line::Freeze,
                        _ => Line::Slow(fault.delay),
                    },
                );
                pause(fault.lasts).await;
                self.links.set(part, Line::Pass);
            }
        }
        let ended = Instant::now();
        let recovered_in = self.recovered_since(ended).await;
        Struck { fault, at: began - self.begun, lasted: ended - began, recovered_in }
    }

    async fn strike_service(&self, fault: &Fault, names: Vec<String>) {
        let kill = fault.kind == Kind::Kill;
        self.down().extend(names.iter().cloned());
        for name in &names {
            if self.system.runs(name) {
                self.system.signal_process(name, if kill { "KILL" } else { "STOP" });
            }
        }
        pause(fault.lasts).await;
        for name in &names {
            if kill {
                self.start(name).await;
            } else if self.system.runs(name) {
                self.system.signal_process(name, "CONT");
            }
        }
        self.down().retain(|name| !names.contains(name));
    }

    async fn strike_server(&self, fault: &Fault) {
        let name = fault.part.name();
        if fault.kind == Kind::Freeze {
            self.system.freeze_server(name, true);
            pause(fault.lasts).await;
            self.system.freeze_server(name, false);
            return;
        }
        self.system.kill_server(name);
        pause(fault.lasts).await;
        let system = Arc::clone(&self.system);
        tokio::task::spawn_blocking(move || system.start_server(name)).await.unwrap();
    }

    /// Starts every replica again that has ended by itself, as an orchestrator would, until the faults and the
    /// writes are over; which ones, and when.
    pub async fn watch(&self, over: impl Fn() -> bool) -> Vec<(String, Duration)> {
        let replicas = Service::ALL.into_iter().flat_map(|service| self.site.replicas(service));
        let replicas: Vec<_> = replicas.map(|(name, _)| name).collect();
        let mut ended = Vec::new();
        while !over() {
            pause(WATCH).await;
            for name in &replicas {
                if !self.down().contains(name) && !self.system.runs(name) {
                    ended.push((name.clone(), self.begun.elapsed()));
                    self.start(name).await;
                }
            }
        }
        ended
    }

    async fn start(&self, replica: &str) {
        let (system, replica) = (Arc::clone(&self.system), replica.to_owned());
        // Starting something blocks.
        tokio::task::spawn_blocking(move || system.start_replica(&replica)).await.unwrap();
    }

    async fn recovered_since(&self, moment: Instant) -> Option<Duration> {
        while !self.ledger.all_served_since(moment) {
            if moment.elapsed() > PATIENCE {
                return None;
            }
            pause(POLL).await;
        }
        Some(moment.elapsed())
    }

    fn down(&self) -> std::sync::MutexGuard<'_, BTreeSet<String>> {
        self.down.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_has_every_kind_for_every_part_and_a_seed_always_plans_the_same() {
        let faults = |seed| plan(seed, 36, 2).concat();
        let of = |fault: &Fault| {
            let kind = if fault.kind == Kind::Hang { Kind::Cut } else { fault.kind };
            format!("{} {kind:?}", fault.part.name())
        };
        assert_eq!(faults(1).iter().map(of).collect::<BTreeSet<_>>().len(), 36);
        let whole = |seed| format!("{:?}", plan(seed, 50, 2));
        assert_eq!(whole(7), whole(7));
        assert_ne!(whole(7), whole(8));
    }
}
