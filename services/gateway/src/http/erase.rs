//! `POST /api/v1/organizations/{id}/erase`.

use super::changes::Asked;
use super::pages::id;
use super::permissions::Admin;
use crate::state::State;
use crate::usecases::erase_person::erase_person;
use actix_web::{HttpResponse, rt, web};
use contracts::Service;
use contracts::ids::OrganizationId;
use contracts::internal::Erase;
use platform::document::{Violations, email, text};
use platform::{Fault, Violation};
use platform_http::{Caller, HttpFault, JsonBody};
use serde_json::{Map, Value, json};
use std::borrow::Cow;
use std::ops::RangeInclusive;

const MAX_EMAIL: usize = 320;
/// How many digits an E.164 number has after its plus.
const DIGITS: RangeInclusive<usize> = 7..=15;

/// 200 with how many records each service has stripped of a person. It is carried out to its end, also when the
/// caller goes away meanwhile.
pub async fn post(
    caller: Caller<Admin>,
    state: web::Data<State>,
    asked: Asked,
    path: web::Path<String>,
    JsonBody(document): JsonBody,
) -> Result<HttpResponse, HttpFault> {
    let wish = read(id(&path, "organization")?, &document).map_err(Fault::validation)?;
    let erasing =
        rt::spawn(async move { erase_person(&state, &caller.principal, asked.origin(), &wish).await });
    let erased = erasing.await.map_err(Fault::internal)?.map_err(Fault::from)?;
    let records: Map<_, _> =
        erased.into_iter().map(|(service, records)| (member(service).to_owned(), json!(records))).collect();
    Ok(HttpResponse::Ok().json(json!({"data": records})))
}

fn read(organization_id: OrganizationId, document: &Value) -> Result<Erase, Vec<Violation>> {
    let violations = Violations::new();
    let wish = violations.root(document).map(|root| {
        let is_there = |name| document.get(name).is_some_and(|value| !value.is_null());
        if !is_there("email") && !is_there("phone") {
            root.violation("email", "is required where there is no phone");
        }
        Erase {
            organization_id,
            email: root.nullable("email", email(MAX_EMAIL)).map(str::to_lowercase),
            phone: root.nullable("phone", phone).map(str::to_owned),
        }
    });
    violations.finish(wish)
}

fn phone(value: &Value) -> Result<&str, Cow<'static, str>> {
    let number = text(0..=DIGITS.end() + 1)(value)?;
    let digits = number.strip_prefix('+').filter(|digits| {
        DIGITS.contains(&digits.len())
            && !digits.starts_with('0')
            && digits.bytes().all(|byte| byte.is_ascii_digit())
    });
    if digits.is_some() { Ok(number) } else { Err("must be an E.164 number: +15125550100".into()) }
}

const fn member(service: Service) -> &'static str {
    match service {
        Service::Gateway => "gateway",
        Service::LeadIntake => "leadIntake",
        Service::Ingest => "ingest",
        Service::LexRouter => "lexRouter",
        Service::CrmResources => "crmResources",
        Service::WebhookDispatcher => "webhookDispatcher",
    }
}
