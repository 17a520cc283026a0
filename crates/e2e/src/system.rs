//! A whole system of the stories' own, started by `./dev up` in a folder and on ports beside the
//! developer's, with parts that can be killed.

use contracts::Service;
use serde_json::json;
use sqlx::{Connection, PgConnection};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{Mutex, PoisonError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Where a system lives and how large it is.
#[derive(Clone, Copy, Debug)]
pub struct Site {
    /// Below `.dev`.
    pub folder: &'static str,
    /// Added to every port of `./dev up`.
    pub port_offset: u16,
    /// Of every service.
    pub replicas: u8,
}

impl Site {
    const STORIES: Self = Self { folder: "e2e", port_offset: 4_000, replicas: 1 };

    /// What its replicas of a service are called, each with the address at which it listens.
    pub fn replicas(&self, service: Service) -> Vec<(String, SocketAddr)> {
        let (name, first) = (service.name(), 8_080 + service as u16 + self.port_offset);
        let replica = |number| {
            let name = if number == 1 { name.to_owned() } else { format!("{name}-{number}") };
            (name, SocketAddr::from(([127, 0, 0, 1], first + u16::from(number - 1) * 10)))
        };
        (1..=self.replicas).map(replica).collect()
    }

    fn root() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
    }

    fn path(&self) -> PathBuf {
        Self::root().join(".dev").join(self.folder)
    }

    /// Deletes whatever an earlier system has left here, and starts the servers alone; their addresses, as the
    /// system will have them.
    pub fn start_servers(&self) -> HashMap<String, String> {
        let reset = self.dev("reset", &[]);
        assert!(reset.status.success(), "./dev reset: {}", String::from_utf8_lossy(&reset.stderr));
        let ports = [15_432, 15_673, 15_674, 16_379].map(|port: u16| (port + self.port_offset).to_string());
        self.servers("start", &ports);
        variables(&self.path().join("servers.env"))
    }

    /// Makes the running RabbitMQ a cluster of three nodes.
    pub fn cluster(&self) {
        self.servers("cluster", &[]);
    }

    fn servers(&self, command: &str, arguments: &[String]) {
        let mut script = Command::new(Self::root().join("deploy/local/servers.sh"));
        let output = script.arg(command).arg(self.path()).args(arguments).output().unwrap();
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "servers.sh {command} {arguments:?}: {complaint}");
    }

    fn dev(&self, command: &str, settings: &[(String, String)]) -> Output {
        Command::new(Self::root().join("dev"))
            .args(command.split(' '))
            .env("LEADWIRE_DEV_DIR", self.path())
            .env("LEADWIRE_PORT_OFFSET", self.port_offset.to_string())
            .env("LEADWIRE_IS_BUILT", "1")
            .envs(settings.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }
}

