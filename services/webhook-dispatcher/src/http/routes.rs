//! The table of contents of the service's HTTP side.

use super::{partner, partner_deliveries};
use crate::state::State;
use actix_web::web::{self, ServiceConfig};

/// Registers every route for one worker.
pub fn configure(state: State) -> impl Fn(&mut ServiceConfig) + Clone + Send + 'static {
    move |config| {
        config
            .app_data(web::Data::new(state.clone()))
            .service(
                web::resource("/api/v1/partners/{partner_slug}/webhook-subscriptions")
                    .post(partner::create)
                    .get(partner::list),
            )
            .service(
                web::resource(
                    "/api/v1/partners/{partner_slug}/webhook-subscriptions/{subscription_id}/deliveries",
                )
                .get(partner_deliveries::list),
            );
    }
}
