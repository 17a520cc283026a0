//! The table of contents of the service's HTTP side.

use super::crud::{create, delete, get, list, update};
use super::resources::Served;
use super::{authoring, automations, internal, leads, records};
use crate::state::State;
use crate::store::Table;
use actix_web::Resource;
use actix_web::web::{self, ServiceConfig};
use contracts::crm::{Automation, Customer, Lead, Product};

/// Registers every route for one worker.
pub fn configure(state: State) -> impl Fn(&mut ServiceConfig) + Clone + Send + 'static {
    move |config| {
        config
            .app_data(web::Data::new(state.clone()))
            .service(web::resource("/api/v1/products").get(list::<Product>).post(create::<Product>))
            .service(one::<Product>("/api/v1/products/{id}"))
            .service(web::resource("/api/v1/customers").get(list::<Customer>).post(create::<Customer>))
            .service(one::<Customer>("/api/v1/customers/{id}"))
            .service(web::resource("/api/v1/leads").get(list::<Lead>).post(create::<Lead>))
            .service(one::<Lead>("/api/v1/leads/{id}"))
            .service(web::resource("/api/v1/leads/{id}/convert").post(leads::convert))
            .service(web::resource("/api/v1/automations").get(list::<Automation>).post(automations::create))
            .service(one::<Automation>("/api/v1/automations/{id}"))
            .service(web::resource("/api/v1/automations/{id}/runs").get(automations::runs))
            .service(
                web::resource("/api/v1/organizations/{organization}/automations")
                    .get(authoring::list)
                    .put(authoring::apply),
            )
            .service(
                web::resource("/api/v1/organizations/{organization}/automations/validate")
                    .post(authoring::validate),
            )
            .service(
                web::resource("/api/v1/organizations/{organization}/automations/{id}")
                    .get(authoring::get)
                    .patch(authoring::switch),
            )
            .service(
                web::resource("/api/v1/organizations/{organization}/automations/{id}/runs")
                    .get(authoring::runs)
                    .post(authoring::run),
            )
            .service(
                web::resource("/api/v1/organizations/{organization}/automations/{id}/runs/{run}")
                    .get(authoring::shown_run),
            )
            .service(
                web::resource("/api/v1/organizations/{organization}/automations/{id}/runs/{run}/replay")
                    .post(authoring::replay),
            )
            .service(records::<Product>("/api/v1/organizations/{organization}/crm/products"))
            .service(record::<Product>("/api/v1/organizations/{organization}/crm/products/{id}"))
            .service(records::<Customer>("/api/v1/organizations/{organization}/crm/customers"))
            .service(record::<Customer>("/api/v1/organizations/{organization}/crm/customers/{id}"))
            .service(records::<Lead>("/api/v1/organizations/{organization}/crm/leads"))
            .service(record::<Lead>("/api/v1/organizations/{organization}/crm/leads/{id}"))
            .service(web::resource(contracts::internal::ERASE).post(internal::erase));
    }
}

/// What can be done with one resource.
fn one<T: Served>(path: &str) -> Resource {
    web::resource(path).get(get::<T>).patch(update::<T>).delete(delete::<T>)
}

fn records<T: Table>(path: &str) -> Resource {
    web::resource(path).get(records::list::<T>)
}

fn record<T: Table>(path: &str) -> Resource {
    web::resource(path).get(records::get::<T>)
}
