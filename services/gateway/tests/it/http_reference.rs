//! `/docs` and `/openapi`: the same for everybody, kept by caches, limited per address.

use crate::browser::Browser;
use crate::harness::Harness;
use contracts::Surface;
use contracts::routes::ROUTES;
use reqwest::Method;
use serde_json::Value;

#[tokio::test]
async fn every_operation_of_every_surface_is_documented_for_people_and_for_programs() {
    let gateway = Harness::start().await;
    let mut browser = Browser::new(&gateway);
    let index = browser.get("/docs").await;
    assert_eq!(index.status, 200);
    for surface in Surface::ALL {
        let name = surface.name();
        assert!(index.text.contains(&format!("href=\"/docs/{name}\"")), "{name}");
        let document = browser.get(&format!("/openapi/{name}.json")).await;
        assert_eq!(
            (document.status, document.headers["content-type"].to_str().unwrap()),
            (200, "application/json")
        );
        let document: Value = serde_json::from_str(&document.text).unwrap();
        assert_eq!(document["openapi"].as_str().unwrap().split('.').next(), Some("3"));
        let page = browser.get(&format!("/docs/{name}")).await;
        assert_eq!(page.status, 200);
        assert!(!page.text.contains("<script") && !page.text.contains(" style="), "{name}");
        for route in ROUTES.iter().filter(|route| route.surface == surface) {
            let operation = &document["paths"][route.template][route.method.to_ascii_lowercase()];
            let id =
                operation["operationId"].as_str().unwrap_or_else(|| panic!("{route:?} is not documented"));
            assert!(page.text.contains(&format!("id=\"{id}\"")), "{id} is not on the page of {name}");
        }
        // Every link within the page leads somewhere on it.
        for link in page.text.split("href=\"#").skip(1) {
            let target = link.split('"').next().unwrap();
            assert!(page.text.contains(&format!("id=\"{target}\"")), "{name}: #{target} leads nowhere");
        }
    }
    let page = browser.get("/asyncapi.yaml").await;
    assert_eq!((page.status, page.text.starts_with("asyncapi: \"3.")), (200, true));
    assert!(index.text.matches("href=\"/schemas/").count() > 30);
    for link in index.text.split("href=\"/schemas/").skip(1) {
        let path = format!("/schemas/{}", link.split('"').next().unwrap());
        let schema = browser.get(&path).await;
        assert_eq!(schema.status, 200, "{path}");
        assert_eq!(serde_json::from_str::<Value>(&schema.text).unwrap()["$id"], path.as_str());
    }
    for nowhere in ["/docs/other", "/openapi/other.json", "/openapi", "/schemas/events/other.json"] {
        assert_eq!(browser.get(nowhere).await.status, 404, "{nowhere}");
    }
}

#[tokio::test]
async fn the_reference_is_kept_by_caches_and_limited_per_address() {
    let gateway = Harness::start().await;
    for path in ["/docs", "/docs/lex", "/openapi/platform.json", "/console/assets/console.css"] {
        let first = gateway.service.bare(Method::GET, path).unchecked().send().await.unwrap();
        assert_eq!(first.status(), 200, "{path}");
        assert_eq!(first.headers()["cache-control"], "public, max-age=3600", "{path}");
        assert!(first.headers().contains_key("ratelimit"), "{path}");
        assert!(
            first.headers()["content-security-policy"].to_str().unwrap().starts_with("default-src 'none'")
        );
        let tag = first.headers()["etag"].clone();
        let request = gateway.service.bare(Method::GET, path).unchecked().header("if-none-match", tag);
        let head = gateway.service.bare(Method::HEAD, path).unchecked().send().await.unwrap();
        assert_eq!(
            (head.status().as_u16(), &head.headers()["etag"]),
            (200, &first.headers()["etag"]),
            "{path}"
        );
        let again = request.send().await.unwrap();
        assert_eq!(again.status(), 304, "{path}");
        assert_eq!(again.bytes().await.unwrap().len(), 0, "{path}");
    }
    let twisted = gateway.service.bare(Method::GET, "/docs/%2e%2e").unchecked().send().await.unwrap();
    assert!(matches!(twisted.status().as_u16(), 400 | 404), "{}", twisted.status());
}
