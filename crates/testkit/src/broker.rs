//! A RabbitMQ virtual host for one test, and what a test asks the broker over its management API.
//!
//! Speaks HTTP, not AMQP: lapin stays in `platform-broker`, and the answers show what really lies there.

use crate::{environment, published};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use platform::clock::Clock;
use platform::content_coding;
use platform::ids::IdSource;
use platform_broker::BrokerSettings;
use platform_broker::topology::{self, Topology};
use reqwest::{Method, Url};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

/// A virtual host of its own; deleted, with everything in it, when it is dropped.
#[derive(Debug)]
pub struct TestBroker {
    vhost: String,
    amqp: Url,
    management: Management,
}

/// A message as it lies in a queue.
#[derive(Clone, Debug)]
pub struct QueuedMessage {
    /// Decoded, where it is compressed.
    pub payload: String,
    pub routing_key: String,
    /// The AMQP properties, `message_id` and `headers` among them.
    pub properties: Value,
}

impl QueuedMessage {
    /// A header, `Value::Null` when it is absent.
    pub fn header(&self, name: &str) -> &Value {
        &self.properties["headers"][name]
    }

    /// The events that share it, each as if it had come alone.
    ///
    /// # Panics
    /// When the body is no JSON.
    pub fn each(self) -> Vec<Self> {
        match serde_json::from_str(&self.payload).expect("events") {
            Value::Array(events) => events
                .into_iter()
                .map(|event| {
                    let mut alone = Self { payload: event.to_string(), ..self.clone() };
                    alone.properties["message_id"] = event["id"].clone();
                    alone
                })
                .collect(),
            _ => vec![self],
        }
    }

    /// # Panics
    /// When the message has none.
    pub fn message_id(&self) -> &str {
        self.properties["message_id"].as_str().expect("message_id")
    }
}

impl TestBroker {
    /// Makes a virtual host.
    ///
    /// # Panics
    /// When `LEADWIRE_TEST_AMQP_URL` or `LEADWIRE_TEST_MANAGEMENT_URL` is missing or does not work.
    pub async fn start() -> Self {
        let amqp: Url =
            environment::required("LEADWIRE_TEST_AMQP_URL").parse().expect("LEADWIRE_TEST_AMQP_URL");
        let management = Management::from_environment();
        let vhost = format!("test-{}", IdSource::random().at(Clock::system().now()).simple());
        management.send(Method::PUT, &["vhosts", &vhost], Some(json!({}))).await;
        let everything = json!({"configure": ".*", "write": ".*", "read": ".*"});
        management.send(Method::PUT, &["permissions", &vhost, amqp.username()], Some(everything)).await;
        Self { vhost, amqp, management }
    }

    /// The AMQP URL of the virtual host.
    pub fn url(&self) -> String {
        let mut url = self.amqp.clone();
        url.set_path(&format!("/{}", self.vhost));
        url.set_query(None);
        url.into()
    }

    /// The AMQP URL of the virtual host behind a proxy.
    ///
    /// # Panics
    /// Never: every IP address is a host.
    pub fn url_through(&self, proxy: SocketAddr) -> String {
        let mut url: Url = self.url().parse().expect("url");
        url.set_host(Some(&proxy.ip().to_string())).expect("host");
        url.set_port(Some(proxy.port())).expect("port");
        url.into()
    }

    /// Where the broker itself listens.
    ///
    /// # Panics
    /// When `LEADWIRE_TEST_AMQP_URL` names a host that does not resolve.
    pub async fn address(&self) -> SocketAddr {
        let host = (self.amqp.host_str().expect("host"), self.amqp.port().unwrap_or(5672));
        let mut addresses = tokio::net::lookup_host(host).await.expect("resolve the broker");
        addresses.next().expect("address of the broker")
    }

    /// Settings with the default limits.
    pub fn settings(&self) -> BrokerSettings {
        BrokerSettings::new(self.url())
    }

    /// Declares a topology.
    ///
    /// # Panics
    /// When the broker refuses it.
    pub async fn apply(&self, topology: Topology<'_>) {
        topology::apply(&self.settings(), topology).await.expect("apply the topology");
    }

    /// Publishes a message that may be anything, the default exchange included (`""`).
    ///
    /// # Panics
    /// When it is not routed.
    pub async fn publish(&self, exchange: &str, routing_key: &str, properties: Value, payload: &str) {
        // The default exchange has a name of its own in this API.
        let exchange = if exchange.is_empty() { "amq.default" } else { exchange };
        let body = json!({
            "properties": properties,
            "routing_key": routing_key,
            "payload": payload,
            "payload_encoding": "string",
        });
        let path = ["exchanges", &self.vhost, exchange, "publish"];
        let answer = self.management.send(Method::POST, &path, Some(body)).await;
        assert_eq!(answer["routed"], true, "{routing_key} is not routed");
    }

