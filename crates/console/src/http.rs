//! The console's routes: the table of contents, and what every answer of theirs has in common.

mod assets;
mod audit_log;
mod automations;
mod broker;
mod clients;
mod cookie;
mod credentials;
mod crm;
mod dead_letters;
mod events;
mod ingest;
mod lex;
mod live;
mod overview;
mod reference;
mod sign_in;
mod stop;
mod subscriptions;
mod table;
mod visit;
mod webhooks;

use crate::Console;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{CACHE_CONTROL, HeaderName, HeaderValue};
use actix_web::middleware::{Next, from_fn};
use actix_web::web::{self, ServiceConfig, resource};
use actix_web::{Error, HttpResponse};
use maud::Markup;
use platform_http::edge::Final;
use std::net::IpAddr;
use stop::Stop;

pub use live::Live;

/// The address of whoever asks, which whoever mounts the console puts into the request's extensions.
#[derive(Clone, Copy, Debug)]
pub struct Visitor(pub IpAddr);

/// Registers the pages below `/console`, into a scope of that name.
pub fn configure(console: Console) -> impl Fn(&mut ServiceConfig) + Clone + Send + 'static {
    move |config| {
        config.app_data(web::Data::new(console.clone())).service(
            web::scope("")
                .wrap(from_fn(hardened))
                .service(resource("").get(overview::get))
                .service(resource("/assets/{file}").get(assets::get))
                .service(resource("/live/overview").get(overview::live))
                .service(resource("/live/events/{event}").get(events::live_event))
                .service(resource("/live/deliveries/{delivery}").get(events::live_delivery))
                .service(resource("/sign-in").get(sign_in::form).post(sign_in::sign_in))
                .service(resource("/sign-out").post(sign_in::sign_out))
                .service(resource("/sign-out-everywhere").post(sign_in::sign_out_everywhere))
                .service(resource("/session").get(sign_in::session))
                .service(resource("/webhooks").get(webhooks::list))
                .service(resource("/webhooks/new").get(webhooks::form).post(webhooks::create))
                .service(resource("/webhooks/{client}/{webhook}").get(webhooks::get))
                .service(
                    resource("/webhooks/{client}/{webhook}/edit").get(webhooks::edit).post(webhooks::change),
                )
                .service(resource("/webhooks/{client}/{webhook}/{action}").post(webhooks::act))
                .service(resource("/subscriptions").get(subscriptions::list))
                .service(resource("/subscriptions/{subscription}").get(subscriptions::get))
                .service(resource("/subscriptions/{subscription}/{action}").post(subscriptions::act))
                .service(resource("/events").get(events::list))
                .service(resource("/events/{event}").get(events::get))
                .service(resource("/deliveries/{delivery}").get(events::delivery))
                .service(resource("/deliveries/{delivery}/retry").post(events::retry))
                .service(resource("/dead-letters").get(dead_letters::list))
                .service(resource("/dead-letters/retry").post(dead_letters::retry))
                .service(resource("/dead-letters/recover").post(dead_letters::recover))
                .service(resource("/clients").get(clients::list))
                .service(resource("/clients/new").get(clients::form).post(clients::create))
                .service(resource("/clients/{client}").get(clients::get))
                .service(resource("/clients/{client}/status").post(clients::set_status))
                .service(resource("/clients/{client}/keys").post(clients::create_key))
                .service(resource("/clients/{client}/keys/{key}/revoke").post(clients::revoke_key))
                .service(resource("/clients/{client}/tier").post(clients::set_tier))
                .service(
                    resource("/clients/{client}/{family}/new")
                        .get(credentials::form)
                        .post(credentials::create),
                )
                .service(resource("/clients/{client}/{family}/{credential}/{action}").post(credentials::act))
                .service(resource("/audit-log").get(audit_log::list))
                .configure(broker_pages)
                .configure(ingest_and_lex_pages)
                .configure(crm_pages)
                .default_service(web::to(nothing_here)),
        );
    }
}

fn broker_pages(config: &mut ServiceConfig) {
    config
        .service(resource("/live/replays/{queue}/{replay}").get(broker::live))
        .service(resource("/dead-letters/broker").get(broker::list))
        .service(resource("/dead-letters/broker/{queue}").get(broker::queue))
        .service(resource("/dead-letters/broker/{queue}/messages/{message}").get(broker::message))
        .service(resource("/dead-letters/broker/{queue}/export").get(broker::export))
        .service(resource("/dead-letters/broker/{queue}/replays").post(broker::replay))
        .service(resource("/dead-letters/broker/{queue}/replays/{replay}").get(broker::progress))
        .service(resource("/dead-letters/broker/{queue}/replays/{replay}/{action}").post(broker::act));
}

