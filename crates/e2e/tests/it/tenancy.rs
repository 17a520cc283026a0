//! Nobody reaches what is another organisation's. The operations are those of `proto/openapi`: one that names an id no
//! case here knows fails the story.

use crate::console_tenancy;
use crate::tenant::{Platform, Tenant};
use contracts::{Service, Surface};
use e2e::partner::{lead, new_slug};
use e2e::system::System;
use platform::clock::Clock;
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};
use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::Path;
use std::time::Duration;
use testkit::eventually;

/// In a path, but not the name of a thing that somebody owns.
const NOT_IDS: [&str; 1] = ["messageType"];

/// What operators do to the broker's queues, which no organisation owns.
const OF_THE_PLATFORM: &str = "/api/v1/admin/dead-letter-queues/";

/// An operation of a document.
struct Operation {
    surface: Surface,
    method: Method,
    template: String,
    /// That only an operator has.
    is_for_operators: bool,
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.template)
    }
}

/// Every documented operation with an id in its path. What ends something comes last, the deepest first.
fn operations() -> Vec<Operation> {
    let proto = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../proto/openapi");
    let mut operations = Vec::new();
    for surface in Surface::ALL {
        let text = fs::read_to_string(proto.join(format!("{}.json", surface.name()))).unwrap();
        let document: Value = serde_json::from_str(&text).unwrap();
        let paths = document["paths"].as_object().unwrap();
        for (template, item) in paths.iter().filter(|(template, _)| !template.starts_with(OF_THE_PLATFORM)) {
            for (method, described) in item.as_object().unwrap() {
                let Ok(method) = Method::from_bytes(method.to_uppercase().as_bytes()) else { continue };
                let scopes = described["security"][0].as_object().and_then(|schemes| schemes.values().next());
                let is_for_operators = scopes == Some(&json!(["platform:admin"]));
                let operation = Operation { surface, method, template: template.clone(), is_for_operators };
                if described["responses"].is_object() && !operation.ids().is_empty() {
                    operations.push(operation);
                }
            }
        }
    }
    operations.sort_by_key(|operation| {
        let ends = operation.method == Method::DELETE;
        let ends_what_asks = ends && operation.surface == Surface::Platform;
        let ends_all = ends && operation.template == "/api/v1/organizations/{id}";
        (ends, ends_what_asks, ends_all, std::cmp::Reverse(operation.template.len()))
    });
    operations
}

impl Operation {
    /// The things that its path names, with their positions in it.
    fn ids(&self) -> Vec<(usize, &'static str)> {
        let named = |(position, segment): (usize, &str)| {
            let name = segment.strip_prefix('{')?.strip_suffix('}')?;
            (!NOT_IDS.contains(&name)).then(|| (position, self.thing(name)))
        };
        self.template.split('/').enumerate().filter_map(named).collect()
    }

