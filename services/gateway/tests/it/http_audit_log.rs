//! `/api/v1/audit-log` and `/internal/audit`.

use crate::harness::{Harness, text};
use contracts::Service;
use contracts::identity::{Caller, IDENTITY_HEADER};
use reqwest::Method;
use serde_json::{Value, json};
use testkit::{answer, callers, eventually};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const PATH: &str = "/api/v1/audit-log";

/// The entries that a query finds, oldest first.
async fn entries(gateway: &Harness, query: &str) -> Vec<Value> {
    let (status, listed) = answer(gateway.admin(Method::GET, &format!("{PATH}?limit=100&{query}"))).await;
    assert_eq!(status, 200, "{query}: {listed}");
    let mut rows = listed["data"].as_array().unwrap().clone();
    assert_eq!(listed["pagination"]["total"], rows.len());
    rows.reverse();
    rows
}

fn column<'r>(rows: &'r [Value], name: &str) -> Vec<&'r str> {
    rows.iter().map(|row| text(&row[name])).collect()
}

#[tokio::test]
async fn every_change_leaves_an_entry_without_any_secret() {
    let gateway = Harness::start().await;
    let organization = gateway.organization("acme").await;
    let client = gateway.client_of(&organization["id"]).await;
    let (org, id) = (text(&organization["id"]), text(&client["id"]));
    let key = gateway.key(&client, json!({"surface": "ingest", "app": {"slug": "a", "name": "A"}})).await;
    let service = gateway.credential(&client, "acme", json!({})).await.credential;
    let oauth = gateway.oauth(&client, json!({})).await;
    let client_path = format!("/api/v1/api-clients/{id}");
    let mut secrets = vec![text(&key["key"]).to_owned(), text(&service["secret"]).to_owned()];
    secrets.push(text(&oauth["clientSecret"]).to_owned());
    for (family, credential, secret) in [("service", &service, "secret"), ("oauth", &oauth, "clientSecret")] {
        let path = format!("{client_path}/{family}-credentials/{}", text(&credential["id"]));
        let (_, rotated) = answer(gateway.admin(Method::POST, &format!("{path}/rotate"))).await;
        secrets.push(text(&rotated[secret]).to_owned());
        assert_eq!(gateway.admin(Method::DELETE, &path).send().await.unwrap().status().as_u16(), 204);
    }
    let key_path = format!("{client_path}/api-keys/{}", text(&key["id"]));
    let organization_path = format!("/api/v1/organizations/{org}");
    answer(gateway.admin(Method::PUT, &client_path).json(&json!({"status": "SUSPENDED"}))).await;
    answer(gateway.admin(Method::PUT, &client_path).json(&json!({"status": "SUSPENDED"}))).await;
    answer(gateway.admin(Method::PATCH, &organization_path).json(&json!({"plan": {"maxWorkers": 1}}))).await;
    for path in [&key_path, &key_path, &client_path, &organization_path] {
        assert_eq!(gateway.admin(Method::DELETE, path).send().await.unwrap().status().as_u16(), 204);
    }

    let rows = entries(&gateway, &format!("organizationId={org}")).await;
    assert_eq!(
        column(&rows, "action"),
        [
            "organization.created",
            "client.created",
            "api_key.created",
            "service_credential.created",
            "oauth_credential.created",
            "service_credential.rotated",
            "service_credential.revoked",
            "oauth_credential.rotated",
            "oauth_credential.revoked",
            "client.updated",
            "organization.updated",
            "api_key.revoked",
            "client.deleted",
            "organization.deleted",
        ]
    );
    let log = json!(rows).to_string();
    for secret in &secrets {
        assert!(!log.contains(secret.as_str()), "{secret}");
        let end = &secret[secret.len() - 20..];
        assert!(!log.contains(end), "{secret}");
    }
    assert_eq!(rows[1]["target"], format!("client:{id}"));
    assert_eq!((&rows[1]["before"], &rows[1]["after"]["name"]), (&Value::Null, &client["name"]));
    assert_eq!(rows[9]["before"]["status"], "ACTIVE");
    assert_eq!(rows[9]["after"]["status"], "SUSPENDED");
    assert_eq!(rows[9]["after"]["name"], Value::Null, "only what differs is kept");
    assert_eq!(rows[10]["after"]["plan"]["maxWorkers"], 1);
    assert_eq!((&rows[13]["before"]["slug"], &rows[13]["after"]), (&json!("acme"), &Value::Null));
    for row in &rows {
        assert_eq!((&row["origin"], &row["organizationId"]), (&json!("127.0.0.1"), &json!(org)));
        assert_eq!(row["actor"], format!("client:{}", text(&row["clientId"])));
        assert!(row["credentialId"].is_string() && row["requestId"].is_string());
    }
}

