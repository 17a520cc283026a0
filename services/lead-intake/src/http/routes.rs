//! The table of contents of the service's HTTP side.

use super::{create_lead, erase, healthz, read_leads};
use crate::state::State;
use actix_web::web::{self, ServiceConfig};
use contracts::internal::ERASE;

/// Registers every route for one worker.
pub fn configure(state: State) -> impl Fn(&mut ServiceConfig) + Clone + Send + 'static {
    move |config| {
        config
            .app_data(web::Data::new(state.clone()))
            .service(web::resource(ERASE).post(erase::post))
            .service(web::resource("/api/v1/healthz").get(healthz::get))
            .service(
                web::resource("/api/v1/partners/{partner_slug}/leads")
                    .post(create_lead::post)
                    .get(read_leads::list),
            )
            .service(web::resource("/api/v1/partners/{partner_slug}/leads/{lead_id}").get(read_leads::get));
    }
}
