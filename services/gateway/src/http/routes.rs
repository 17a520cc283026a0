//! The table of contents of the gateway's HTTP side. Every request passes the guard first, which goes by
//! the table in `contracts::routes`; what is not served here belongs to another service.

use super::{
    api_clients, api_keys, guard, oauth, oauth_credentials, organizations, proxy, reference,
    service_credentials,
};
use crate::state::State;
use actix_web::middleware::from_fn;
use actix_web::web::{self, ServiceConfig, resource};

/// Registers every route for one worker.
pub fn configure(state: State) -> impl Fn(&mut ServiceConfig) + Clone + Send + 'static {
    move |config| {
        config.app_data(web::Data::new(state.clone())).service(
            web::scope("")
                .wrap(from_fn(guard::guard))
                .service(resource("/.well-known/jwks.json").get(reference::jwks))
                .service(resource("/.well-known/oauth-authorization-server").get(oauth::metadata))
                .service(resource("/oauth/token").post(oauth::token))
                .service(resource("/api/v1/organizations").post(organizations::post).get(organizations::list))
                .service(resource("/api/v1/organizations/{id}").get(organizations::get))
                .service(resource("/api/v1/api-clients").post(api_clients::post).get(api_clients::list))
                .service(resource("/api/v1/api-clients/{id}").get(api_clients::get))
                .service(resource("/api/v1/api-keys").post(api_keys::post))
                .service(resource("/api/v1/api-clients/{id}/api-keys").get(api_keys::list))
                .service(resource("/api/v1/api-clients/{id}/api-keys/{apiKeyId}").delete(api_keys::delete))
                .service(
                    resource("/api/v1/api-clients/{id}/service-credentials")
                        .post(service_credentials::post)
                        .get(service_credentials::list),
                )
                .service(
                    resource("/api/v1/api-clients/{id}/service-credentials/{credentialId}")
                        .delete(service_credentials::delete),
                )
                .service(
                    resource("/api/v1/api-clients/{id}/service-credentials/{credentialId}/rotate")
                        .post(service_credentials::rotate),
                )
                .service(
                    resource("/api/v1/api-clients/{id}/oauth-credentials")
                        .post(oauth_credentials::post)
                        .get(oauth_credentials::list),
                )
                .service(
                    resource("/api/v1/api-clients/{id}/oauth-credentials/{credentialId}")
                        .delete(oauth_credentials::delete),
                )
                .service(
                    resource("/api/v1/api-clients/{id}/oauth-credentials/{credentialId}/rotate")
                        .post(oauth_credentials::rotate),
                )
                .service(resource("/api/v1/rate-limits").get(reference::rate_limits))
                .service(resource("/api/v1/webhook-events").get(reference::webhook_events))
                .default_service(web::to(proxy::forward)),
        );
    }
}
