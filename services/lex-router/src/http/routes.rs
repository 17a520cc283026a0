//! The table of contents of the service's HTTP side.

use super::{batch, closure, conformance, erase, health, messages, read, schema};
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
