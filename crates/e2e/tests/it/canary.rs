//! Markers in everything that is secret or personal go in at the gateway, and are looked for in the logs at
//! their loudest, in the metrics and in what wrong requests are told.

use contracts::Service;
use e2e::partner::{Partner, lead, new_slug};
use e2e::system::System;
use reqwest::Method;
use serde_json::{Value, json};
use testkit::receiver::Receiver;

/// How every JWT begins: `{"` in base64url.
const JWT: &str = "eyJ";

fn loud(service: Service) -> (String, &'static str) {
    let name = service.name().replace('-', "_").to_uppercase();
    (format!("LEADWIRE_{name}__TELEMETRY__FILTER"), "trace")
}

/// What must not be seen again, each with what it is.
#[derive(Default)]
struct Canaries(Vec<(&'static str, String)>);

impl Canaries {
    fn add(&mut self, what: &'static str, value: &str) -> String {
        assert!(value.len() >= 8 || value == JWT, "{what} is too short to be looked for: {value}");
        self.0.push((what, value.to_owned()));
        value.to_owned()
    }

    /// The first line that sings.
    fn found_in(&self, text: &str) -> Option<String> {
        text.lines().find_map(|line| {
            let (what, _) = self.0.iter().find(|(_, value)| line.contains(value))?;
            Some(format!("{what} in: {}", line.chars().take(2_000).collect::<String>()))
        })
    }
}

#[tokio::test]
async fn no_secret_and_nobodys_data_is_in_logs_metrics_or_errors() {
    let settings: Vec<_> = Service::ALL.into_iter().map(loud).collect();
    let settings: Vec<_> = settings.iter().map(|(name, value)| (name.as_str(), *value)).collect();
    let system = System::start(&settings);
    let (url, admin) = (system.address("LEADWIRE_URL"), system.address("LEADWIRE_ADMIN_KEY"));
    let mut canaries = Canaries::default();
    canaries.add("the admin key", admin);
    for (name, value) in system.secrets() {
        // Key ids stand before the keys.
        canaries.add("a key of the services", value.rsplit(':').next().unwrap_or(&name));
    }

    let partner = Partner::sign_up(url, admin, &new_slug("canary")).await;
    canaries.add("a service credential's secret", partner.secret());
    let receiver = Receiver::start().await;
    let hook = canaries.add("a webhook URL's query", &format!("token=hook{}", testkit::unique_id().simple()));
    let subscription = partner.subscribe(&receiver.url(&format!("/hooks?{hook}")), &["lead.*"]).await;
    canaries.add("a webhook secret", subscription["hmac_secret"].as_str().unwrap());

    let mark = testkit::unique_id().simple().to_string();
    let mut good = lead();
    good["customer"]["email"] = json!(canaries.add("an e-mail address", &format!("mail{mark}@example.com")));
    good["customer"]["first_name"] = json!(canaries.add("a first name", &format!("First{mark}")));
    good["customer"]["last_name"] = json!(canaries.add("a last name", &format!("Last{mark}")));
    good["customer"]["phone"] = json!("(512) 555-0137");
    canaries.add("a phone number", "5125550137");
    good["partner_metadata"] = json!({"note": canaries.add("metadata", &format!("meta{mark}"))});
    partner.submit(&good).await;
    receiver.wait_for(1).await;

    let http = testkit::http();
    let mut errors = Vec::new();
    let mut bad = good.clone();
    bad["correlation_id"] = json!(testkit::unique_id());
    bad["customer"]["email"] = json!(canaries.add("a wrong e-mail address", &format!("wrong{mark}")));
    bad["customer"]["address"]["state"] = json!(canaries.add("a wrong state", &format!("state{mark}")));
    let told = testkit::read(partner.send(Method::POST, "/leads", Some(&bad)).await).await;
    errors.push(format!("{told:?}"));
    for (what, path, bearer) in [
        ("a wrong platform key", "/api/v1/api-clients", format!("ins_{mark}{mark}")),
        ("a wrong crm key", "/api/v1/products", format!("finova_sk_{mark}{mark}")),
        ("a wrong ingest key", "/api/v1/ingest/ping", format!("wp_live_{mark}{mark}")),
        ("a wrong access token", "/v1/messages/x", format!("tok.{mark}.{mark}")),
        ("a wrong service token", "/api/v1/partners/x/leads", format!("{mark}.a.b")),
    ] {
        let bearer = canaries.add(what, &bearer);
        let told = testkit::answer(http.get(format!("{url}{path}")).bearer_auth(bearer)).await;
        errors.push(format!("{told:?}"));
    }
    let secret = canaries.add("a wrong client secret", &format!("secret{mark}"));
    let exchange = http
        .post(format!("{url}/oauth/token"))
        .basic_auth("oauth_nobody", Some(secret))
        .header("content-type", "application/x-www-form-urlencoded")
        .body("grant_type=client_credentials");
    let told: (u16, Value) = testkit::answer(exchange).await;
    errors.push(format!("{told:?}"));

    assert_eq!(canaries.found_in(&errors.join("\n")), None, "what wrong requests are told");
    canaries.add("a token", JWT);
    for service in Service::ALL {
        let log = system.log(service);
        assert!(log.contains("\"TRACE\""), "{service} does not log at its loudest");
        assert_eq!(canaries.found_in(&log), None, "the log of {service}");
        let metrics = http.get(format!("{}/metrics", system.ops_address(service))).send().await.unwrap();
        let metrics = metrics.text().await.unwrap();
        assert_eq!(canaries.found_in(&metrics), None, "the metrics of {service}");
    }
}
