//! Every metric that is documented is there, nothing else is, and labels have the values that they are said to
//! have, whatever strangers send.

use crate::story::Story;
use contracts::Service;
use contracts::routes::ROUTES;
use e2e::partner::lead;
use platform::figures::{Figure, Kind, TABLE};
use reqwest::Method;
use std::collections::{BTreeMap, BTreeSet};
use testkit::eventually;
use testkit::receiver::Reply;

/// A line of the metrics.
#[derive(Debug)]
struct Sample {
    name: String,
    labels: BTreeMap<String, String>,
}

impl Sample {
    fn read(line: &str) -> Option<Self> {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            return None;
        }
        let Some((name, rest)) = line.split_once('{') else {
            let name = line.split(' ').next()?.to_owned();
            return Some(Self { name, labels: BTreeMap::new() });
        };
        let labels = rest.rsplit_once("} ")?.0.split("\",").map(|label| {
            let (name, value) = label.split_once("=\"").unwrap();
            (name.to_owned(), value.trim_end_matches('"').to_owned())
        });
        Some(Self { name: name.to_owned(), labels: labels.collect() })
    }

    /// The metric that it belongs to.
    fn figure(&self, service: Service) -> Option<&'static Figure> {
        let is = |figure: &&Figure| match figure.kind {
            Kind::Histogram => ["_bucket", "_sum", "_count"]
                .iter()
                .any(|part| self.name.strip_suffix(part).is_some_and(|name| name == figure.name)),
            Kind::Counter | Kind::Gauge => self.name == figure.name,
        };
        Figure::of(service).find(is)
    }
}

async fn scrape(story: &Story, service: Service) -> (String, Vec<Sample>) {
    let url = format!("{}/metrics", story.system.ops_address(service));
    let text = testkit::http().get(url).send().await.unwrap().text().await.unwrap();
    let samples = text.lines().filter_map(Sample::read).collect();
    (text, samples)
}

/// Requests of all kinds: good ones, refused ones, and what strangers try.
async fn mixed_load(story: &Story, mark: &str) {
    story.receiver.next([Reply::Status(500), Reply::Status(404)]);
    for _ in 0..5 {
        story.partner.submit(&lead()).await;
    }
    story.receiver.wait_for(7).await;
    let http = testkit::http();
    let brew = Method::from_bytes(b"BREW").unwrap();
    for service in Service::ALL {
        let name = service.name().replace('-', "_").to_uppercase();
        let url = story.system.address(&format!("{name}_URL"));
        for route in ROUTES.iter().filter(|route| route.owner == service) {
            let path: Vec<_> = route
                .template
                .split('/')
                .map(|part| if part.starts_with('{') { mark.to_owned() } else { part.to_owned() })
                .collect();
            let method = Method::from_bytes(route.method.as_bytes()).unwrap();
            http.request(method, format!("{url}{}", path.join("/"))).send().await.unwrap();
        }
        for path in ["/wp-admin", "/internal/none", "/api/v1/customers/none/of/these", "/v1/x", "/"] {
            for method in [Method::GET, Method::POST, Method::OPTIONS, brew.clone()] {
                http.request(method, format!("{url}{path}{mark}")).send().await.unwrap();
            }
        }
    }
}

#[tokio::test]
async fn every_documented_metric_is_there_and_every_label_has_a_value_from_its_list() {
    let story = Story::begin().await;
    let mark = testkit::unique_id().simple().to_string();
    mixed_load(&story, &mark).await;
    for service in Service::ALL {
        let missing = eventually("the metrics, after the first looks at everything", async || {
            let (_, samples) = scrape(&story, service).await;
            let shown: BTreeSet<_> = samples
                .iter()
                .filter_map(|sample| sample.figure(service))
                .map(|figure| figure.name)
                .collect();
            let missing: Vec<_> =
                Figure::of(service).map(|figure| figure.name).filter(|name| !shown.contains(name)).collect();
            missing.is_empty().then_some(missing)
        })
        .await;
        assert!(missing.is_empty());
        let (text, samples) = scrape(&story, service).await;
        assert!(!text.contains(&mark), "{service} has made a series of what a stranger sent");
        for sample in &samples {
            check(service, sample);
        }
        let series: BTreeSet<_> = samples
            .iter()
            .filter(|sample| sample.name == "leadwire_http_request_seconds_count")
            .filter(|sample| sample.labels["route"] == "unmatched")
            .map(|sample| format!("{:?}", sample.labels))
            .collect();
        // Three surfaces, four methods, a few statuses.
        assert!((1..=24).contains(&series.len()), "{series:#?}");
    }
    assert!(TABLE.iter().all(|figure| Service::ALL.iter().any(|service| figure.services.contains(service))));
}

fn check(service: Service, sample: &Sample) {
    let figure = sample.figure(service);
    let figure =
        figure.unwrap_or_else(|| stray(&format!("{service} shows {sample:?}, which is not documented")));
    let labels: BTreeSet<_> = sample
        .labels
        .keys()
        .map(String::as_str)
        .filter(|name| !(figure.kind == Kind::Histogram && *name == "le"))
        .collect();
    let known: BTreeSet<_> = figure.labels.iter().map(|(name, _)| *name).collect();
    assert_eq!(labels, known, "{service} {sample:?}");
    for (name, values) in figure.labels {
        assert!(values.admit(service, &sample.labels[*name]), "{service}: {name} of {sample:?}");
    }
}

#[expect(clippy::panic, reason = "a story ends where its surroundings fail")]
fn stray(what: &str) -> ! {
    panic!("{what}")
}
