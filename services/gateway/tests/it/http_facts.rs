//! What services are told about a caller, so that they need no copy of its organisation.

use crate::harness::{Harness, text};
use contracts::identity::{
    AppFacts, Caller, IngestFacts, LexFacts, LexLevel, LexTier, OrganizationRef, PlatformFacts, SurfaceFacts,
};
use contracts::limits::LimitWindow;
use reqwest::Method;
use serde_json::{Value, json};
use testkit::{answer, unique_id};

/// The facts that arrive behind the gateway.
async fn facts(gateway: &Harness, bearer: &str, method: Method, path: &str) -> SurfaceFacts {
    let (status, echoed) = answer(gateway.with(bearer, method, path)).await;
    assert_eq!(status, 200, "{path}: {echoed}");
    match serde_json::from_value(echoed["identity"]["caller"].clone()).unwrap() {
        Caller::Principal(caller) => caller.facts,
        Caller::Anonymous | Caller::Service { .. } => unreachable!("{echoed}"),
    }
}

#[tokio::test]
async fn ingest_is_told_the_plan_and_the_application() {
    let gateway = Harness::start().await;
    let plan = json!({"apiEnabled": false, "monthlyEventQuota": 7, "maxWorkers": 3});
    let organization =
        gateway.create("/api/v1/organizations", &json!({"slug": "acme", "name": "Acme", "plan": plan})).await;
    let client = gateway.client_of(&organization["id"]).await;
    let app = json!({"slug": "web", "name": "Web", "allowedEventTypes": ["signup"]});
    let key = gateway.key(&client, json!({"surface": "ingest", "app": app})).await;
    let told = facts(&gateway, text(&key["key"]), Method::GET, "/api/v1/ingest/ping").await;
    let app = AppFacts {
        id: text(&key["app"]["id"]).parse().unwrap(),
        slug: "web".to_owned(),
        name: "Web".to_owned(),
        allowed_event_types: Some(vec!["signup".to_owned()]),
    };
    let expected = IngestFacts { api_enabled: false, monthly_event_quota: 7, max_workers: Some(3), app };
    assert_eq!(told, SurfaceFacts::Ingest(expected));
    // The allow-list is the application's: another key of it changes it for this one too, at once.
    let app = json!({"slug": "web", "name": "Web", "allowedEventTypes": ["signup", "login"]});
    gateway.key(&client, json!({"surface": "ingest", "app": app})).await;
    let SurfaceFacts::Ingest(told) =
        facts(&gateway, text(&key["key"]), Method::GET, "/api/v1/ingest/ping").await
    else {
        panic!("no facts of ingest")
    };
    assert_eq!(told.app.allowed_event_types.unwrap(), ["signup", "login"]);
}

#[tokio::test]
async fn lex_is_told_who_the_organisation_is_and_what_to_charge_more_messages_to() {
    let gateway = Harness::start().await;
    let body = json!({
        "slug": "acme", "name": "Acme", "lexOrganizationId": "ACME-1", "lexAliases": ["Acme", "ACME"],
        "lexConformanceLevel": "L2", "lexTier": "enterprise",
    });
    let organization = gateway.create("/api/v1/organizations", &body).await;
    let client = gateway.client_of(&organization["id"]).await;
    let expected = |key: String, limit| {
        SurfaceFacts::Lex(LexFacts {
            organization_id: Some("ACME-1".to_owned()),
            aliases: vec!["Acme".to_owned(), "ACME".to_owned()],
            level: Some(LexLevel::L2),
            tier: LexTier::Enterprise,
            window: Some(LimitWindow { key, limit }),
        })
    };
    let tenant = text(&organization["id"]);
    for (rest, key, limit) in [
        (json!({}), format!("{{{tenant}}}:lex"), 10_000),
        (json!({"rateLimitOverride": 25}), String::new(), 25),
    ] {
        let oauth = gateway.oauth(&client, rest).await;
        let key =
            if key.is_empty() { format!("{{{tenant}}}:credential:{}", text(&oauth["id"])) } else { key };
        let token = gateway.access_token(&oauth).await;
        let told = facts(&gateway, &token, Method::POST, "/v1/messages/batch").await;
        assert_eq!(told, expected(key, limit));
    }
}

#[tokio::test]
async fn the_dispatcher_is_told_whose_client_or_organisation_a_path_names() {
    let gateway = Harness::start().await;
    let (acme, globex) = (gateway.client("acme").await, gateway.client("globex").await);
    let key = gateway.key(&acme, json!({})).await;
    let path = |client: &Value| format!("/api/v1/api-clients/{}/webhooks", text(&client["id"]));
    let events = |client: &Value| format!("/api/v1/organizations/{}/events", text(&client["organizationId"]));
    let expected = |client: &Value, slug: &str, is_client: bool| {
        SurfaceFacts::Platform(PlatformFacts {
            organization: OrganizationRef {
                id: text(&client["organizationId"]).parse().unwrap(),
                slug: slug.to_owned(),
            },
            client_id: is_client.then(|| text(&client["id"]).parse().unwrap()),
        })
    };
    let own = text(&key["key"]);
    assert_eq!(facts(&gateway, own, Method::POST, &path(&acme)).await, expected(&acme, "acme", true));
    assert_eq!(facts(&gateway, own, Method::GET, &events(&acme)).await, expected(&acme, "acme", false));
    // An administrator reaches everybody, and is told whose it is.
    let admin = gateway.admin_key.clone();
    for (client, slug) in [(&acme, "acme"), (&globex, "globex")] {
        assert_eq!(facts(&gateway, &admin, Method::GET, &path(client)).await, expected(client, slug, true));
        assert_eq!(
            facts(&gateway, &admin, Method::GET, &events(client)).await,
            expected(client, slug, false)
        );
    }
    let arrived = gateway.echo.requests();
    // What is another's, what does not exist and what is no id are one and the same.
    for (prefix, foreign, rest, what) in [
        ("/api/v1/api-clients", &globex["id"], "/webhooks/1/test", "client"),
        ("/api/v1/organizations", &globex["organizationId"], "/events/1/deliveries", "organization"),
    ] {
        let method = if what == "client" { Method::POST } else { Method::GET };
        let mut answers = Vec::new();
        for id in [text(foreign), &unique_id().to_string(), "1", "nonsense"] {
            answers.push(answer(gateway.with(own, method.clone(), &format!("{prefix}/{id}{rest}"))).await);
        }
        assert_eq!(answers[0].0, 404);
        assert_eq!(answers[0].1["message"], format!("there is no such {what}"));
        assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    }
    assert_eq!(gateway.echo.requests(), arrived, "nothing of it was passed on");
}

#[tokio::test]
async fn the_other_surfaces_are_told_by_their_scopes_alone() {
    let gateway = Harness::start().await;
    let client = gateway.client("acme").await;
    let crm = gateway.key(&client, json!({"surface": "crm"})).await;
    assert_eq!(facts(&gateway, text(&crm["key"]), Method::GET, "/api/v1/products").await, SurfaceFacts::None);
    let partner = gateway.credential(&client, "acme", json!({})).await;
    let token = partner.token(gateway.now());
    assert_eq!(facts(&gateway, &token, Method::POST, &partner.leads()).await, SurfaceFacts::None);
}
