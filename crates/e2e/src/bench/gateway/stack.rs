//! The processes that are compared: an upstream, nginx and the gateway in front of it, and the credentials.

use crate::partner::mint;
use actix_web::{App, HttpResponse, HttpServer, web};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use contracts::Service;
use jsonwebtoken::EncodingKey;
use platform::api_keys::{NewKey, new_platform_key};
use platform::secrets::Pepper;
use platform_broker::topology;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use std::fs::{self, File, Permissions};
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use testkit::TestDatabase;
use testkit::broker::TestBroker;

/// Of an answer's body.
const BYTES: usize = 600;
pub(in crate::bench) const KEY: &str = "YmVuY2gtYmVuY2gtYmVuY2gtYmVuY2gtYmVuY2gtMTI";
/// Whom nginx runs as when the benchmark is run by root.
const NOBODY: u32 = 65_534;
/// How long a service may take to be ready.
const READY: Duration = Duration::from_secs(30);
/// The largest that there is.
const REQUESTS_PER_MINUTE: u32 = 1_000_000;

/// A process that ends with the benchmark.
pub(in crate::bench) struct Process(pub(in crate::bench) Child);

impl Drop for Process {
    fn drop(&mut self) {
        // Asked, not killed: nginx takes its workers along only when it is asked.
        Command::new("kill").arg(self.0.id().to_string()).status().ok();
        self.0.wait().ok();
    }
}

/// Everything that runs.
pub(super) struct Stack {
    pub(super) upstream: SocketAddr,
    pub(super) nginx: SocketAddr,
    pub(super) gateway: SocketAddr,
    /// A CRM key.
    pub(super) key: String,
    credential: Value,
    folder: PathBuf,
    _processes: Vec<Process>,
    _database: TestDatabase,
    _broker: TestBroker,
}

impl Stack {
    pub(super) async fn start() -> Self {
        let folder = std::env::temp_dir().join(format!("leadwire-bench-{}", testkit::unique_id().simple()));
        fs::create_dir(&folder).unwrap();
        // nginx runs as somebody else.
        fs::set_permissions(&folder, Permissions::from_mode(0o777)).unwrap();
        let (database, broker) = tokio::join!(TestDatabase::create(Service::Gateway), TestBroker::start());
        broker.apply(topology::PLATFORM).await;
        let (upstream_process, upstream) = start_upstream();
        let (nginx_process, nginx) = start_nginx(&folder, upstream);
        let (gateway_process, gateway) = start_gateway(&folder, upstream, &database, &broker).await;
        let admin = insert_admin(&database).await;
        let (key, credential) = credentials(gateway, &admin).await;
        let processes = vec![Process(upstream_process), Process(nginx_process), Process(gateway_process)];
        Self {
            upstream,
            nginx,
            gateway,
            key,
            credential,
            folder,
            _processes: processes,
            _database: database,
            _broker: broker,
        }
    }

    /// Tokens for one request each.
    pub(super) fn tokens(&self, count: usize) -> Vec<String> {
        let secret = URL_SAFE_NO_PAD.decode(self.credential["secret"].as_str().unwrap()).unwrap();
        let key = EncodingKey::from_secret(&secret);
        (0..count).map(|_| mint(&self.credential, &key)).collect()
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.folder).ok();
    }
}

/// Serves the upstream in this process, for ever; its address is the first line of the output.
pub async fn serve_upstream() -> std::io::Result<SocketAddr> {
    let body = "x".repeat(BYTES - "{\"data\":\"\"}".len());
    let body = web::Bytes::from(format!("{{\"data\":\"{body}\"}}"));
    let server = HttpServer::new(move || {
        let body = body.clone();
        App::new().default_service(web::to(move || {
            let body = body.clone();
            async move { HttpResponse::Ok().content_type("application/json").body(body) }
        }))
    })
    .workers(1)
    // A signal ends the process, not only its server.
    .disable_signals()
    .bind("127.0.0.1:0")?;
    let address = server.addrs()[0];
    let server = server.run();
    testkit::background(async move { server.await.unwrap() });
    Ok(address)
}

fn start_upstream() -> (Child, SocketAddr) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .arg("serve-upstream")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    (child, line.trim().parse().unwrap())
}

/// An address that nobody listens on at the moment.
pub(in crate::bench) fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