#[tokio::test]
async fn an_entry_says_who_when_from_where_and_in_which_request() {
    let gateway = Harness::start_with(|settings| {
        settings.proxies.trusted = vec!["127.0.0.0/8".parse().unwrap()];
    })
    .await;
    let client = gateway.client("acme").await;
    let key = gateway.key(&client, json!({})).await;
    gateway.service.process.clock.advance(chrono::TimeDelta::seconds(1));
    let request = gateway
        .with(text(&key["key"]), Method::PUT, &format!("/api/v1/api-clients/{}", text(&client["id"])))
        .header("x-forwarded-for", "203.0.113.7")
        .header("x-request-id", "my-request")
        .json(&json!({"name": "Renamed"}));
    assert_eq!(answer(request).await.0, 200);
    let rows = entries(&gateway, "action=client.updated").await;
    assert_eq!(rows.len(), 1);
    let row = &rows[0];
    assert_eq!((&row["origin"], &row["requestId"]), (&json!("203.0.113.7"), &json!("my-request")));
    assert_eq!((&row["clientId"], &row["credentialId"]), (&client["id"], &key["id"]));
    assert_eq!(row["occurredAt"], json!(gateway.service.process.clock.now()));
    assert_eq!((&row["before"]["name"], &row["after"]["name"]), (&client["name"], &json!("Renamed")));
}

#[tokio::test]
async fn what_is_refused_or_rolled_back_leaves_no_entry() {
    let gateway = Harness::start().await;
    let client = gateway.client("acme").await;
    let before = entries(&gateway, "").await.len();
    let key = json!({"clientId": client["id"], "name": "k", "scopes": ["platform:admin"]});
    assert_eq!(answer(gateway.admin(Method::POST, "/api/v1/api-keys").json(&key)).await.0, 403);
    let path = format!("/api/v1/api-clients/{}", text(&client["id"]));
    assert_eq!(answer(gateway.admin(Method::PUT, &path).json(&json!({"name": ""}))).await.0, 400);
    assert_eq!(answer(gateway.admin(Method::DELETE, &format!("{path}0"))).await.0, 404);
    assert_eq!(entries(&gateway, "").await.len(), before);
}

#[tokio::test]
async fn the_log_is_filtered_and_paged_and_for_administrators() {
    let gateway = Harness::start().await;
    let clock = gateway.service.process.clock.clone();
    let acme = gateway.client("acme").await;
    let key = gateway.key(&acme, json!({})).await;
    clock.advance(chrono::TimeDelta::hours(1));
    let later = clock.now().to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    let globex = gateway.client("globex").await;
    let path = format!("/api/v1/api-clients/{}", text(&acme["id"]));
    let rename = gateway.with(text(&key["key"]), Method::PUT, &path).json(&json!({"name": "New"}));
    assert_eq!(answer(rename).await.0, 200);
    let actions = async |query: String| -> Vec<String> {
        entries(&gateway, &query).await.iter().map(|row| text(&row["action"]).to_owned()).collect()
    };
    let own = format!("actor={}", text(&acme["id"]));
    assert_eq!(actions(own.clone()).await, ["client.updated"]);
    assert_eq!(actions(format!("actor=client:{}", text(&acme["id"]))).await, ["client.updated"]);
    assert_eq!(actions(format!("actor={}", text(&key["id"]))).await, ["client.updated"]);
    assert_eq!(actions(format!("{own}&action=client.created")).await, [""; 0]);
    assert_eq!(
        actions(format!("organizationId={}", text(&globex["organizationId"]))).await,
        ["organization.created", "client.created"]
    );
    assert_eq!(actions(format!("dateTo={later}&action=client.created")).await.len(), 1);
    assert_eq!(actions(format!("dateFrom={later}&action=client.created")).await.len(), 1);
    assert_eq!(actions("actor=nobody".to_owned()).await, [""; 0]);

    let (_, page) = answer(gateway.admin(Method::GET, &format!("{PATH}?limit=2&page=3"))).await;
    assert_eq!(page["pagination"], json!({"page": 3, "limit": 2, "total": 6, "totalPages": 3}));
    assert_eq!(page["data"][1]["action"], "organization.created");
    let bad = format!("{PATH}?organizationId=x&dateFrom=yesterday&limit=101");
    let (status, refused) = answer(gateway.admin(Method::GET, &bad)).await;
    let fields = refused["details"]["fields"].as_array().unwrap();
    assert_eq!((status, column(fields, "path")), (400, vec!["organizationId", "dateFrom", "limit"]));
    assert_eq!(answer(gateway.with(text(&key["key"]), Method::GET, PATH)).await.0, 403);
}

