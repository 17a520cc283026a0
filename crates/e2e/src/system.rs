//! A whole system of the stories' own, started by `./dev up` in a folder and on ports beside the
//! developer's, with parts that can be killed.

use contracts::Service;
use serde_json::json;
use sqlx::{Connection, PgConnection};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Added to every port of `./dev up`.
const PORT_OFFSET: &str = "4000";

/// A running system.
#[derive(Debug)]
pub struct System {
    root: PathBuf,
    folder: PathBuf,
    settings: Vec<(String, String)>,
    addresses: HashMap<String, String>,
}

impl System {
    /// Starts the system, or what is missing of it. Settings are variables such as
    /// `LEADWIRE_GATEWAY__SECTION__KEY`.
    pub fn start(settings: &[(&str, &str)]) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap();
        let settings = settings.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
        let folder = root.join(".dev/e2e");
        let mut system = Self { root, folder, settings, addresses: HashMap::new() };
        system.up();
        let env = std::fs::read_to_string(system.folder.join("env")).unwrap();
        let lines = env.lines().filter_map(|line| line.split_once('='));
        system.addresses = lines.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
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
        let secrets = std::fs::read_to_string(self.folder.join("secrets.env")).unwrap();
        let lines = secrets.lines().filter_map(|line| line.split_once('='));
        lines.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
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
        self.servers("start-one", server);
    }

    /// Makes RabbitMQ block its publishers, as if its memory were used up, or lets them go on.
    pub fn memory_alarm(&self, on: bool) {
        self.servers("alarm", if on { "on" } else { "off" });
    }

    fn servers(&self, command: &str, argument: &str) {
        let script = self.root.join("deploy/local/servers.sh");
        let output = Command::new(script).arg(command).arg(&self.folder).arg(argument).output().unwrap();
        assert!(output.status.success(), "{command} {argument}: {}", String::from_utf8_lossy(&output.stderr));
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

    fn signal_process(&self, name: &str, signal: &str) {
        let pid = std::fs::read_to_string(self.folder.join("pids").join(format!("{name}.pid"))).unwrap();
        let sent = Command::new("kill").args([&format!("-{signal}"), pid.trim()]).status().unwrap();
        assert!(sent.success(), "{name} (pid {pid}) was not there for a SIG{signal}");
    }

    fn dev(&self, command: &str) -> Output {
        Command::new(self.root.join("dev"))
            .arg(command)
            .env("LEADWIRE_DEV_DIR", &self.folder)
            .env("LEADWIRE_PORT_OFFSET", PORT_OFFSET)
            .env("LEADWIRE_IS_BUILT", "1")
            .envs(self.settings.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }
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
