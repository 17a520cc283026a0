//! Nobody reaches what is another organisation's through the console either. The routes are those of the console's own
//! table; one that no case here knows is a problem.

use crate::tenancy::unknown;
use crate::tenant::{Platform, Tenant};
use contracts::Surface;
use reqwest::{Client, Method, Url, redirect};
use std::collections::BTreeSet;

/// Where the console says what its routes are.
const TABLE: &str = include_str!("../../../console/src/http.rs");
/// Where an operator looks at one organisation at a time.
const OF_ONE: [&str; 6] = ["/events", "/crm", "/ingest", "/lex", "/subscriptions", "/deliveries"];

/// A form, as a browser sends it; what stands in braces is a thing of a tenant.
type Form = &'static [(&'static str, &'static str)];

/// Method and template of a route, and the ways to ask it for things of a tenant.
type Route = (&'static str, &'static str, &'static [(&'static str, Form)]);

const FORM: &str = "application/x-www-form-urlencoded";
const SINCE: (&str, &str) = ("since", "2026-11-22T00:00");

/// Every route. Those without a case name nothing that somebody owns.
const ROUTES: &[Route] = &[
    ("GET", "", &[]),
    ("GET", "/assets/{file}", &[]),
    ("GET", "/live/overview", &[]),
    ("GET", "/live/events/{event}", &[("/live/events/{event}", &[])]),
    ("GET", "/live/deliveries/{delivery}", &[("/live/deliveries/{webhook_delivery}", &[])]),
    ("GET", "/sign-in", &[]),
    ("POST", "/sign-in", &[]),
    ("POST", "/sign-out", &[]),
    ("POST", "/sign-out-everywhere", &[]),
    ("GET", "/session", &[]),
    ("GET", "/webhooks", &[("/webhooks?client={client}", &[])]),
    ("GET", "/webhooks/new", &[("/webhooks/new?client={client}", &[])]),
    (
        "POST",
        "/webhooks/new",
        &[("/webhooks/new", &[("client", "{client}"), ("url", "https://example.com/"), ("events", "*")])],
    ),
    ("GET", "/webhooks/{client}/{webhook}", &[("/webhooks/{client}/{webhook}", &[])]),
    ("GET", "/webhooks/{client}/{webhook}/edit", &[("/webhooks/{client}/{webhook}/edit", &[])]),
    (
        "POST",
        "/webhooks/{client}/{webhook}/edit",
        &[("/webhooks/{client}/{webhook}/edit", &[("events", "*")])],
    ),
    (
        "POST",
        "/webhooks/{client}/{webhook}/{action}",
        &[
            ("/webhooks/{client}/{webhook}/test", &[]),
            ("/webhooks/{client}/{webhook}/pause", &[]),
            ("/webhooks/{client}/{webhook}/resume", &[]),
            ("/webhooks/{client}/{webhook}/rotate", &[("overlap", "0")]),
            ("/webhooks/{client}/{webhook}/recover", &[SINCE]),
            ("/webhooks/{client}/{webhook}/delete", &[]),
        ],
    ),
    ("GET", "/subscriptions", &[]),
    (
        "GET",
        "/subscriptions/{subscription}",
        &[
            ("/subscriptions/{partner_subscription}", &[]),
            ("/subscriptions/{lex_subscription}", &[]),
            ("/subscriptions/{webhook}", &[]),
        ],
    ),
    (
        "POST",
        "/subscriptions/{subscription}/{action}",
        &[
            ("/subscriptions/{partner_subscription}/test", &[]),
            ("/subscriptions/{lex_subscription}/pause", &[]),
            ("/subscriptions/{lex_subscription}/resume", &[]),
            ("/subscriptions/{partner_subscription}/recover", &[SINCE]),
        ],
    ),
    ("GET", "/events", &[]),
    ("GET", "/events/{event}", &[("/events/{event}", &[])]),
    (
        "GET",
        "/deliveries/{delivery}",
        &[
            ("/deliveries/{webhook_delivery}", &[]),
            ("/deliveries/{partner_delivery}", &[]),
            ("/deliveries/{lex_delivery}", &[]),
        ],
    ),
    ("POST", "/deliveries/{delivery}/retry", &[("/deliveries/{webhook_delivery}/retry", &[])]),
    ("GET", "/dead-letters", &[]),
    ("POST", "/dead-letters/retry", &[("/dead-letters/retry", &[("id", "{webhook_delivery}")])]),
    (
        "POST",
        "/dead-letters/recover",
        &[("/dead-letters/recover", &[("subscription", "{partner_subscription}"), SINCE])],
    ),
    ("GET", "/clients", &[]),
    ("GET", "/clients/new", &[]),
    (
        "POST",
        "/clients/new",
        &[(
            "/clients/new",
            &[("organizationId", "{organization}"), ("name", "Another"), ("contactEmail", "a@example.com")],
        )],
    ),
    ("GET", "/clients/{client}", &[("/clients/{client}", &[])]),
    ("POST", "/clients/{client}/status", &[("/clients/{client}/status", &[("status", "SUSPENDED")])]),
    ("POST", "/clients/{client}/keys", &[("/clients/{client}/keys", &[("name", "another")])]),
    ("POST", "/clients/{client}/keys/{key}/revoke", &[("/clients/{client}/keys/{key}/revoke", &[])]),
    ("POST", "/clients/{client}/tier", &[("/clients/{client}/tier", &[("rateLimitTier", "BASIC")])]),
    (
        "GET",
        "/clients/{client}/{family}/new",
        &[
            ("/clients/{client}/service-credentials/new", &[]),
            ("/clients/{client}/oauth-credentials/new", &[]),
        ],
    ),
    (
        "POST",
        "/clients/{client}/{family}/new",
        &[("/clients/{client}/oauth-credentials/new", &[("name", "c"), ("scopes", "lex:leads:read")])],
    ),
    (
        "POST",
        "/clients/{client}/{family}/{credential}/{action}",
        &[
            ("/clients/{client}/service-credentials/{service_credential}/rotate", &[("overlap", "0")]),
            ("/clients/{client}/service-credentials/{service_credential}/revoke", &[]),
            ("/clients/{client}/oauth-credentials/{oauth_credential}/rotate", &[("overlap", "0")]),
            ("/clients/{client}/oauth-credentials/{oauth_credential}/revoke", &[]),
        ],
    ),
    ("GET", "/audit-log", &[]),
    ("GET", "/live/replays/{queue}/{replay}", &[]),
    ("GET", "/dead-letters/broker", &[]),
    ("GET", "/dead-letters/broker/{queue}", &[]),
    ("GET", "/dead-letters/broker/{queue}/messages/{message}", &[]),
    ("GET", "/dead-letters/broker/{queue}/export", &[]),
    ("POST", "/dead-letters/broker/{queue}/replays", &[]),
    ("GET", "/dead-letters/broker/{queue}/replays/{replay}", &[]),
    ("POST", "/dead-letters/broker/{queue}/replays/{replay}/{action}", &[]),
    ("GET", "/ingest", &[]),
    ("GET", "/ingest/workers/{worker}", &[("/ingest/workers/{worker}", &[])]),
    ("GET", "/lex", &[]),
    ("GET", "/lex/dead", &[]),
    ("GET", "/lex/messages/{message}", &[("/lex/messages/{lex_record}", &[])]),
    ("GET", "/lex/conformance", &[]),
    ("POST", "/lex/conformance", &[]),
    ("GET", "/lex/conformance/{session}", &[("/lex/conformance/{session}", &[])]),
    ("GET", "/crm", &[]),
    ("GET", "/crm/automations", &[]),
    ("GET", "/crm/automations/new", &[]),
    ("POST", "/crm/automations/check", &[]),
    ("POST", "/crm/automations/apply", &[]),
    ("GET", "/crm/automations/{automation}", &[("/crm/automations/{automation}", &[])]),
    ("GET", "/crm/automations/{automation}/edit", &[("/crm/automations/{automation}/edit", &[])]),
    (
        "POST",
        "/crm/automations/{automation}/switch",
        &[("/crm/automations/{automation}/switch", &[("active", "false")])],
    ),
    (
        "POST",
        "/crm/automations/{automation}/runs",
        &[("/crm/automations/{automation}/runs", &[("subject", "{crm_lead}")])],
    ),
    ("GET", "/crm/automations/{automation}/runs/{run}", &[("/crm/automations/{automation}/runs/{run}", &[])]),
    (
        "POST",
        "/crm/automations/{automation}/runs/{run}/replay",
        &[("/crm/automations/{automation}/runs/{run}/replay", &[])],
    ),
    ("GET", "/crm/{kind}", &[]),
    (
        "GET",
        "/crm/{kind}/{record}",
        &[
            ("/crm/leads/{crm_lead}", &[]),
            ("/crm/customers/{customer}", &[]),
            ("/crm/products/{product}", &[]),
        ],
    ),
];