#[tokio::test]
async fn a_change_that_is_passed_on_leaves_an_entry_once_its_owner_has_made_it() {
    let gateway = Harness::start().await;
    let partner = gateway.partner("acme").await;
    let subscriptions = "/api/v1/partners/acme/webhook-subscriptions";
    let send = async |method: Method, path: String| {
        let token = partner.token(gateway.now());
        answer(gateway.with(&token, method, &path).json(&json!({"url": "https://example.com"}))).await.0
    };
    assert_eq!(send(Method::POST, subscriptions.to_owned()).await, 200);
    assert_eq!(send(Method::GET, subscriptions.to_owned()).await, 200);
    assert_eq!(send(Method::POST, format!("{subscriptions}/7/rotate-secret")).await, 200);
    assert_eq!(send(Method::DELETE, format!("{subscriptions}/7")).await, 200);
    assert_eq!(send(Method::POST, partner.leads()).await, 200);
    let token = partner.token(gateway.now());
    let refused =
        gateway.with(&token, Method::DELETE, &format!("{subscriptions}/8")).header("x-echo-status", "404");
    assert_eq!(answer(refused).await.0, 404);
    let rows = entries(&gateway, &format!("actor={}", text(&partner.credential["subject"]))).await;
    assert_eq!(
        column(&rows, "action"),
        ["subscription.created", "subscription.secret_rotated", "subscription.deleted"]
    );
    assert_eq!(column(&rows, "target"), [subscriptions, "subscription:7", "subscription:7"]);
    let row = &rows[1];
    assert_eq!((&row["before"], &row["after"]), (&Value::Null, &Value::Null));
    assert_eq!((&row["credentialId"], &row["origin"]), (&partner.credential["id"], &json!("127.0.0.1")));
}

#[tokio::test]
async fn whoever_authors_automations_or_switches_them_off_is_in_the_log() {
    let gateway = Harness::start().await;
    let client = gateway.client("acme").await;
    let key = gateway.key(&client, json!({"surface": "crm"})).await;
    let organization = text(&client["organizationId"]);
    let own = async |method: Method, path: &str| {
        answer(gateway.with(text(&key["key"]), method, path).json(&json!({}))).await.0
    };
    assert_eq!(own(Method::PATCH, "/api/v1/automations/a").await, 200);
    assert_eq!(own(Method::GET, "/api/v1/automations/a").await, 200);
    assert_eq!(own(Method::PATCH, "/api/v1/leads/l").await, 200);
    assert_eq!(own(Method::DELETE, "/api/v1/automations/a").await, 200);
    let automations = format!("/api/v1/organizations/{organization}/automations");
    for (method, path) in [
        (Method::PUT, automations.clone()),
        (Method::GET, format!("{automations}/b")),
        (Method::POST, format!("{automations}/b/runs")),
        (Method::POST, format!("{automations}/b/runs/r/replay")),
    ] {
        assert_eq!(answer(gateway.admin(method, &path).json(&json!({}))).await.0, 200);
    }
    let rows = entries(&gateway, &format!("organizationId={organization}")).await;
    let rows: Vec<_> =
        rows.into_iter().filter(|row| text(&row["action"]).starts_with("automation.")).collect();
    assert_eq!(
        column(&rows, "action"),
        [
            "automation.updated",
            "automation.deleted",
            "automation.applied",
            "automation.run_started",
            "automation.run_replayed"
        ]
    );
    assert_eq!(
        column(&rows, "target"),
        ["automation:a", "automation:a", &automations, "automation:b", "automation:b"]
    );
    assert_eq!((&rows[0]["credentialId"], &rows[0]["origin"]), (&key["id"], &json!("127.0.0.1")));
    assert_ne!(rows[2]["credentialId"], key["id"], "the administrator");
}