/// The `NAME=VALUE` lines of a file.
fn variables(file: &Path) -> HashMap<String, String> {
    let text = std::fs::read_to_string(file).unwrap();
    let lines = text.lines().filter_map(|line| line.split_once('='));
    lines.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// A running system.
#[derive(Debug)]
pub struct System {
    site: Site,
    folder: PathBuf,
    settings: Vec<(String, String)>,
    addresses: HashMap<String, String>,
    /// Two runs of `./dev` on one folder keep each other out.
    dev: Mutex<()>,
}

impl System {
    /// Starts the system, or what is missing of it. Settings are variables such as
    /// `LEADWIRE_GATEWAY__SECTION__KEY`.
    pub fn start(settings: &[(&str, &str)]) -> Self {
        let settings = settings.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
        Self::start_at(Site::STORIES, settings)
    }

    /// The same elsewhere.
    pub fn start_at(site: Site, settings: Vec<(String, String)>) -> Self {
        let (folder, wanted) = (site.path(), format!("{}\n", site.replicas));
        let files = Service::ALL.map(|service| folder.join("replicas").join(service.name()));
        if files.iter().any(|file| std::fs::read_to_string(file).is_ok_and(|count| count != wanted)) {
            // A system that was scaled and not taken down.
            site.dev("down", &settings);
        }
        std::fs::create_dir_all(folder.join("replicas")).unwrap();
        for file in files {
            std::fs::write(file, &wanted).unwrap();
        }
        let mut system = Self { site, folder, settings, addresses: HashMap::new(), dev: Mutex::default() };
        system.up();
        system.addresses = variables(&system.folder.join("env"));
        system
    }

    /// A value of the system's `env` file, such as `LEADWIRE_URL`.
    pub fn address(&self, name: &str) -> &str {
        self.addresses.get(name).unwrap_or_else(|| panic!("{name} is not in the env file"))
    }

    /// Where `/metrics` of a service is.
    pub fn ops_address(&self, service: Service) -> &str {
        self.address(&format!("{}_OPS_URL", service.name().replace('-', "_").to_uppercase()))
    }

    /// Everything that a service has logged since its log was begun.
    pub fn log(&self, service: Service) -> String {
        let log = std::fs::read(self.folder.join("logs").join(format!("{}.log", service.name()))).unwrap();
        String::from_utf8_lossy(&log).into_owned()
    }

    /// The keys that the services share or keep, by their settings.
    pub fn secrets(&self) -> Vec<(String, String)> {
        variables(&self.folder.join("secrets.env")).into_iter().collect()
    }

    /// Runs the `leadwire` program against this system's gateway, as its administrator.
    pub fn leadwire(&self, arguments: &[&str]) -> Output {
        let tests = std::env::current_exe().unwrap();
        let mut programs = tests.ancestors().map(|folder| folder.join("leadwire"));
        Command::new(programs.find(|program| program.is_file()).unwrap())
            .args(arguments)
            .env("LEADWIRE_URL", self.address("LEADWIRE_URL"))
            .env("LEADWIRE_ADMIN_KEY", self.address("LEADWIRE_ADMIN_KEY"))
            .output()
            .unwrap()
    }

    /// Starts what does not run, and waits until everything is ready.
    pub fn up(&self) {
        let output = self.dev("up");
        assert!(output.status.success(), "./dev up: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// Sends a signal to a service: `KILL`, `STOP`, `CONT`.
    pub fn signal(&self, service: Service, signal: &str) {
        self.signal_process(service.name(), signal);
    }

    /// SIGKILL to PostgreSQL, RabbitMQ or Redis, by the name of its pid file.
    pub fn kill_server(&self, server: &str) {
        self.signal_process(server, "KILL");
    }

    /// Sends a signal to a server: `STOP`, `CONT`.
    pub fn signal_server(&self, server: &str, signal: &str) {
        self.signal_process(server, signal);
    }

    /// Starts a server again that was killed, and waits until it is ready.
    pub fn start_server(&self, server: &str) {
        self.site.servers("start-one", &[server.to_owned()]);
    }

    /// Makes RabbitMQ block its publishers, as if its memory were used up, or lets them go on.
    pub fn memory_alarm(&self, on: bool) {
        self.site.servers("alarm", &[if on { "on" } else { "off" }.to_owned()]);
    }

    /// How many messages lie in a queue, up to 1,000. They stay there.
    pub async fn depth(&self, queue: &str) -> usize {
        let url = format!("{}/api/queues/leadwire/{queue}/get", self.address("RABBITMQ_MANAGEMENT_URL"));
        let body = json!({"count": 1000, "ackmode": "ack_requeue_true", "encoding": "base64"});
        let (status, messages) = testkit::answer(testkit::http().post(url).json(&body)).await;
        assert_eq!(status, 200, "{messages}");
        messages.as_array().map_or(0, Vec::len)
    }

    /// How many messages of a queue are ready or unacked, as its statistics say, which lag by some seconds.
    pub async fn messages(&self, queue: &str) -> u64 {
        let url = format!("{}/api/queues/leadwire/{queue}", self.address("RABBITMQ_MANAGEMENT_URL"));
        let (status, state) = testkit::answer(testkit::http().get(url)).await;
        assert_eq!(status, 200, "{state}");
        // Absent until the first statistics: then nothing is known.
        state["messages"].as_u64().unwrap_or(u64::MAX)
    }

    /// On how many nodes of a cluster a queue is kept.
    pub async fn members(&self, queue: &str) -> usize {
        let url = format!("{}/api/queues/leadwire/{queue}", self.address("RABBITMQ_MANAGEMENT_URL"));
        let (status, state) = testkit::answer(testkit::http().get(url)).await;
        assert_eq!(status, 200, "{state}");
        state["members"].as_array().map_or(0, Vec::len)
    }

    /// `FLUSHALL`.
    pub async fn forget_redis(&self) {
        let address = testkit::address_of(self.address("REDIS_URL")).await;
        let mut connection = TcpStream::connect(address).await.unwrap();
        connection.write_all(b"FLUSHALL\r\n").await.unwrap();
        let mut answer = [0; 5];
        connection.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"+OK\r\n");
    }

    /// A number from the database, asked for as its superuser. `about` is `$1`, a text.
    pub async fn count(&self, query: &'static str, about: &str) -> i64 {
        let mut connection = PgConnection::connect(self.address("DATABASE_URL")).await.unwrap();
        sqlx::query_scalar(query).bind(about).fetch_one(&mut connection).await.unwrap()
    }

    /// Sends a signal to a replica or a server.
    pub fn signal_process(&self, name: &str, signal: &str) {
        let pid = self.pid(name).unwrap();
        assert!(send(signal, pid), "{name} (pid {pid}) was not there for a SIG{signal}");
    }

    /// Freezes a server with every process that it has started, or lets all go on.
    pub fn freeze_server(&self, server: &str, frozen: bool) {
        let pid = self.pid(server).unwrap();
        // The parent first, so that it starts no other; and last, so that it finds none that hangs.
        if frozen {
            send("STOP", pid);
        }
        for child in children(pid) {
            send(if frozen { "STOP" } else { "CONT" }, child);
        }
        if !frozen {
            send("CONT", pid);
        }
    }

    /// Whether a replica runs, healthy or not.
    pub fn runs(&self, replica: &str) -> bool {
        // A process that has ended and was not waited for has no program.
        self.pid(replica).is_some_and(|pid| std::fs::read_link(format!("/proc/{pid}/exe")).is_ok())
    }

    /// Makes a service run in so many replicas, and waits until they are ready; until the system is taken down.
    pub fn scale(&mut self, service: Service, replicas: u8) {
        let output = self.dev(&format!("scale {service} {replicas}"));
        assert!(
            output.status.success(),
            "./dev scale {service}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        self.addresses = variables(&self.folder.join("env"));
    }

    /// Starts a replica again that has ended, and does not wait until it is ready.
    pub fn start_replica(&self, replica: &str) {
        let output = self.dev(&format!("start {replica}"));
        assert!(
            output.status.success(),
            "./dev start {replica}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }

    fn pid(&self, name: &str) -> Option<u32> {
        let file = self.folder.join("pids").join(format!("{name}.pid"));
        std::fs::read_to_string(file).ok()?.trim().parse().ok()
    }

    fn dev(&self, command: &str) -> Output {
        let _alone = self.dev.lock().unwrap_or_else(PoisonError::into_inner);
        self.site.dev(command, &self.settings)
    }
}

fn send(signal: &str, pid: u32) -> bool {
    Command::new("kill").args([&format!("-{signal}"), &pid.to_string()]).status().unwrap().success()
}

/// The processes that a process has started itself.
fn children(parent: u32) -> Vec<u32> {
    let parent = parent.to_string();
    let of_parent = |entry: std::io::Result<std::fs::DirEntry>| {
        let entry = entry.ok()?;
        let stat = std::fs::read_to_string(entry.path().join("stat")).ok()?;
        // `pid (name) state parent …`, and a name may be anything.
        let (_, rest) = stat.rsplit_once(')')?;
        let of_this = rest.split_whitespace().nth(1) == Some(parent.as_str());
        entry.file_name().to_str()?.parse().ok().filter(|_| of_this)
    };
    std::fs::read_dir("/proc").unwrap().filter_map(of_parent).collect()
}

impl Drop for System {
    fn drop(&mut self) {
        let output = self.dev("down");
        if !output.status.success() {
            tell(&format!("./dev down: {}", String::from_utf8_lossy(&output.stderr)));
        }
    }
}

#[expect(clippy::print_stderr, reason = "a test's output is where its reader looks")]
fn tell(line: &str) {
    eprintln!("{line}");
}
