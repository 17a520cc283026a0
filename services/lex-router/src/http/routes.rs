//! The table of contents of the service's HTTP side.

use super::{
    batch, closure, conformance, erase, health, messages, organization, organization_conformance, read,
    schema,
};
use crate::state::State;
use actix_web::web::{self, ServiceConfig};
use contracts::internal::ERASE;

/// Registers every route for one worker.
pub fn configure(state: State) -> impl Fn(&mut ServiceConfig) + Clone + Send + 'static {
    move |config| {
        config
            .app_data(web::Data::new(state.clone()))
            .service(web::resource(ERASE).post(erase::post))
            .service(
                web::scope("/api/v1/organizations/{id}/lex")
                    .service(web::resource("/messages").get(organization::messages))
                    .service(web::resource("/messages/{recordId}").get(organization::message))
                    .service(
                        web::resource("/conformance-reports")
                            .get(organization_conformance::reports)
                            .post(organization_conformance::run),
                    )
                    .service(
                        web::resource("/conformance-reports/{sessionId}")
                            .get(organization_conformance::report),
                    ),
            )
            .service(
                web::scope("/v1")
                    .service(web::resource("/messages").post(messages::post).get(read::list))
                    .service(web::resource("/messages/batch").post(batch::post))
                    .service(web::resource("/messages/{messageId}").get(read::get))
                    .service(
                        web::resource("/messages/{messageId}/acknowledgment").get(read::get_acknowledgment),
                    )
                    .service(web::resource("/messages/{messageId}/ack").get(read::get_acknowledgment))
                    .service(web::resource("/leads").post(messages::post_lead))
                    .service(web::resource("/leads/{leadId}/closure").post(closure::post))
                    .service(web::resource("/assets").post(messages::post_asset))
                    .service(web::resource("/conformance/run").post(conformance::run))
                    .service(web::resource("/conformance/report/{sessionId}").get(conformance::report))
                    .service(web::resource("/schema/{messageType}").get(schema::get))
                    .service(web::resource("/health").get(health::get)),
            );
    }
}
