//! Where the servers of the tests are. `./dev test` starts them and sets these variables.

use platform::clock::Clock;
use platform::ids::IdSource;
use platform::lifecycle::Process;
use platform::settings::RedisSettings;
use platform_http::HttpSettings;
use secrecy::{ExposeSecret, SecretString};
use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;
use uuid::Uuid;
/// The value of an environment variable of the test run.
///
/// # Panics
/// When it is not set: a missing dependency fails a test, it never skips it.
pub fn required(variable: &str) -> String {
    optional(variable).unwrap_or_else(|| panic!("{variable} is not set: run the tests with `./dev test`"))
}

/// The value of an environment variable that changes how hard a test tries.
#[expect(clippy::disallowed_methods, reason = "tests have no settings; this is the one place they read")]
pub fn optional(variable: &str) -> Option<String> {
    std::env::var(variable).ok()
}

/// An id that no other test has.
pub fn unique_id() -> Uuid {
    IdSource::random().at(Clock::system().now())
}

/// `[redis]` with a prefix of this test's own.
pub fn redis_settings() -> RedisSettings {
    RedisSettings {
        url: SecretString::from(required("LEADWIRE_TEST_REDIS_URL")),
        prefix: format!("{}:", unique_id().simple()),
        timeout: Duration::from_secs(1),
    }
}

/// A process with real ids, whose clock stands still at this moment until the test moves it.
pub fn process() -> Process {
    Process::new(Clock::manual(Clock::system().now()), IdSource::random())
}

/// A client that neither follows redirects nor uses a proxy.
pub fn http() -> reqwest::Client {
    reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(Duration::from_secs(30))
        .build()
        .unwrap()
}

/// `[http]` with free ports on loopback.
pub fn http_settings() -> HttpSettings {
    let free = SocketAddr::from(([127, 0, 0, 1], 0));
    HttpSettings { workers: 1, ..HttpSettings::new(free, free) }
}

/// Runs something beside the test, until the test ends.
pub fn background(future: impl Future<Output = ()> + Send + 'static) {
    #[expect(clippy::disallowed_methods, reason = "nothing supervises a test but the test")]
    drop(tokio::spawn(future));
}

/// The address behind a URL such as `postgres://user@127.0.0.1:5432/name`.
pub async fn address_of(url: &str) -> SocketAddr {
    let url: reqwest::Url = url.parse().unwrap();
    let host = (url.host_str().unwrap(), url.port().unwrap());
    tokio::net::lookup_host(host).await.unwrap().next().unwrap()
}

/// The same URL, led through another address: a fault proxy.
pub fn redirected(url: &SecretString, through: SocketAddr) -> SecretString {
    let mut url: reqwest::Url = url.expose_secret().parse().unwrap();
    url.set_ip_host(through.ip()).unwrap();
    url.set_port(Some(through.port())).unwrap();
    url.to_string().into()
}