    fn thing(&self, placeholder: &str) -> &'static str {
        let resource = self.template.split('/').nth(3).unwrap_or_default();
        match (self.surface, placeholder, resource) {
            (Surface::Partner, "partner_slug", _) => "slug",
            (Surface::Partner, "lead_id", _) => "lead",
            (Surface::Partner, "subscription_id", _) => "partner_subscription",
            (Surface::Partner, "delivery_id", _) => "partner_delivery",
            (Surface::Ingest, "id", _) | (Surface::Platform, "workerId", _) => "worker",
            (Surface::Lex, "messageId", _) => "message",
            (Surface::Lex, "leadId", _) => "lex_lead",
            (Surface::Lex, "subscriptionId", _) => "lex_subscription",
            (Surface::Lex, "deliveryId", _) => "lex_delivery",
            (Surface::Lex | Surface::Platform, "sessionId", _) => "session",
            (Surface::Crm, "id", "products") | (Surface::Platform, "productId", _) => "product",
            (Surface::Crm, "id", "customers") | (Surface::Platform, "customerId", _) => "customer",
            (Surface::Crm, "id", "leads") | (Surface::Platform, "leadId", _) => "crm_lead",
            (Surface::Crm, "id", "automations") | (Surface::Platform, "automationId", _) => "automation",
            (Surface::Platform, "id", "organizations") => "organization",
            (Surface::Platform, "id", "api-clients") => "client",
            (Surface::Platform, "apiKeyId", _) => "key",
            (Surface::Platform, "credentialId", _) if self.template.contains("/service-credentials/") => {
                "service_credential"
            }
            (Surface::Platform, "credentialId", _) => "oauth_credential",
            (Surface::Platform, "webhookId" | "subscriptionId", _) => "webhook",
            (Surface::Platform, "deliveryId", _) => "webhook_delivery",
            (Surface::Platform, "eventId", _) => "event",
            (Surface::Platform, "runId", _) => "run",
            (Surface::Platform, "recordId", _) => "lex_record",
            _ => panic!(
                "{self} names {placeholder}, which no tenant has: add a case, and a thing to tenant.rs"
            ),
        }
    }

    /// Its path with these ids, by position.
    fn path(&self, ids: &BTreeMap<usize, String>) -> String {
        let segments = self.template.split('/').enumerate();
        let segments: Vec<_> =
            segments.map(|(at, segment)| ids.get(&at).map_or(segment, String::as_str)).collect();
        segments.join("/")
    }

    /// A body that it would take.
    fn body(&self, tenant: &Tenant) -> Option<Value> {
        let last = self.template.rsplit('/').next().unwrap_or_default();
        let url = tenant.receiver.url("/another");
        let an_hour_ago = (Clock::system().now() - Duration::from_hours(1)).to_rfc3339();
        Some(match (self.surface, self.method.as_str(), last) {
            (_, "GET" | "DELETE", _) | (_, "POST", "test" | "retry" | "convert" | "replay") => return None,
            (_, "POST", "rotate-secret" | "rotate") => json!({}),
            (_, "POST", "recover") => json!({"since": an_hour_ago}),
            (Surface::Partner, "POST", "leads") => lead(),
            (Surface::Partner, "POST", _) | (Surface::Platform, "POST", "webhooks") => {
                json!({"url": url, "events": ["lead.created"]})
            }
            (Surface::Lex, "POST", "closure") => {
                json!({"closureStatus": "CANCELLED", "closureDate": Clock::system().now().to_rfc3339()})
            }
            (Surface::Lex, "PATCH", _) => json!({"eventTypes": ["LEAD_CREATED"]}),
            (Surface::Crm, "PATCH", "{id}") if self.thing("id") == "automation" => {
                json!({"data": {"active": true}})
            }
            (Surface::Crm, "PATCH", _) => json!({"data": {"name": "Changed"}}),
            (Surface::Platform, "POST", "erase") => json!({"email": "nobody@example.com"}),
            (Surface::Platform, "POST", "service-credentials") => {
                json!({"name": "c", "scopes": [format!("{}:leads:read", tenant.partner.slug)]})
            }
            (Surface::Platform, "POST", "oauth-credentials") => {
                json!({"name": "c", "scopes": ["lex:leads:read"]})
            }
            (Surface::Platform, "POST", "runs") => json!({"subject": tenant.id("crm_lead")}),
            (Surface::Platform, "POST", "conformance-reports") => json!({"targetLevel": 1}),
            (Surface::Platform, "POST", "validate") => json!({"file": "name: Another"}),
            (Surface::Platform, "PATCH", "{automationId}") => json!({"active": true}),
            (Surface::Platform, "PATCH", "{subscriptionId}") => json!({"status": "ACTIVE"}),
            (Surface::Platform, "PATCH", _) => json!({"name": "Changed"}),
            (Surface::Platform, "PUT", "automations") => json!({
                "organization": tenant.partner.slug, "name": "Another", "trigger": {"type": "lead_created"},
                "steps": [{"set_metadata": {"a": "b"}}],
            }),
            (Surface::Platform, "PUT", "{webhookId}") => json!({"events": ["lead.created"]}),
            (Surface::Partner, "PATCH", _) | (Surface::Platform, "PUT", _) => {
                json!({"description": "changed"})
            }
            _ => panic!("{self} takes a body that no case knows: add one"),
        })
    }

    /// How it refuses what is not there, by who asks; `things` are those of its path that are not.
    fn refusals(&self, things: &[&str]) -> Vec<(Asker, &'static [u16])> {
        let missing: &[u16] = if things.contains(&"slug") {
            // A token is for one partner; the path of another is refused before anything is looked for.
            &[403]
        } else if self.template.ends_with("/replay") && !things.contains(&"organization") {
            // A run that is not there is none that can be replayed, like one that has not failed.
            &[409]
        } else {
            &[404]
        };
        if !self.is_for_operators {
            return vec![(Asker::Own, missing)];
        }
        let mut refusals: Vec<(Asker, &[u16])> = vec![(Asker::Own, &[403, 404])];
        if self.template.starts_with("/api/v1/organizations/") && !things.contains(&"organization") {
            // Who may do it for the one organisation must not reach the other's.
            refusals.push((Asker::Operator, missing));
        }
        refusals
    }
}

/// A name of the same form that nobody has. A delivery's ends in that of its subscription.
pub fn unknown(id: &str, subscription: &str) -> String {
    let new = testkit::unique_id();
    let simple = new.simple().to_string();
    match id.split_once(['_', '-']) {
        Some(("msg", _)) => format!("msg_{simple}_{}", subscription.replace('-', "")),
        Some(("evt", _)) => format!("evt_{simple}"),
        Some(("LEAD", _)) => format!("LEAD-{new}"),
        Some(("tenancy", _)) => new_slug("tenancy"),
        None if id.len() == 24 => simple[8..].to_owned(),
        _ => new.to_string(),
    }
}

/// Two organisations, of which one looks for what is the other's.
struct Matrix {
    platform: Platform,
    own: Tenant,
    foreign: Tenant,
}

/// In whose name it is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asker {
    Own,
    Operator,
}