/// Forms that a page shows only at times: what is active cannot be resumed, and what did not die is not brought back.
const NOT_ALWAYS_SHOWN: [&str; 3] = ["/resume", "/dead-letters/retry", "/dead-letters/recover"];

/// Method and template of every route that the console registers.
fn registered() -> BTreeSet<(&'static str, &'static str)> {
    let (pages, _) = TABLE.split_once("pub fn docs").unwrap();
    let mut routes = BTreeSet::new();
    for registered in pages.split("resource(\"").skip(1) {
        let (template, rest) = registered.split_once('"').unwrap();
        for (call, method) in [(".get(", "GET"), (".post(", "POST")] {
            if rest.contains(call) {
                routes.insert((method, template));
            }
        }
        let others = [".put(", ".patch(", ".delete(", ".route("];
        assert!(others.iter().all(|call| !rest.contains(call)), "{template} has a method that no case knows");
    }
    routes
}

/// What of the console's answers is not as it has to be.
pub async fn leaks(platform: &Platform, own: &Tenant, foreign: &Tenant) -> Vec<String> {
    let known: BTreeSet<_> = ROUTES.iter().map(|(method, template, _)| (*method, *template)).collect();
    let registered = registered();
    let unlike =
        registered.symmetric_difference(&known).map(|route| format!("{route:?} is not in both tables"));
    let mut problems: Vec<_> = unlike.collect();
    let mut owner = Browser::sign_in(platform, &own.bearer(Surface::Platform), String::new()).await;
    let whose = format!("organization={}", own.id("organization"));
    let mut operator = Browser::sign_in(platform, &platform.admin_key, whose).await;
    let mut forms = BTreeSet::new();
    for (method, template, cases) in ROUTES {
        // Clients of every organisation are there for an operator.
        let is_scoped = OF_ONE.iter().any(|area| template.starts_with(area));
        for (path, form) in *cases {
            let names = things(path, form);
            problems.extend(owner.leaks(method, path, form, &names, own, foreign).await);
            if is_scoped {
                problems.extend(operator.leaks(method, path, form, &names, own, foreign).await);
            }
        }
        if template.contains("{queue}") {
            let path = template.replace(['{', '}'], "");
            let (status, _) = owner.ask(method, &path, &[]).await;
            if !matches!(status, 403 | 404) {
                problems.push(format!("{method} {path}, for operators alone: {status}"));
            }
        }
    }
    // That what is one's own is there makes the other answers worth something.
    for (_, _, cases) in ROUTES.iter().filter(|(method, ..)| *method == "GET") {
        for (path, _) in *cases {
            let path = named(path, |thing| own.id(thing).to_owned());
            let (status, text) = owner.ask("GET", &path, &[]).await;
            let (for_operators, more) = operator.ask("GET", &path, &[]).await;
            if ![status, for_operators].iter().any(|status| matches!(status, 200 | 303)) {
                problems.push(format!("GET {path}, one's own: {status}, for operators {for_operators}"));
            }
            forms.extend(actions(&text).chain(actions(&more)));
        }
    }
    for (_, _, cases) in ROUTES.iter().filter(|(method, ..)| *method == "POST") {
        for (path, _) in
            cases.iter().filter(|(path, _)| !NOT_ALWAYS_SHOWN.iter().any(|end| path.ends_with(end)))
        {
            let action = named(path, |thing| own.id(thing).to_owned());
            if path.contains('{') && !forms.contains(&action) {
                problems.push(format!("no page has a form for {path}"));
            }
        }
    }
    problems
}

