//! The table of contents of the gateway's HTTP side. Every request passes the guard first, which goes by
//! the table in `contracts::routes`; what is not served here belongs to another service.

use super::credentials::{OauthCredentials, ServiceCredentials};
use super::{
    api_clients, api_keys, audit_log, browser, cors, credentials, dead_letters, erase, guard, internal,
    oauth, organizations, reference, replays, services, usage,
};
use crate::state::State;
use actix_web::HttpResponse;
use actix_web::middleware::from_fn;
use actix_web::web::{self, ServiceConfig, resource};
use console::Console;
use contracts::FaultCode;
use platform::Fault;
use platform_http::HttpFault;

/// Registers every route for one worker.
pub fn configure(state: State, console: Console) -> impl Fn(&mut ServiceConfig) + Clone + Send + 'static {
    move |config| {
        config.app_data(web::Data::new(state.of_worker()));
        // Not operations of an API, and so not in the table.
        let pages = |path: &str| web::scope(path).wrap(from_fn(browser::open));
        config
            .service(pages("/console").configure(console::configure(console.clone())))
            .service(pages("/docs").configure(console::docs))
            .service(pages("/openapi").configure(console::openapi))
            .service(pages("/asyncapi.yaml").configure(console::asyncapi))
            .service(pages("/schemas/events").configure(console::schemas));
        config.service(
            web::scope("")
                .wrap(from_fn(guard::guard))
                .wrap(from_fn(cors::cors))
                .service(resource("/.well-known/jwks.json").get(reference::jwks))
                .service(resource("/.well-known/oauth-authorization-server").get(oauth::metadata))
                .service(resource("/oauth/token").post(oauth::token))
                .service(resource("/api/v1/organizations").post(organizations::post).get(organizations::list))
                .service(
                    resource("/api/v1/organizations/{id}")
                        .get(organizations::get)
                        .patch(organizations::patch)
                        .delete(organizations::delete),
                )
                .service(resource("/api/v1/organizations/{id}/erase").post(erase::post))
                .service(resource("/api/v1/admin/services").get(services::list))
                .service(resource("/api/v1/audit-log").get(audit_log::list))
                .configure(dead_letter_queues)
                .service(resource("/api/v1/api-clients").post(api_clients::post).get(api_clients::list))
                .service(
                    resource("/api/v1/api-clients/{id}")
                        .get(api_clients::get)
                        .put(api_clients::put)
                        .delete(api_clients::delete),
                )
                .service(resource("/api/v1/api-clients/{id}/usage").get(usage::usage))
                .service(resource("/api/v1/api-clients/{id}/dashboard").get(usage::dashboard))
                .service(resource("/api/v1/api-keys").post(api_keys::post))
                .service(resource("/api/v1/api-clients/{id}/api-keys").get(api_keys::list))
                .service(resource("/api/v1/api-clients/{id}/api-keys/{apiKeyId}").delete(api_keys::delete))
                .service(
                    resource("/api/v1/api-clients/{id}/service-credentials")
                        .post(credentials::post::<ServiceCredentials>)
                        .get(credentials::list::<ServiceCredentials>),
                )
                .service(
                    resource("/api/v1/api-clients/{id}/service-credentials/{credentialId}")
                        .delete(credentials::delete::<ServiceCredentials>),
                )
                .service(
                    resource("/api/v1/api-clients/{id}/service-credentials/{credentialId}/rotate")
                        .post(credentials::rotate::<ServiceCredentials>),
                )
                .service(
                    resource("/api/v1/api-clients/{id}/oauth-credentials")
                        .post(credentials::post::<OauthCredentials>)
                        .get(credentials::list::<OauthCredentials>),
                )
                .service(
                    resource("/api/v1/api-clients/{id}/oauth-credentials/{credentialId}")
                        .delete(credentials::delete::<OauthCredentials>),
                )
                .service(
                    resource("/api/v1/api-clients/{id}/oauth-credentials/{credentialId}/rotate")
                        .post(credentials::rotate::<OauthCredentials>),
                )
                .service(resource(contracts::internal::AUDIT).post(audit_log::post))
                .service(resource(contracts::internal::ORGANIZATIONS).get(internal::organizations))
                .service(resource("/api/v1/whoami").get(reference::whoami))
                .service(resource("/api/v1/rate-limits").get(reference::rate_limits))
                .service(resource("/api/v1/webhook-events").get(reference::webhook_events))
                .default_service(web::to(nothing_here)),
        );
    }
}

fn dead_letter_queues(config: &mut ServiceConfig) {
    config.service(resource("/api/v1/admin/dead-letter-queues").get(dead_letters::list)).service(
        web::scope("/api/v1/admin/dead-letter-queues/{queue}")
            .service(resource("/messages").get(dead_letters::messages))
            .service(resource("/messages/{messageId}").get(dead_letters::message))
            .service(resource("/export").get(dead_letters::export))
            .service(resource("/replays").post(replays::post).get(replays::list))
            .service(resource("/replays/{replayId}").get(replays::get))
            .service(resource("/replays/{replayId}/cancel").post(replays::cancel))
            .service(resource("/replays/{replayId}/resume").post(replays::resume)),
    );
}

/// A path that the table of routes gives to this service, and that nothing here serves.
async fn nothing_here() -> Result<HttpResponse, HttpFault> {
    Err(Fault::new(FaultCode::RouteNotFound, "no operation has this path").into())
}
