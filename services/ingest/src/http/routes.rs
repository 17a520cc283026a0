//! The table of contents of the service's HTTP side.

use super::answer::API_VERSION;
use super::{erase, events, organization, ping, read_workers, snapshots};
use crate::state::State;
use actix_web::middleware::DefaultHeaders;
use actix_web::web::{self, ServiceConfig};
use contracts::internal::ERASE;

/// Registers every route for one worker.
pub fn configure(state: State) -> impl Fn(&mut ServiceConfig) + Clone + Send + 'static {
    move |config| {
        config
            .app_data(web::Data::new(state.clone()))
            .service(web::resource(ERASE).post(erase::post))
            .service(
                web::scope("/api/v1/organizations/{id}/ingest")
                    .service(web::resource("/workers").get(organization::workers))
                    .service(web::resource("/workers/{workerId}").get(organization::worker_of))
                    .service(web::resource("/workers/{workerId}/timeline").get(organization::timeline))
                    .service(web::resource("/workers/{workerId}/cards").get(organization::cards))
                    .service(web::resource("/usage").get(organization::usage)),
            )
            .service(
                web::scope("/api/v1/ingest")
                    .wrap(DefaultHeaders::new().add(API_VERSION))
                    .service(web::resource("/ping").get(ping::get))
                    .service(web::resource("/events").post(events::post))
                    .service(web::resource("/snapshots").post(snapshots::post))
                    .service(web::resource("/workers").get(read_workers::list))
                    .service(web::resource("/workers/{id}/timeline").get(read_workers::timeline))
                    .service(web::resource("/workers/{id}/snapshots").get(read_workers::snapshots)),
            );
    }
}