/// The things of a tenant that a path and a form name.
fn things(path: &str, form: Form) -> Vec<String> {
    let values = form.iter().map(|(_, value)| *value);
    let named = std::iter::once(path).chain(values).flat_map(|text| text.split('{').skip(1));
    named.map(|rest| rest.split('}').next().unwrap().to_owned()).collect()
}

/// A path or a value with ids in the place of things.
fn named(text: &str, id: impl Fn(&str) -> String) -> String {
    let mut parts = text.split('{');
    let mut named = parts.next().unwrap().to_owned();
    for part in parts {
        let (thing, rest) = part.split_once('}').unwrap();
        named += &id(thing);
        named += rest;
    }
    named
}

/// Where the forms of a page go, without whose they are.
fn actions(page: &str) -> impl Iterator<Item = String> {
    let actions = page.split(" action=\"/console").skip(1);
    actions.filter_map(|rest| Some(rest.split(['"', '?']).next()?.to_owned()))
}

/// Somebody who is signed in.
struct Browser {
    http: Client,
    url: String,
    cookie: String,
    csrf: String,
    /// What every address is asked with.
    query: String,
}

impl Browser {
    async fn sign_in(platform: &Platform, key: &str, query: String) -> Self {
        let http = Client::builder().redirect(redirect::Policy::none()).no_proxy().build().unwrap();
        let url = format!("{}/console", platform.url);
        let form = encoded(&[("key", key.to_owned())]);
        let request = http.post(format!("{url}/sign-in")).header("content-type", FORM).body(form);
        let answer = request.send().await.unwrap();
        let cookie = answer.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
        let mut browser = Self { http, url, cookie, csrf: String::new(), query };
        let (_, page) = browser.ask("GET", "/session", &[]).await;
        let (_, token) = page.split_once("name=\"csrf\" value=\"").unwrap();
        token.split('"').next().unwrap().clone_into(&mut browser.csrf);
        browser
    }

