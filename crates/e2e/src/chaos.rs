//! Chaos with a ledger: a load on all five surfaces while every part in turn is killed, frozen, cut off and slowed;
//! afterwards every write that was accepted is looked for wherever it must have come.
//!
//! A system of its own, with two replicas of every service; whatever its parts say to each other passes through
//! proxies. The seed decides the faults; what the machine makes of them is different every time.

mod books;
mod faults;
mod ledger;
mod links;
mod load;
mod random;
mod reconcile;
mod report;
mod stored;
mod world;
mod writes;

pub use report::Report;

use crate::system::{Site, System};
use contracts::topology::WEBHOOK_DISPATCHER_EVENTS;
use faults::Trouble;
use ledger::Ledger;
use links::Links;
use load::Load;
use random::Random;
use std::cell::Cell;
use std::collections::BTreeSet;
use std::future::pending;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::sync::watch;
use world::World;

const SITE: Site = Site { folder: "chaos", port_offset: 6_000, replicas: 2 };
/// So that what has to be tried again is tried soon.
const SETTINGS: [(&str, &str); 2] = [
    ("LEADWIRE_WEBHOOK_DISPATCHER__DELIVERY__PARTNER_RETRY_BASE", "200ms"),
    ("LEADWIRE_WEBHOOK_DISPATCHER__DELIVERY__LEX_RETRY_BASE", "1s"),
];
/// How often the subscribers read their post.
const COLLECT: Duration = Duration::from_millis(100);
/// In so many of a hundred cases one of them then says of a delivery that it did not come.
const DENIALS: u64 = 10;

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    pub seed: u64,
    /// How many writes must be accepted at least.
    pub writes: usize,
    pub faults: usize,
    /// Instead of everything, only nodes fail, of a cluster of three that RabbitMQ is made of.
    pub cluster: bool,
}

/// Runs load and faults, and reconciles. `tell` hears how it goes.
pub async fn run(options: Options, tell: impl Fn(&str)) -> Report {
    let strikes = if options.cluster {
        faults::plan_for_nodes(options.seed, options.faults)
    } else {
        faults::plan(options.seed, options.faults, usize::from(SITE.replicas))
    };
    tell("starting the servers and two replicas of every service");
    let servers = tokio::task::spawn_blocking(move || {
        let addresses = SITE.start_servers();
        if options.cluster {
            SITE.cluster();
        }
        addresses
    });
    let links = Links::start(SITE, &servers.await.unwrap(), options.cluster).await;
    let mut settings = links.settings().to_vec();
    settings.extend(SETTINGS.map(|(name, value)| (name.to_owned(), value.to_owned())));
    let system = tokio::task::spawn_blocking(move || System::start_at(SITE, settings)).await.unwrap();
    let system = Arc::new(system);
    if options.cluster {
        let queue = WEBHOOK_DISPATCHER_EVENTS.name;
        testkit::eventually("a queue on three nodes", async || {
            (system.members(queue).await == links::NODES.len()).then_some(())
        })
        .await;
    }
    let world = World::begin(system.address("LEADWIRE_URL"), system.address("LEADWIRE_ADMIN_KEY")).await;

    let (ledger, progress, begun) = (Ledger::default(), Progress::new(), Instant::now());
    let load = Load {
        world: &world,
        ledger: &ledger,
        gateways: links.gateways(),
        progress: progress.clone(),
        writes: options.writes,
    };
    let trouble = Trouble {
        site: SITE,
        system: Arc::clone(&system),
        links: &links,
        ledger: &ledger,
        progress: progress.clone(),
        begun,
        down: Mutex::new(BTreeSet::new()),
    };
    let (written, over) = (Cell::new(false), Cell::new(false));
    let work = async {
        let heard = |struck: &faults::Struck| tell(&format!("{struck}   {} accepted", ledger.accepted()));
        let (struck, (), ()) =
            tokio::join!(trouble.run(strikes, options.seed, heard), load.run(), latecomers(&load));
        let written_in = begun.elapsed();
        written.set(true);
        tell(&format!("{} writes accepted; waiting until all is delivered", ledger.accepted()));
        let rest = reconcile::settled(&system, &world, options.writes).await;
        over.set(true);
        (struck, written_in, rest)
    };
    let collect = async {
        let mut random = Random::new(options.seed);
        while !over.get() {
            world.collect();
            // Not for ever: what is left at the end would never be delivered.
            if !written.get() && random.chance(DENIALS) {
                random.pick(&world.subscriptions()).deny_one();
            }
            pause(COLLECT).await;
        }
    };
    let ((struck, written_in, rest), ended, ()) = tokio::join!(work, trouble.watch(|| over.get()), collect);
    world.collect();
    tell("reading everything back");
    let found = reconcile::reconcile(&system, &world, &ledger).await;
    Report { options, struck, ended, written_in, rest, served: ledger.all_served(), found }
}

/// Subscribes somebody new when a half and when three quarters of the faults are over.
async fn latecomers(load: &Load<'_>) {
    for quarters in [2, 3] {
        load.progress.reaches(quarters, 4).await;
        load.world.late_subscription(&load.gateways).await;
    }
}

/// How far the faults have come, which the writers follow.
#[derive(Clone, Debug)]
struct Progress(watch::Sender<Share>);

#[derive(Clone, Copy, Debug)]
struct Share {
    done: usize,
    of: usize,
}

impl Share {
    fn is_over(self) -> bool {
        self.done == self.of
    }

    /// Whether a write is due among so many.
    fn covers(self, number: usize, goal: usize) -> bool {
        number * self.of < goal * self.done
    }
}

impl Progress {
    fn new() -> Self {
        Self(watch::Sender::new(Share { done: 0, of: 1 }))
    }

    fn advance(&self, done: usize, of: usize) {
        self.0.send_replace(Share { done, of });
    }

    /// Waits until such a part of the faults is over.
    async fn reaches(&self, part: usize, of: usize) {
        let mut share = self.0.subscribe();
        // The sender is this one.
        share.wait_for(|share| share.done * of >= part * share.of).await.ok();
    }

    /// Waits until a write is due, or for `trickle` where it comes early; false when it is not needed any more.
    async fn turn(&self, number: usize, goal: usize, trickle: Duration) -> bool {
        let mut share = self.0.subscribe();
        let due = share.wait_for(|share| share.is_over() || share.covers(number, goal));
        match tokio::time::timeout(trickle, due).await {
            Ok(Ok(share)) => !share.is_over() || number < goal,
            _ => true,
        }
    }
}

async fn pause(time: Duration) {
    tokio::time::timeout(time, pending::<()>()).await.unwrap_or_default();
}
