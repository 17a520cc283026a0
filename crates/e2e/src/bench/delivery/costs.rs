//! What processes cost: their processor time, with that of their children, and the memory that they hold.
//!
//! The servers are found by the ports that they listen on. One that this user may not look into (in a container, for
//! example) is left out.

use crate::bench::{Line, line_of};
use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::Path;

/// Of the kernel's clock, a second.
const TICKS: f64 = 100.0;

/// Processes by what they are called.
#[derive(Clone, Debug, Default)]
pub(in crate::bench) struct Processes(BTreeMap<String, u32>);

/// Processor seconds by process, since it was started.
pub(in crate::bench) type Spent = BTreeMap<String, f64>;

impl Processes {
    /// PostgreSQL, RabbitMQ and Redis of the tests.
    pub(in crate::bench) async fn servers() -> Self {
        let mut servers = Self::default();
        for (name, variable) in [
            ("postgres", "LEADWIRE_TEST_DATABASE_URL"),
            ("rabbitmq", "LEADWIRE_TEST_AMQP_URL"),
            ("redis", "LEADWIRE_TEST_REDIS_URL"),
        ] {
            let address = testkit::address_of(&testkit::required(variable)).await;
            if let Some(pid) = listener(address.port()) {
                servers.0.insert(name.to_owned(), pid);
            }
        }
        servers
    }

    pub(in crate::bench) fn add(&mut self, name: &str, pid: u32) {
        self.0.insert(name.to_owned(), pid);
    }

    pub(in crate::bench) fn spent(&self) -> Spent {
        let children = children();
        self.0.iter().map(|(name, pid)| (name.clone(), of_tree(*pid, &children))).collect()
    }

    /// What each holds in memory now, in megabytes, without its children.
    pub(in crate::bench) fn memory(&self) -> BTreeMap<String, f64> {
        self.figures("VmRSS:")
    }

    /// The most that each has held.
    pub(in crate::bench) fn most_memory(&self) -> BTreeMap<String, f64> {
        self.figures("VmHWM:")
    }

    fn figures(&self, name: &str) -> BTreeMap<String, f64> {
        let all = self.0.iter();
        all.filter_map(|(process, pid)| Some((process.clone(), figure(*pid, name)? / 1_024.0))).collect()
    }
}

/// Seconds per thousand of something, process by process and in all.
pub(in crate::bench) fn per_thousand(before: &Spent, after: &Spent, count: usize) -> Spent {
    let thousands = f64::from(u32::try_from(count.max(1)).unwrap()) / 1_000.0;
    let mut costs: Spent = after
        .iter()
        .map(|(name, spent)| (name.clone(), (spent - before.get(name).unwrap_or(&0.0)) / thousands))
        .collect();
    costs.insert("all".to_owned(), costs.values().sum());
    costs
}

/// Several rounds, process by process.
pub(in crate::bench) fn lines(what: &str, unit: &'static str, rounds: &[Spent]) -> Vec<Line> {
    let Some(first) = rounds.first() else { return Vec::new() };
    let of = |name: &str| rounds.iter().filter_map(|round| round.get(name).copied()).collect::<Vec<_>>();
    first.keys().map(|name| line_of(format!("{what}: {name}"), &of(name), unit)).collect()
}

/// A line of `/proc/<pid>/status`, in kilobytes.
fn figure(pid: u32, name: &str) -> Option<f64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let figure = status.lines().find_map(|line| line.strip_prefix(name))?;
    figure.split_whitespace().next()?.parse().ok()
}

/// The fields of `/proc/<pid>/stat` behind the program's name.
fn stat(pid: u32) -> Option<Vec<String>> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, fields) = stat.rsplit_once(") ")?;
    Some(fields.split_whitespace().map(str::to_owned).collect())
}

/// Who has which children.
fn children() -> HashMap<u32, Vec<u32>> {
    let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
    for pid in processes() {
        let parent = stat(pid).and_then(|fields| fields.get(1)?.parse().ok());
        if let Some(parent) = parent {
            children.entry(parent).or_default().push(pid);
        }
    }
    children
}

fn processes() -> impl Iterator<Item = u32> {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// Its own time, that of the children that have ended, and that of those that live.
fn of_tree(pid: u32, children: &HashMap<u32, Vec<u32>>) -> f64 {
    // utime, stime, cutime and cstime (proc(5)).
    let ticks = stat(pid).map_or(0.0, |fields| {
        fields[11..15].iter().map(|ticks| ticks.parse::<f64>().unwrap_or(0.0)).sum::<f64>()
    });
    let below = children.get(&pid).into_iter().flatten();
    ticks / TICKS + below.map(|child| of_tree(*child, children)).sum::<f64>()
}

/// Who listens on a port of this machine.
fn listener(port: u16) -> Option<u32> {
    let sockets: Vec<String> = ["/proc/net/tcp", "/proc/net/tcp6"]
        .iter()
        .filter_map(|table| fs::read_to_string(table).ok())
        .flat_map(|table| table.lines().filter_map(|line| listening(line, port)).collect::<Vec<_>>())
        .map(|inode| format!("socket:[{inode}]"))
        .collect();
    let holds = |link: &Path| {
        let target = fs::read_link(link).unwrap_or_default();
        sockets.iter().any(|socket| target.as_os_str() == socket.as_str())
    };
    let has_it = |pid: &u32| {
        let files = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
        files.map(|entry| entry.path()).any(|link| holds(&link))
    };
    // The parent has the lower number, unless the numbers began anew in between.
    processes().filter(has_it).min()
}

/// The inode of a socket that listens on a port: a line of `/proc/net/tcp`.
fn listening(line: &str, port: u16) -> Option<String> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    let is_it = fields.get(1)?.ends_with(&format!(":{port:04X}")) && *fields.get(3)? == "0A";
    is_it.then(|| fields.get(9).map(|inode| (*inode).to_owned()))?
}
