//! The processes of a lead's whole way: gateway, lead-intake and webhook-dispatcher, with authentication, limits and
//! tracing (one trace in a hundred) on.

use super::costs::Processes;
use super::receiver::Receiver;
use crate::bench::gateway::stack::{Process, insert_admin, start_gateway_to, start_service_with};
use crate::partner::Partner;
use contracts::Service;
use platform_broker::topology;
use reqwest::Method;
use sqlx::PgPool;
use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use testkit::TestDatabase;
use testkit::broker::TestBroker;

/// Everything that runs.
pub(in crate::bench) struct Stack {
    pub(in crate::bench) gateway: SocketAddr,
    pub(in crate::bench) receiver: Receiver,
    admin: String,
    folder: PathBuf,
    dispatcher: Option<Process>,
    others: [Process; 2],
    servers: Processes,
    leads: TestDatabase,
    deliveries: TestDatabase,
    _control: TestDatabase,
    broker: TestBroker,
}

impl Stack {
    pub(in crate::bench) async fn start() -> Self {
        let folder = std::env::temp_dir().join(format!("leadwire-bench-{}", testkit::unique_id().simple()));
        fs::create_dir(&folder).unwrap();
        let (leads, control, deliveries, broker) = tokio::join!(
            TestDatabase::create(Service::LeadIntake),
            TestDatabase::create(Service::Gateway),
            TestDatabase::create(Service::WebhookDispatcher),
            TestBroker::start(),
        );
        broker.apply(topology::PLATFORM).await;
        let receiver = Receiver::start();
        let settings = settings(Service::LeadIntake, &receiver);
        let (intake, leads_at, _) =
            start_service_with(&folder, Service::LeadIntake, &settings, &leads, &broker).await;
        let settings = self::settings(Service::WebhookDispatcher, &receiver);
        let (dispatcher, webhooks_at, _) =
            start_service_with(&folder, Service::WebhookDispatcher, &settings, &deliveries, &broker).await;
        let upstream = |service| if service == Service::WebhookDispatcher { webhooks_at } else { leads_at };
        let settings = self::settings(Service::Gateway, &receiver);
        let (child, gateway) = start_gateway_to(&folder, upstream, &settings, &control, &broker).await;
        let others = [Process(child), intake];
        let admin = insert_admin(&control).await;
        let (servers, dispatcher) = (Processes::servers().await, Some(dispatcher));
        Self {
            gateway,
            receiver,
            admin,
            folder,
            dispatcher,
            others,
            servers,
            leads,
            deliveries,
            _control: control,
            broker,
        }
    }

    /// All that a lead costs, but for load and receiver, which are this process.
    pub(in crate::bench) fn processes(&self) -> Processes {
        let mut all = self.servers.clone();
        let [gateway, intake] = &self.others;
        all.add("gateway", gateway.0.id());
        all.add("lead-intake", intake.0.id());
        if let Some(dispatcher) = &self.dispatcher {
            all.add("webhook-dispatcher", dispatcher.0.id());
        }
        all
    }

    /// An organisation with a client and a credential.
    pub(in crate::bench) async fn sign_up(&self, slug: &str) -> Partner {
        Partner::sign_up(&format!("http://{}", self.gateway), &self.admin, slug).await
    }

    /// Subscribes endpoints of a receiver to new leads; the subscriptions' ids.
    pub(in crate::bench) async fn subscribe(
        &self,
        partner: &Partner,
        receiver: &Receiver,
        endpoints: std::ops::Range<usize>,
    ) -> Vec<String> {
        let mut ids = Vec::new();
        for endpoint in endpoints {
            let made = partner.subscribe(&receiver.url(endpoint), &["lead.created"]).await;
            ids.push(made["id"].as_str().unwrap().to_owned());
        }
        ids
    }

    /// Whether a subscription is active still; then it is deleted, with what it has pending.
    pub(in crate::bench) async fn unsubscribe(&self, partner: &Partner, ids: Vec<String>) -> bool {
        let mut all_active = true;
        for id in ids {
            let path = format!("/webhook-subscriptions/{id}");
            let (status, answer) = testkit::read(partner.send(Method::GET, &path, None).await).await;
            assert_eq!(status, 200, "{answer}");
            all_active &= answer["data"]["active"] == true;
            assert_eq!(partner.send(Method::DELETE, &path, None).await.status(), 204);
        }
        all_active
    }

    /// The database of lead-intake.
    pub(in crate::bench) fn leads(&self) -> PgPool {
        self.leads.pool()
    }

    /// The database of webhook-dispatcher.
    pub(in crate::bench) fn deliveries(&self) -> PgPool {
        self.deliveries.pool()
    }

    pub(in crate::bench) fn stop_dispatcher(&mut self) {
        self.dispatcher = None;
    }

    /// Starts it again, at another address, and waits until it is ready.
    pub(in crate::bench) async fn start_dispatcher(&mut self) {
        let service = Service::WebhookDispatcher;
        let settings = settings(service, &self.receiver);
        let (dispatcher, _, _) =
            start_service_with(&self.folder, service, &settings, &self.deliveries, &self.broker).await;
        self.dispatcher = Some(dispatcher);
    }

    /// Waits until every accepted lead is in the broker.
    pub(in crate::bench) async fn published(&self) {
        empty(&self.leads.pool(), "published leads").await;
    }

    /// Waits until all that follows a delivery is told.
    pub(in crate::bench) async fn settled(&self) {
        let settled = "select not exists (select from deliveries where state = 0)";
        let pool = self.deliveries.pool();
        testkit::eventually_within(PATIENCE, "settled deliveries", async || {
            sqlx::query_scalar::<_, bool>(settled).fetch_one(&pool).await.unwrap().then_some(())
        })
        .await;
        let completed = "select not exists (select from leads where status <> 'completed')";
        let pool = self.leads.pool();
        testkit::eventually_within(PATIENCE, "completed leads", async || {
            sqlx::query_scalar::<_, bool>(completed).fetch_one(&pool).await.unwrap().then_some(())
        })
        .await;
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.folder).ok();
    }
}

const PATIENCE: std::time::Duration = std::time::Duration::from_mins(2);

async fn empty(pool: &PgPool, what: &str) {
    let waiting = "select not exists (select from outbox)";
    testkit::eventually_within(PATIENCE, what, async || {
        sqlx::query_scalar::<_, bool>(waiting).fetch_one(pool).await.unwrap().then_some(())
    })
    .await;
}

/// Traces go to the receiver, so that they cost what they cost.
fn settings(service: Service, receiver: &Receiver) -> Vec<(&'static str, String)> {
    let mut settings = vec![("TELEMETRY__OTLP_ENDPOINT", receiver.base())];
    if service == Service::WebhookDispatcher {
        settings.push(("DELIVERY__ALLOW_PRIVATE_NETWORKS", "true".to_owned()));
    }
    settings
}
