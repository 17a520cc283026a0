//! The service under test: a database of its own, ports that are free, a clock that stands still.

use lex_router::{App, SERVICE, Settings};
use platform::telemetry::TelemetrySettings;
use platform_broker::BrokerSettings;
use testkit::{Running, TestDatabase, callers};

/// A running lex-router.
pub struct Harness {
    pub service: Running,
    pub database: TestDatabase,
}

impl Harness {
    pub async fn start() -> Self {
        let database = TestDatabase::create(SERVICE).await;
        let settings = Settings {
            http: testkit::http_settings(),
            identity: callers::identity_settings(),
            database: database.settings(),
            broker: BrokerSettings::new(testkit::required("LEADWIRE_TEST_AMQP_URL")),
            redis: testkit::redis_settings(),
            telemetry: TelemetrySettings::default(),
        };
        let process = testkit::process();
        let app = App::build(&settings, process.clone(), String::new).unwrap();
        let service = Running::new(SERVICE, process, app.address(), app.ops_address());
        testkit::background(async move { app.run().await.unwrap() });
        Self { service, database }
    }
}