#[tokio::test]
async fn services_write_to_the_log_and_nobody_else_does() {
    let gateway = Harness::start().await;
    let body = json!({
        "organization_id": null, "actor": "operator:ada", "action": "dlq.replayed", "target": "queue:x",
        "origin": "ops-1", "before": null, "after": {"messages": 3},
    });
    let post = async |caller: Option<Caller>, body: &Value| {
        let mut request = gateway.service.bare(Method::POST, contracts::internal::AUDIT).json(body);
        if let Some(caller) = caller {
            let token = callers::token(Service::Gateway, &gateway.service.process.clock, caller);
            request = request.header(IDENTITY_HEADER, token);
        }
        request.send().await.unwrap().status().as_u16()
    };
    let service = || Some(Caller::Service { name: "leadwire".to_owned() });
    assert_eq!(post(service(), &body).await, 204);
    assert_eq!(post(service(), &json!({"actor": 1})).await, 400);
    let mut nul = body.clone();
    nul["target"] = json!("a\0b");
    assert_eq!(post(service(), &nul).await, 400);
    for caller in [None, Some(Caller::Anonymous)] {
        assert_eq!(post(caller, &body).await, 404);
    }
    let rows = entries(&gateway, "action=dlq.replayed").await;
    assert_eq!(rows.len(), 1);
    assert_eq!((&rows[0]["actor"], &rows[0]["after"]), (&json!("operator:ada"), &body["after"]));
    assert_eq!((&rows[0]["organizationId"], &rows[0]["clientId"]), (&Value::Null, &Value::Null));
}

#[tokio::test]
async fn a_caller_that_goes_away_leaves_its_entry_all_the_same() {
    // Stands for webhook-dispatcher: it answers when the caller has gone.
    let owner = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", owner.local_addr().unwrap()).parse().unwrap();
    let gateway = Harness::start_with(|settings| settings.upstreams.webhook_dispatcher = vec![url]).await;
    let partner = gateway.partner("acme").await;
    let host = gateway.service.url().strip_prefix("http://").unwrap();
    let mut caller = TcpStream::connect(host).await.unwrap();
    let request = format!(
        "DELETE /api/v1/partners/acme/webhook-subscriptions/7 HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {}\r\n\r\n",
        partner.token(gateway.now())
    );
    caller.write_all(request.as_bytes()).await.unwrap();
    let (mut sent, _) = owner.accept().await.unwrap();
    assert!(sent.read_u8().await.is_ok());
    // Without a farewell, as when a process is killed.
    caller.set_zero_linger().unwrap();
    drop(caller);
    sent.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.unwrap();
    eventually("the entry", async || {
        let rows = entries(&gateway, "action=subscription.deleted").await;
        (column(&rows, "target") == ["subscription:7"]).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_log_that_cannot_be_written_undoes_no_change_of_others_and_every_one_of_its_own() {
    let gateway = Harness::start().await;
    let partner = gateway.partner("acme").await;
    sqlx::query("alter table audit_log rename to audit_log_elsewhere")
        .execute(&gateway.database.pool())
        .await
        .unwrap();
    let path = "/api/v1/partners/acme/webhook-subscriptions/7";
    let token = partner.token(gateway.now());
    assert_eq!(answer(gateway.with(&token, Method::DELETE, path)).await.0, 200);
    let path = format!("/api/v1/api-clients/{}", text(&partner.credential["subject"]));
    let rename = gateway.admin(Method::PUT, &path).json(&json!({"name": "New"}));
    assert_eq!(answer(rename).await.0, 500);
    assert_eq!(answer(gateway.admin(Method::GET, &path)).await.1["name"], "My Partner App");
}
