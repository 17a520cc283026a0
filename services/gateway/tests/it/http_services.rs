//! Whether the services are ready, for administrators, and what the console shows of it.

use crate::browser::Browser;
use crate::harness::{Harness, text};
use reqwest::{Client, Method, redirect};
use serde_json::json;
use testkit::answer;

const SERVICES: &str = "/api/v1/admin/services";

#[tokio::test]
async fn an_administrator_sees_which_services_work_and_what_is_wrong_with_the_others() {
    let gateway = Harness::start().await;
    let (status, services) = answer(gateway.admin(Method::GET, SERVICES)).await;
    assert_eq!(status, 200, "{services}");
    let of =
        |name: &str| services["data"].as_array().unwrap().iter().find(|one| one["service"] == name).unwrap();
    assert_eq!(services["data"].as_array().unwrap().len(), 6, "{services}");
    let ours = &of("gateway")["replicas"][0];
    assert_ne!(of("gateway")["status"], "DOWN", "{services}");
    assert!(ours["version"].is_string() && ours["checks"][0]["name"] == "database", "{ours}");
    // Nothing of the stand-in behind this gateway knows how it is.
    let other = of("lex-router");
    assert_eq!(
        (&other["status"], &other["replicas"][0]["version"]),
        (&json!("DOWN"), &json!(null)),
        "{other}"
    );
    assert_eq!(other["replicas"][0]["checks"][0]["name"], "answer");

    let client = gateway.client("acme").await;
    let key = gateway.key(&client, json!({})).await;
    let (status, _) = answer(gateway.with(text(&key["key"]), Method::GET, SERVICES)).await;
    assert_eq!(status, 403);
}

#[tokio::test]
async fn how_a_service_is_it_tells_other_services_alone() {
    let gateway = Harness::start().await;
    let url = format!("{}{}", gateway.service.url(), contracts::internal::HEALTH);
    let answer = testkit::http().get(url).bearer_auth(&gateway.admin_key).send().await.unwrap();
    assert!(matches!(answer.status().as_u16(), 401 | 404), "{answer:?}");
}

#[tokio::test]
async fn a_page_that_brings_itself_up_to_date_ends_with_its_session() {
    let gateway = Harness::start().await;
    let mut browser = Browser::signed_in(&gateway, &gateway.admin_key).await;
    let url = format!("{}/console/live/overview", gateway.service.url());
    let cookie = browser.cookie.clone().unwrap();
    let http = Client::builder().redirect(redirect::Policy::none()).no_proxy().build().unwrap();
    let stream = async || http.get(&url).header("cookie", &cookie).send().await.unwrap();
    let mut first = stream().await;
    assert_eq!(
        (first.status().as_u16(), &first.headers()["content-type"]),
        (200, &"text/event-stream".parse().unwrap())
    );
    let mut said = String::new();
    while !said.contains("retry: 3000") {
        said.push_str(std::str::from_utf8(&first.chunk().await.unwrap().unwrap()).unwrap());
    }
    let others = futures_util::future::join_all((0..5).map(|_| stream())).await;
    assert!(others.iter().all(|other| other.status() == 200));
    let refused = stream().await;
    assert_eq!((refused.status().as_u16(), refused.headers()["retry-after"].to_str().unwrap()), (429, "30"));

    assert_eq!(browser.act("/console/sign-out", &[]).await.status, 303);
    while let Some(chunk) = first.chunk().await.unwrap() {
        said.push_str(std::str::from_utf8(&chunk).unwrap());
    }
    assert!(said.ends_with("event: end\ndata: \n\n"), "{said}");
    assert_eq!(stream().await.status(), 303, "who is signed out gets none");
}