    async fn ask(&self, method: &str, path: &str, form: &[(&str, String)]) -> (u16, String) {
        let more = if self.query.is_empty() {
            ""
        } else if path.contains('?') {
            "&"
        } else {
            "?"
        };
        let url = format!("{}{path}{more}{}", self.url, self.query);
        let request = self.http.request(Method::from_bytes(method.as_bytes()).unwrap(), url);
        let request = request.header("cookie", &self.cookie);
        let request = if method == "POST" {
            let fields = [form, &[("csrf", self.csrf.clone())]].concat();
            request.header("content-type", FORM).body(encoded(&fields))
        } else {
            request
        };
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    /// What is not refused as it has to be, with each of the things the other tenant's in turn, and all of them.
    async fn leaks(
        &mut self,
        method: &str,
        path: &str,
        form: Form,
        names: &[String],
        own: &Tenant,
        foreign: &Tenant,
    ) -> Vec<String> {
        let mut leaks = Vec::new();
        let each = names.iter().map(|name| vec![name]);
        for others in each.chain((names.len() > 1).then(|| names.iter().collect())) {
            let mut answers = Vec::new();
            for is_of_nobody in [false, true] {
                let id = |thing: &str| match others.iter().any(|other| *other == thing) {
                    false => own.id(thing).to_owned(),
                    true if is_of_nobody => unknown(foreign.id(thing), &testkit::unique_id().to_string()),
                    true => foreign.id(thing).to_owned(),
                };
                let form: Vec<_> = form.iter().map(|(name, value)| (*name, named(value, id))).collect();
                let (status, mut text) = self.ask(method, &named(path, id), &form).await;
                for name in names {
                    text = text.replace(&id(name), "…");
                }
                // A page of two things says which of them it misses, whichever it hears of first.
                let said = if path.contains("/runs/{run}") { String::new() } else { said(&text) };
                answers.push((status, said));
            }
            let expected: &[u16] = match path {
                "/clients/new" => &[404, 422],
                "/dead-letters/retry" => &[200],
                path if path.starts_with("/crm/automations") || path.ends_with("/tier") => {
                    &[403, 404, 409, 422]
                }
                _ => &[404],
            };
            if !expected.contains(&answers[0].0) || answers[0] != answers[1] {
                leaks.push(format!("{method} {path}, another's {others:?}: {answers:?}, not {expected:?}"));
            }
        }
        leaks
    }
}

fn encoded(fields: &[(&str, String)]) -> String {
    // A query has the encoding of a form.
    Url::parse_with_params("http://form/", fields).unwrap().query().unwrap_or_default().to_owned()
}

/// What a page says is wrong: all of one that says nothing else, or the complaints of a form that is shown again.
fn said(page: &str) -> String {
    if let Some((_, rest)) = page.split_once("<main id=\"content\"><h1>") {
        return rest.split("</main>").next().unwrap_or_default().to_owned();
    }
    let complaints = page.split("complaint").skip(1).map(|rest| rest.split('<').next().unwrap_or_default());
    complaints.collect()
}