impl Matrix {
    /// What of an operation's refusals is not as it has to be, with each choice of ids that are the other's.
    async fn leaks(&self, operation: &Operation) -> Vec<String> {
        let (body, ids, mut leaks) = (operation.body(&self.own), operation.ids(), Vec::new());
        for choice in 1_u32..1 << ids.len() {
            let is_chosen = |index: usize| choice & 1 << index != 0;
            let things: Vec<_> =
                (0..ids.len()).filter(|&index| is_chosen(index)).map(|index| ids[index].1).collect();
            let (mut there, mut nowhere) = (BTreeMap::new(), BTreeMap::new());
            let mut parent = String::new();
            for (index, &(position, thing)) in ids.iter().enumerate() {
                let own = self.own.id(thing);
                let of_nobody = if is_chosen(index) { unknown(own, &parent) } else { own.to_owned() };
                parent.clone_from(&of_nobody);
                nowhere.insert(position, of_nobody);
                let id = if is_chosen(index) { self.foreign.id(thing) } else { own };
                there.insert(position, id.to_owned());
            }
            for (asker, expected) in operation.refusals(&things) {
                let refused = self.asked(operation, asker, &there, body.as_ref()).await;
                let missing = self.asked(operation, asker, &nowhere, body.as_ref()).await;
                if !expected.contains(&refused.0) || refused != missing {
                    leaks.push(format!(
                        "{operation}, {asker:?}, another's {things:?}: {refused:?}; nobody's: {missing:?}; not {expected:?}"
                    ));
                }
            }
        }
        leaks
    }

    /// Why an operation does not work with what is one's own, which would make the other answers worthless.
    async fn failure(&self, operation: &Operation) -> Option<String> {
        let named = |(position, thing)| (position, self.own.id(thing).to_owned());
        let ids = operation.ids().into_iter().map(named).collect();
        let asker = if operation.is_for_operators { Asker::Operator } else { Asker::Own };
        let (status, answer) = self.asked(operation, asker, &ids, operation.body(&self.own).as_ref()).await;
        (!(200..300).contains(&status)).then(|| format!("{operation} with one's own: {status} {answer}"))
    }

    /// What is answered, without what differs between any two answers.
    async fn asked(
        &self,
        operation: &Operation,
        asker: Asker,
        ids: &BTreeMap<usize, String>,
        body: Option<&Value>,
    ) -> (u16, String) {
        let bearer = match asker {
            Asker::Own => self.own.bearer(operation.surface),
            Asker::Operator => self.platform.admin_key.clone(),
        };
        let request = self.platform.request(operation.method.clone(), &operation.path(ids), &bearer);
        let request = if let Some(body) = body { request.json(body) } else { request };
        let response = request.send().await.unwrap();
        let request_id = response.headers()["x-request-id"].to_str().unwrap().to_owned();
        let (status, text) = (response.status().as_u16(), response.text().await.unwrap());
        let names = ids.values().chain([&request_id]);
        (status, names.fold(text, |text, name| text.replace(name.as_str(), "…")))
    }
}

/// Everything that is stored of an organisation, by table.
async fn stored(system: &System, organization: &str) -> BTreeMap<String, String> {
    let rows = "select n.nspname || '.' || c.relname, query_to_xml(format(
            'select count(*), md5(string_agg(t::text, ''|'' order by t::text)) from %I.%I t where organization_id = %L',
            n.nspname, c.relname, $1), true, true, '')::text
        from pg_class c join pg_namespace n on n.oid = c.relnamespace
        join pg_attribute a on a.attrelid = c.oid and a.attname = 'organization_id' and not a.attisdropped
        where c.relkind in ('r', 'p') and not c.relispartition and n.nspname = any($2)
            and c.relname not like 'usage%' and c.relname not in ('event_hours', 'delivery_hours')";
    let schemas: Vec<_> = Service::ALL.iter().map(|service| service.schema()).collect();
    let mut connection = PgConnection::connect(system.address("DATABASE_URL")).await.unwrap();
    let rows =
        sqlx::query_as(rows).bind(organization).bind(schemas).fetch_all(&mut connection).await.unwrap();
    rows.into_iter().collect()
}

#[tokio::test]
async fn what_is_anothers_is_answered_like_what_is_not_there_and_stays_as_it_is() {
    let system = System::start(&[]);
    let platform = Platform::new(system.address("LEADWIRE_URL"), system.address("LEADWIRE_ADMIN_KEY"));
    let foreign = Tenant::new(&platform).await;
    let own = Tenant::new(&platform).await;
    let matrix = Matrix { platform, own, foreign };
    let organization = matrix.foreign.id("organization");
    let mut before = stored(&system, organization).await;
    eventually("nothing goes on any more", async || {
        let now = stored(&system, organization).await;
        let is_still = now == before;
        before = now;
        is_still.then_some(())
    })
    .await;
    assert!(before.len() > 10, "{before:?}");

    let (operations, mut problems) = (operations(), Vec::new());
    assert!(operations.len() > 80, "{}", operations.len());
    for operation in &operations {
        problems.extend(matrix.leaks(operation).await);
    }
    problems.extend(console_tenancy::leaks(&matrix.platform, &matrix.own, &matrix.foreign).await);
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    assert_eq!(stored(&system, organization).await, before);
    for operation in &operations {
        problems.extend(matrix.failure(operation).await);
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    assert_eq!(stored(&system, organization).await, before);
}
