//! `/internal/**`: for services of the platform, and for nobody else.

use crate::harness::Harness;
use contracts::Service;
use contracts::identity::{Caller, IDENTITY_HEADER};
use contracts::internal::{ORGANIZATIONS, Organizations};
use platform_http::IdentityKey;
use reqwest::Method;
use secrecy::SecretString;
use serde_json::json;
use testkit::{Asked, answer, callers};

fn service() -> Caller {
    Caller::Service { name: Service::LexRouter.name().to_owned() }
}

/// A request of a service, as it calls the gateway.
fn of_service(gateway: &Harness, method: Method, path: &str) -> Asked {
    let token = callers::token(Service::Gateway, &gateway.service.process.clock, service());
    gateway.service.bare(method, path).header(IDENTITY_HEADER, token)
}

#[tokio::test]
async fn an_organisation_is_found_by_its_lex_id_and_by_each_alias_as_they_are_written() {
    let gateway = Harness::start().await;
    let body = json!({
        "slug": "acme", "name": "Acme", "lexOrganizationId": "ACME-1", "lexAliases": ["acme & co"],
        "lexConformanceLevel": "L3", "lexNotificationWebhook": "https://acme.example.com/lex",
    });
    let organization = gateway.create("/api/v1/organizations", &body).await;
    gateway.organization("globex").await;
    let find = async |query: &str| {
        let request = of_service(&gateway, Method::GET, &format!("{ORGANIZATIONS}?{query}"));
        let (status, body) = answer(request).await;
        assert_eq!(status, 200, "{body}");
        serde_json::from_value::<Organizations>(body).unwrap().data
    };
    let found = find("lexId=ACME-1").await;
    assert_eq!(json!(found[0].id), organization["id"]);
    assert_eq!(
        (found[0].slug.as_str(), found[0].lex_aliases.as_slice()),
        ("acme", &["acme & co".to_owned()][..])
    );
    assert_eq!(json!(found[0].lex_level), "L3");
    assert_eq!(found[0].lex_notification_webhook.as_deref(), Some("https://acme.example.com/lex"));
    assert_eq!(find("lexId=acme+%26+co").await, found);
    for unknown in ["lexId=acme-1", "lexId=ACME", "lexId=acme", "lexId=%27+or+1%3D1--"] {
        assert_eq!(find(unknown).await, [], "{unknown}");
    }
    let (status, refused) = answer(of_service(&gateway, Method::GET, ORGANIZATIONS)).await;
    assert_eq!((status, &refused["details"]["fields"][0]["path"]), (400, &json!("lexId")));
}

#[tokio::test]
async fn for_everybody_else_these_paths_do_not_exist() {
    let gateway = Harness::start().await;
    let path = "/internal/organizations?lexId=x";
    let unknown = answer(gateway.admin(Method::GET, "/nothing/organizations?lexId=x")).await;
    assert_eq!(unknown.0, 404);
    let clock = &gateway.service.process.clock;
    let other_key = SecretString::from("b3RoZXItaWRlbnRpdHkta2V5LTMyLWJ5dGVzLWxvbmc");
    let forged = IdentityKey::parse(Service::Gateway, &other_key, clock.clone()).unwrap();
    let principal = Caller::Principal(Box::new(callers::partner("acme", &[])));
    let tokens = [
        None,
        Some(String::new()),
        Some("nonsense".to_owned()),
        Some(forged.sign(service()).unwrap()),
        // For another service, and not of one.
        Some(callers::token(Service::LexRouter, clock, service())),
        Some(callers::token(Service::Gateway, clock, Caller::Anonymous)),
        Some(callers::token(Service::Gateway, clock, principal)),
    ];
    for token in tokens {
        let mut request = gateway.admin(Method::GET, path);
        if let Some(token) = &token {
            request = request.header(IDENTITY_HEADER, token);
        }
        assert_eq!(answer(request).await, unknown, "{token:?}");
    }
    let stale = callers::token(Service::Gateway, clock, service());
    clock.advance(chrono::TimeDelta::seconds(66));
    let request = gateway.service.bare(Method::GET, path).header(IDENTITY_HEADER, stale);
    assert_eq!(answer(request).await, unknown);
    // A service finds there what is there, and is nobody on public routes.
    for nowhere in ["/internal/nothing", "/internal/", "/internal/organizations/1"] {
        assert_eq!(answer(of_service(&gateway, Method::GET, nowhere)).await.0, 404, "{nowhere}");
    }
    assert_eq!(answer(of_service(&gateway, Method::GET, "/api/v1/organizations")).await.0, 401);
    assert_eq!(gateway.echo.requests(), 0);
}