fn ingest_and_lex_pages(config: &mut ServiceConfig) {
    config
        .service(resource("/ingest").get(ingest::workers))
        .service(resource("/ingest/workers/{worker}").get(ingest::worker))
        .service(resource("/lex").get(lex::messages))
        .service(resource("/lex/dead").get(lex::dead))
        .service(resource("/lex/messages/{message}").get(lex::message))
        .service(resource("/lex/conformance").get(lex::reports).post(lex::run))
        .service(resource("/lex/conformance/{session}").get(lex::report));
}

fn crm_pages(config: &mut ServiceConfig) {
    config
        .service(resource("/crm").get(crm::index))
        .service(resource("/crm/automations").get(automations::list))
        .service(resource("/crm/automations/new").get(automations::form))
        .service(resource("/crm/automations/check").post(automations::check))
        .service(resource("/crm/automations/apply").post(automations::apply))
        .service(resource("/crm/automations/{automation}").get(automations::get))
        .service(resource("/crm/automations/{automation}/edit").get(automations::edit))
        .service(resource("/crm/automations/{automation}/switch").post(automations::switch))
        .service(resource("/crm/automations/{automation}/runs").post(automations::run))
        .service(resource("/crm/automations/{automation}/runs/{run}").get(automations::shown_run))
        .service(resource("/crm/automations/{automation}/runs/{run}/replay").post(automations::replay))
        .service(resource("/crm/{kind}").get(crm::list))
        .service(resource("/crm/{kind}/{record}").get(crm::get));
}

/// Registers the reference of the APIs, into a scope `/docs`.
pub fn docs(config: &mut ServiceConfig) {
    config.service(
        web::scope("")
            .wrap(from_fn(hardened))
            .service(resource("").get(reference::index))
            .service(resource("/{surface}").get(reference::surface))
            .default_service(web::to(nothing_here)),
    );
}

/// Registers the same for programs, into a scope `/openapi`.
pub fn openapi(config: &mut ServiceConfig) {
    config.service(
        web::scope("")
            .wrap(from_fn(hardened))
            .service(resource("/{file}").get(reference::document))
            .default_service(web::to(nothing_here)),
    );
}

/// Registers what the events are, into a scope `/asyncapi.yaml`.
pub fn asyncapi(config: &mut ServiceConfig) {
    config.service(
        web::scope("")
            .wrap(from_fn(hardened))
            .service(resource("").get(reference::asyncapi))
            .default_service(web::to(nothing_here)),
    );
}

/// Registers the schemas of events, into a scope `/schemas/events`.
pub fn schemas(config: &mut ServiceConfig) {
    config.service(
        web::scope("")
            .wrap(from_fn(hardened))
            .service(resource("/{file}").get(reference::schema))
            .default_service(web::to(nothing_here)),
    );
}

/// What a page may do in a browser: nothing but what its own files say, and nobody may frame it.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

const HEADERS: [(&str, &str); 6] = [
    ("content-security-policy", POLICY),
    ("referrer-policy", "no-referrer"),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
];

/// Sets the headers that every answer has. What says nothing about it is not stored anywhere.
async fn hardened(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let mut response = next.call(request).await?;
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    if !headers.contains_key(CACHE_CONTROL) {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    Ok(response)
}

async fn nothing_here() -> Result<HttpResponse, Stop> {
    Err(Stop::missing())
}

/// 200 with a page.
fn page(markup: Markup) -> HttpResponse {
    HttpResponse::Ok().content_type("text/html; charset=utf-8").body(markup.into_string())
}

/// A page that says what is wrong with a form. The edge leaves it alone.
fn page_again(markup: Markup) -> HttpResponse {
    let mut response = HttpResponse::UnprocessableEntity()
        .content_type("text/html; charset=utf-8")
        .body(markup.into_string());
    response.extensions_mut().insert(Final);
    response
}

/// 303: what was posted is done, and reading the next page again does not do it again.
fn see(path: &str) -> HttpResponse {
    HttpResponse::SeeOther().insert_header(("location", path)).finish()
}