    /// The first messages of a queue, up to 1,000, which stay there.
    ///
    /// # Panics
    /// When there is no such queue.
    pub async fn peek(&self, queue: &str) -> Vec<QueuedMessage> {
        self.get(queue, "ack_requeue_true").await
    }

    /// Takes the messages, up to 1,000, out of a queue.
    ///
    /// # Panics
    /// When there is no such queue.
    pub async fn take(&self, queue: &str) -> Vec<QueuedMessage> {
        self.get(queue, "ack_requeue_false").await
    }

    async fn get(&self, queue: &str, ack_mode: &str) -> Vec<QueuedMessage> {
        let body = json!({"count": 1000, "ackmode": ack_mode, "encoding": "auto"});
        let answer =
            self.management.send(Method::POST, &["queues", &self.vhost, queue, "get"], Some(body)).await;
        let messages = answer.as_array().expect("a list of messages").iter();
        let messages: Vec<_> = messages
            .map(|message| QueuedMessage {
                payload: body_of(message),
                routing_key: message["routing_key"].as_str().unwrap_or_default().to_owned(),
                properties: message["properties"].clone(),
            })
            .collect();
        messages.iter().for_each(published::check);
        messages
    }

    /// Deletes a queue.
    ///
    /// # Panics
    /// When there is no such queue.
    pub async fn delete_queue(&self, queue: &str) {
        self.management.send(Method::DELETE, &["queues", &self.vhost, queue], None).await;
    }

    /// Closes, from the broker's side, the connections whose name (as the client gave it) is `name`, and
    /// says how many there were. The broker lists a connection only some seconds after it was opened.
    ///
    /// # Panics
    /// When the broker does not answer.
    pub async fn close_connections(&self, name: &str) -> usize {
        let connections =
            self.management.send(Method::GET, &["vhosts", &self.vhost, "connections"], None).await;
        let mut closed = 0;
        for connection in connections.as_array().expect("a list of connections") {
            if connection["user_provided_name"] == name {
                let id = connection["name"].as_str().expect("name of a connection");
                self.management.send(Method::DELETE, &["connections", id], None).await;
                closed += 1;
            }
        }
        closed
    }
}

impl Drop for TestBroker {
    fn drop(&mut self) {
        let vhost = self.vhost.clone();
        // The test's own runtime cannot be waited for in here, and its connections live on it.
        let deleting = thread::spawn(move || {
            let management = Management::from_environment();
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().expect("runtime");
            runtime.block_on(management.send(Method::DELETE, &["vhosts", &vhost], None));
        });
        let deleted = deleting.join().is_ok();
        assert!(deleted || thread::panicking(), "virtual host {} could not be deleted", self.vhost);
    }
}

/// The body of a message as text, decoded where that is possible; of what is no text, its base64.
fn body_of(message: &Value) -> String {
    let text = message["payload"].as_str().unwrap_or_default();
    let plain = || {
        let coding = message["properties"]["content_encoding"].as_str()?;
        let body = BASE64.decode(text).ok().filter(|_| message["payload_encoding"] == "base64")?;
        let plain = content_coding::decoded(Some(coding), &body.into()).ok()?;
        String::from_utf8(plain.into()).ok()
    };
    plain().unwrap_or_else(|| text.to_owned())
}

/// The management API, with its administrator.
#[derive(Clone, Debug)]
struct Management {
    root: Url,
    user: String,
    password: String,
    /// One for all requests: making it reads the certificates of the machine.
    client: reqwest::Client,
}

impl Management {
    fn from_environment() -> Self {
        let mut root: Url = environment::required("LEADWIRE_TEST_MANAGEMENT_URL")
            .parse()
            .expect("LEADWIRE_TEST_MANAGEMENT_URL");
        let user = root.username().to_owned();
        let password = root.password().unwrap_or_default().to_owned();
        root.set_username("").expect("url with a host");
        root.set_password(None).expect("url with a host");
        let client = reqwest::Client::builder()
            .timeout(Duration::from_secs(30))
            .pool_idle_timeout(Duration::from_secs(10))
            .no_proxy()
            .build();
        Self { root, user, password, client: client.expect("http client") }
    }

    async fn send(&self, method: Method, path: &[&str], body: Option<Value>) -> Value {
        let mut url = self.root.clone();
        url.path_segments_mut().expect("url with a path").pop_if_empty().push("api").extend(path);
        let mut request =
            self.client.request(method.clone(), url).basic_auth(&self.user, Some(&self.password));
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await.expect("answer of the management api");
        let status = response.status();
        let text = response.text().await.expect("body of the management api");
        assert!(status.is_success(), "{method} {path:?}: {status} {text}");
        if text.is_empty() { Value::Null } else { serde_json::from_str(&text).expect("json") }
    }
}
