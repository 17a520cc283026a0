//! The table of contents of the service's HTTP side.

use super::{authoring, automations, customers, internal, leads, products};
use crate::state::State;
use actix_web::web::{self, ServiceConfig};

/// Registers every route for one worker.
pub fn configure(state: State) -> impl Fn(&mut ServiceConfig) + Clone + Send + 'static {
    move |config| {
        config
            .app_data(web::Data::new(state.clone()))
            .service(web::resource("/api/v1/products").get(products::list).post(products::create))
            .service(
                web::resource("/api/v1/products/{id}")
                    .get(products::get)
                    .patch(products::update)
                    .delete(products::delete),
            )
            .service(web::resource("/api/v1/customers").get(customers::list).post(customers::create))
            .service(
                web::resource("/api/v1/customers/{id}")
                    .get(customers::get)
                    .patch(customers::update)
                    .delete(customers::delete),
            )
            .service(web::resource("/api/v1/leads").get(leads::list).post(leads::create))
            .service(
                web::resource("/api/v1/leads/{id}")
                    .get(leads::get)
                    .patch(leads::update)
                    .delete(leads::delete),
            )
            .service(web::resource("/api/v1/leads/{id}/convert").post(leads::convert))
            .service(web::resource("/api/v1/automations").get(automations::list).post(automations::create))
            .service(
                web::resource("/api/v1/automations/{id}")
                    .get(automations::get)
                    .patch(automations::update)
                    .delete(automations::delete),
            )
            .service(web::resource("/api/v1/automations/{id}/runs").get(automations::runs))
            .service(
                web::resource("/api/v1/organizations/{organization}/automations")
                    .get(authoring::list)
                    .put(authoring::apply),
            )
            .service(
                web::resource("/api/v1/organizations/{organization}/automations/{id}").get(authoring::get),
            )
            .service(
                web::resource("/api/v1/organizations/{organization}/automations/{id}/runs")
                    .get(authoring::runs)
                    .post(authoring::run),
            )
            .service(
                web::resource("/api/v1/organizations/{organization}/automations/{id}/runs/{run}/replay")
                    .post(authoring::replay),
            )
            .service(web::resource(contracts::internal::ERASE).post(internal::erase));
    }
}
