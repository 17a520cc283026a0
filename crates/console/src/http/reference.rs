//! `/docs`, `/openapi`, `/asyncapi.yaml` and `/schemas`: what the APIs and the events are, for people and for
//! programs. Open, and the same for everybody.

use super::assets;
use super::stop::Stop;
use crate::view::reference::{self, Document};
use actix_web::{HttpRequest, HttpResponse, web};
use platform::secrets::{base64url, digest};
use std::sync::LazyLock;

/// Something that changes with the program alone.
#[derive(Debug)]
struct Kept {
    name: String,
    kind: &'static str,
    body: String,
    version: String,
}

impl Kept {
    fn new(name: &str, kind: &'static str, body: String) -> Self {
        let version = base64url(&digest(body.as_bytes())).chars().take(16).collect();
        Self { name: name.to_owned(), kind, body, version }
    }
}

static DOCUMENTS: LazyLock<Vec<Document>> = LazyLock::new(|| {
    let all = [
        ("partner", include_str!("../../../../proto/openapi/partner.json")),
        ("platform", include_str!("../../../../proto/openapi/platform.json")),
        ("ingest", include_str!("../../../../proto/openapi/ingest.json")),
        ("crm", include_str!("../../../../proto/openapi/crm.json")),
        ("lex", include_str!("../../../../proto/openapi/lex.json")),
    ];
    let document =
        |(surface, json)| Document { surface, json, parsed: serde_json::from_str(json).unwrap_or_default() };
    all.into_iter().map(document).collect()
});

/// The schema of each event's data, by its routing key.
const EVENT_SCHEMAS: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/event_schemas.rs"));
const ASYNCAPI: &str = include_str!("../../../../proto/asyncapi.yaml");

/// What is served below `/docs`, the list of all under the empty name.
static PAGES: LazyLock<Vec<Kept>> = LazyLock::new(|| {
    const HTML: &str = "text/html; charset=utf-8";
    let index = Kept::new("", HTML, reference::index(&DOCUMENTS, EVENT_SCHEMAS).into_string());
    let page = |one: &Document| Kept::new(one.surface, HTML, reference::surface(one).into_string());
    std::iter::once(index).chain(DOCUMENTS.iter().map(page)).collect()
});

/// What is served below `/schemas/events`.
static SCHEMAS: LazyLock<Vec<Kept>> = LazyLock::new(|| {
    let file = |(name, json): &(&str, &str)| {
        Kept::new(&format!("{name}.json"), "application/schema+json", (*json).to_owned())
    };
    EVENT_SCHEMAS.iter().map(file).collect()
});

static EVENTS: LazyLock<[Kept; 1]> =
    LazyLock::new(|| [Kept::new("", "application/yaml", ASYNCAPI.to_owned())]);

static FILES: LazyLock<Vec<Kept>> = LazyLock::new(|| {
    let file =
        |one: &Document| Kept::new(&format!("{}.json", one.surface), "application/json", one.json.to_owned());
    DOCUMENTS.iter().map(file).collect()
});

/// 200 with the list of surfaces.
pub async fn index(request: HttpRequest) -> Result<HttpResponse, Stop> {
    answer(&request, &PAGES, "")
}

/// 200 with one surface.
pub async fn surface(request: HttpRequest, name: web::Path<String>) -> Result<HttpResponse, Stop> {
    answer(&request, &PAGES, &name)
}

/// 200 with a surface's OpenAPI document.
pub async fn document(request: HttpRequest, file: web::Path<String>) -> Result<HttpResponse, Stop> {
    answer(&request, &FILES, &file)
}

/// 200 with what the events are and where they go.
pub async fn asyncapi(request: HttpRequest) -> Result<HttpResponse, Stop> {
    answer(&request, EVENTS.as_slice(), "")
}

/// 200 with the schema of an event's data: what its `dataschema` names.
pub async fn schema(request: HttpRequest, file: web::Path<String>) -> Result<HttpResponse, Stop> {
    answer(&request, &SCHEMAS, &file)
}

fn answer(request: &HttpRequest, kept: &'static [Kept], name: &str) -> Result<HttpResponse, Stop> {
    let found = kept.iter().find(|kept| kept.name == name).ok_or_else(Stop::missing)?;
    Ok(assets::unless_known(request, &found.version, found.kind, found.body.as_bytes()))
}
