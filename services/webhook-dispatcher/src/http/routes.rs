//! The table of contents of the service's HTTP side.

use super::{
    events, figures, internal, lex, lex_deliveries, operation, organization, partner, partner_deliveries,
    platform, platform_deliveries, subscriptions,
};
use crate::state::State;
use actix_web::web::{self, ServiceConfig, resource};

/// Registers every route for one worker.
pub fn configure(state: State) -> impl Fn(&mut ServiceConfig) + Clone + Send + 'static {
    move |config| {
        config.app_data(web::Data::new(state.clone()));
        partner(config);
        platform(config);
        lex(config);
        admin(config);
        organization(config);
        config
            .service(resource(contracts::internal::SUBSCRIPTIONS).get(internal::subscriptions))
            .service(
                resource(format!("{}/{{id}}/deliveries", contracts::internal::EVENTS))
                    .get(internal::deliveries),
            )
            .service(resource(contracts::internal::ERASE).post(internal::erase))
            .service(
                resource(format!("{}/{{id}}", contracts::internal::LEX_SUBSCRIPTIONS))
                    .put(internal::put_lex_subscription),
            );
    }
}

fn partner(config: &mut ServiceConfig) {
    const ALL: &str = "/api/v1/partners/{partner_slug}/webhook-subscriptions";
    let one = |rest: &str| resource(format!("{ALL}/{{subscription_id}}{rest}"));
    config
        .service(resource(ALL).post(partner::create).get(partner::list))
        .service(one("").get(partner::get).patch(partner::change).delete(partner::delete))
        .service(one("/rotate-secret").post(partner::rotate))
        .service(one("/test").post(partner_deliveries::test))
        .service(one("/recover").post(partner::recover_since))
        .service(one("/deliveries").get(partner_deliveries::list))
        .service(one("/deliveries/{delivery_id}/retry").post(partner_deliveries::retry));
}

fn platform(config: &mut ServiceConfig) {
    const ALL: &str = "/api/v1/api-clients/{id}/webhooks";
    let one = |rest: &str| resource(format!("{ALL}/{{webhook_id}}{rest}"));
    config
        .service(resource(ALL).post(platform::create).get(platform::list))
        .service(one("").get(platform::get).put(platform::change).delete(platform::delete))
        .service(one("/rotate-secret").post(platform::rotate))
        .service(one("/test").post(platform_deliveries::test))
        .service(one("/recover").post(platform::recover_since))
        .service(one("/deliveries").get(platform_deliveries::list))
        .service(one("/deliveries/{delivery_id}/retry").post(platform_deliveries::retry));
}

fn admin(config: &mut ServiceConfig) {
    let below = |path: &str| resource(format!("/api/v1/admin/{path}"));
    config
        .service(below("events").get(operation::events))
        .service(below("events/{event_id}").get(operation::event))
        .service(below("deliveries").get(operation::deliveries))
        .service(below("deliveries/stats").get(operation::stats))
        .service(below("deliveries/summary").get(figures::of_all))
        .service(below("deliveries/{delivery_id}").get(operation::delivery))
        .service(below("deliveries/{delivery_id}/retry").post(operation::retry))
        .service(below("subscriptions/{subscription_id}/recover").post(operation::recover));
}

fn organization(config: &mut ServiceConfig) {
    let below = |path: &str| resource(format!("/api/v1/organizations/{{id}}/{path}"));
    config
        .service(below("events").get(events::list))
        .service(below("events/{event_id}").get(organization::event))
        .service(below("events/{event_id}/deliveries").get(events::deliveries))
        .service(below("deliveries").get(organization::deliveries))
        .service(below("deliveries/stats").get(organization::stats))
        .service(below("deliveries/summary").get(figures::of_organization))
        .service(below("deliveries/{delivery_id}").get(organization::delivery))
        .service(below("deliveries/{delivery_id}/retry").post(organization::retry))
        .service(below("subscriptions").get(subscriptions::list))
        .service(
            below("subscriptions/{subscription_id}").get(subscriptions::get).patch(subscriptions::change),
        )
        .service(below("subscriptions/{subscription_id}/test").post(subscriptions::test))
        .service(below("subscriptions/{subscription_id}/recover").post(organization::recover));
}

fn lex(config: &mut ServiceConfig) {
    const ALL: &str = "/v1/subscriptions";
    let one = |rest: &str| resource(format!("{ALL}/{{subscription_id}}{rest}"));
    config
        .service(resource(ALL).post(lex::create).get(lex::list))
        .service(one("").get(lex::get).patch(lex::change).delete(lex::delete))
        .service(one("/rotate-secret").post(lex::rotate))
        .service(one("/test").post(lex_deliveries::test))
        .service(one("/recover").post(lex::recover_since))
        .service(one("/deliveries").get(lex_deliveries::list))
        .service(one("/deliveries/{delivery_id}/retry").post(lex_deliveries::retry));
}