fn start_nginx(folder: &Path, upstream: SocketAddr) -> (Child, SocketAddr) {
    let (address, at) = (free(), folder.display());
    let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("{kind}_temp_path {at}/{kind};"))
        .join("\n");
    let config = format!(
        "worker_processes 2;\ndaemon off;\npid {at}/nginx.pid;\nerror_log {at}/nginx.log;\n\
         events {{ worker_connections 1024; }}\n\
         http {{\naccess_log off;\nkeepalive_requests 100000000;\n{temporary}\n\
         upstream bench {{ server {upstream}; keepalive 64; keepalive_requests 100000000; }}\n\
         server {{ listen {address}; location / {{ proxy_pass http://bench; proxy_http_version 1.1; \
         proxy_set_header Connection \"\"; }} }}\n}}\n"
    );
    let file = folder.join("nginx.conf");
    fs::write(&file, config).unwrap();
    let mut command = Command::new("nginx");
    command.arg("-p").arg(folder).arg("-e").arg(folder.join("nginx.log")).arg("-c").arg(&file);
    if fs::metadata("/proc/self").unwrap().uid() == 0 {
        command.uid(NOBODY).gid(NOBODY);
    }
    let child = command.stderr(Stdio::null()).spawn();
    let child = child.unwrap_or_else(|error| panic!("nginx does not start ({error}): is it installed?"));
    (child, address)
}

pub(in crate::bench) async fn start_gateway(
    folder: &Path,
    upstream: SocketAddr,
    database: &TestDatabase,
    broker: &TestBroker,
) -> (Child, SocketAddr) {
    start_gateway_to(folder, |_| upstream, &[], database, broker).await
}

/// Starts a gateway with an upstream for each service, and further settings such as `SECTION__KEY`.
pub(in crate::bench) async fn start_gateway_to(
    folder: &Path,
    upstream: impl Fn(Service) -> SocketAddr,
    further: &[(&'static str, String)],
    database: &TestDatabase,
    broker: &TestBroker,
) -> (Child, SocketAddr) {
    let (address, ops) = (free(), free());
    let mut settings = vec![
        ("HTTP__BIND".to_owned(), address.to_string()),
        ("HTTP__OPS_BIND".to_owned(), ops.to_string()),
        ("DATABASE__URL".to_owned(), database.url(Service::Gateway.role())),
        ("BROKER__URL".to_owned(), broker.url()),
        ("REDIS__URL".to_owned(), testkit::required("LEADWIRE_TEST_REDIS_URL")),
        ("REDIS__PREFIX".to_owned(), testkit::redis_settings().prefix),
        ("IDENTITY__KEY".to_owned(), KEY.to_owned()),
        ("SECRETS__PEPPER".to_owned(), KEY.to_owned()),
        ("SECRETS__ENCRYPTION_KEYS".to_owned(), format!("1:{KEY}")),
        ("OAUTH__SIGNING_KEYS".to_owned(), format!("1:{KEY}")),
    ];
    for service in Service::ALL {
        let name = service.name().replace('-', "_").to_uppercase();
        settings.push((format!("IDENTITY_KEYS__{name}"), KEY.to_owned()));
        if service != Service::Gateway {
            settings.push((format!("UPSTREAMS__{name}"), format!("http://{}", upstream(service))));
        }
    }
    settings.extend(further.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
    let program = std::env::current_exe().unwrap().with_file_name("gateway");
    let log = File::create(folder.join("gateway.log")).unwrap();
    let child = Command::new(&program)
        .envs(settings.into_iter().map(|(name, value)| (format!("LEADWIRE_GATEWAY__{name}"), value)))
        .stdout(log)
        .spawn()
        .unwrap_or_else(|error| panic!("{} does not start: {error}", program.display()));
    let http = testkit::http();
    testkit::eventually_within(READY, "a gateway that is ready", async || {
        let ready = http.get(format!("http://{ops}/readyz")).send().await.ok()?;
        ready.status().is_success().then_some(())
    })
    .await;
    (child, address)
}

/// What `leadwire bootstrap` does, with keys of our own.
pub(in crate::bench) async fn insert_admin(database: &TestDatabase) -> String {
    let NewKey { key, lookup } = new_platform_key().unwrap();
    let key = SecretString::from(key);
    let hash = Pepper::parse(&SecretString::from(KEY)).unwrap().hash(key.expose_secret()).to_vec();
    let id = testkit::unique_id();
    let pool = database.pool();
    for statement in [
        "insert into organizations (id, slug, name, lex_aliases, lex_tier, api_enabled, monthly_event_quota,
             requests_per_minute_per_key, requests_per_minute_per_organization, created_at, updated_at)
         values ($1, 'leadwire', 'Leadwire', '{}', 'standard', true, 1, 1, 1, now(), now())",
        "insert into api_clients (organization_id, id, name, redirect_uris, contact_email, status,
             rate_limit_tier, scopes, created_at, updated_at)
         values ($1, $1, 'Administration', '{}', 'a@b.co', 'ACTIVE', 'ENTERPRISE',
             '{platform:admin,clients:write}', now(), now())",
        "insert into credentials (organization_id, client_id, id, kind, name, scopes, rate_limit_override,
             created_at)
         values ($1, $1, $1, 'platform_key', 'admin', '{platform:admin,clients:write}', 100000, now())",
    ] {
        sqlx::query(statement).bind(id).execute(&pool).await.unwrap();
    }
    sqlx::query(
        "insert into credential_secrets (lookup, credential_id, hash, created_at) values ($1, $2, $3, now())",
    )
    .bind(lookup)
    .bind(id)
    .bind(hash)
    .execute(&pool)
    .await
    .unwrap();
    key.expose_secret().to_owned()
}

/// A CRM key, and a service credential as it was answered.
pub(in crate::bench) async fn credentials(gateway: SocketAddr, admin: &str) -> (String, Value) {
    let http = testkit::http();
    let post = async |path: &str, body: Value| {
        let request = http.post(format!("http://{gateway}{path}")).bearer_auth(admin).json(&body);
        let (status, answer) = testkit::answer(request).await;
        assert_eq!(status, 201, "POST {path}: {answer}");
        answer
    };
    let organization = post("/api/v1/organizations", json!({"slug": "bench", "name": "Bench"})).await;
    let client = json!({
        "organizationId": organization["id"], "name": "Bench", "redirectUris": [],
        "contactEmail": "ops@example.com",
    });
    let client = post("/api/v1/api-clients", client).await;
    let key = json!({
        "clientId": client["id"], "name": "bench", "surface": "crm",
        "rateLimitOverride": REQUESTS_PER_MINUTE,
    });
    let key = post("/api/v1/api-keys", key).await;
    let path = format!("/api/v1/api-clients/{}/service-credentials", client["id"].as_str().unwrap());
    let credential = json!({
        "name": "bench", "scopes": ["bench:leads:write"], "rateLimitOverride": REQUESTS_PER_MINUTE,
    });
    (key["key"].as_str().unwrap().to_owned(), post(&path, credential).await)
}

/// Starts a service beside the benchmark: its process, its address, that of its ops port.
pub(in crate::bench) async fn start_service(
    folder: &Path,
    service: Service,
    database: &TestDatabase,
    broker: &TestBroker,
) -> (Process, SocketAddr, SocketAddr) {
    start_service_with(folder, service, &[], database, broker).await
}

/// [`start_service`] with further settings such as `SECTION__KEY`.
pub(in crate::bench) async fn start_service_with(
    folder: &Path,
    service: Service,
    further: &[(&'static str, String)],
    database: &TestDatabase,
    broker: &TestBroker,
) -> (Process, SocketAddr, SocketAddr) {
    let (address, ops) = (free(), free());
    let prefix = format!("LEADWIRE_{}", service.schema().to_uppercase());
    let mut settings = vec![
        ("HTTP__BIND", address.to_string()),
        ("HTTP__OPS_BIND", ops.to_string()),
        ("DATABASE__URL", database.url(service.role())),
        ("BROKER__URL", broker.url()),
        ("REDIS__URL", testkit::required("LEADWIRE_TEST_REDIS_URL")),
        ("IDENTITY__KEY", KEY.to_owned()),
    ];
    if service == Service::WebhookDispatcher {
        settings.push(("SECRETS__ENCRYPTION_KEYS", format!("1:{KEY}")));
    }
    settings.extend_from_slice(further);
    let mut environment: Vec<_> =
        settings.into_iter().map(|(name, value)| (format!("{prefix}__{name}"), value)).collect();
    if service == Service::LexRouter {
        // Neither is asked in a benchmark.
        for peer in ["GATEWAY", "WEBHOOK_DISPATCHER"] {
            environment.push((format!("{prefix}__{peer}__URL"), format!("http://{}", free())));
            environment.push((format!("{prefix}__{peer}__IDENTITY_KEY"), KEY.to_owned()));
        }
        environment.push((format!("{prefix}__CONFORMANCE__SIGNING_KEY"), KEY.to_owned()));
    }
    let program = std::env::current_exe().unwrap().with_file_name(service.name());
    let log = File::create(folder.join(format!("{service}.log"))).unwrap();
    let child = Command::new(&program)
        .envs(environment)
        .stdout(log)
        .spawn()
        .unwrap_or_else(|error| panic!("{} does not start: {error}", program.display()));
    let process = Process(child);
    let http = testkit::http();
    testkit::eventually_within(READY, "a service that is ready", async || {
        let ready = http.get(format!("http://{ops}/readyz")).send().await.ok()?;
        ready.status().is_success().then_some(())
    })
    .await;
    (process, address, ops)
}
