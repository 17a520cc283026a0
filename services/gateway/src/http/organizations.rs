//! `/api/v1/organizations`.

use super::changes::{Asked, answer, change, make};
use super::fields::{self, MAX_SCOPES, merge, name, texts, web_url, word};
use super::pages::{id, missing, page, paging_of};
use super::permissions::{Admin, ClientsRead};
use crate::domain::organization::{
    LexLevel, LexProfile, LexTier, NewOrganization, Organization, Plan, is_slug,
};
use crate::state::State;
use crate::usecases::create_organization::create_organization;
use crate::usecases::read_organizations::{find_organization, list_organizations};
use crate::usecases::update_organization::{delete_organization, update_organization};
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use platform::document::{Object, Violations, boolean, integer, text};
use platform::{Fault, Violation};
use platform_http::{Caller, HttpFault, JsonBody};
use serde_json::{Value, json};

/// 201 with the organisation.
pub async fn post(
    caller: Caller<Admin>,
    state: web::Data<State>,
    asked: Asked,
    JsonBody(document): JsonBody,
) -> Result<HttpResponse, HttpFault> {
    make(&state, &caller.principal, asked, Some(&document), async |change| {
        let new = read(&document).map_err(Fault::validation)?;
        let organization = create_organization(change, new).await?;
        Ok(answer(StatusCode::CREATED, &write(&organization)))
    })
    .await
}

/// 200 with the organisation, merged with the body (RFC 7396).
pub async fn patch(
    caller: Caller<Admin>,
    state: web::Data<State>,
    asked: Asked,
    path: web::Path<String>,
    JsonBody(document): JsonBody,
) -> Result<HttpResponse, HttpFault> {
    let organization_id = id(&path, "organization")?;
    let organization = change(&state, &caller.principal, asked, async |change| {
        Ok(update_organization(change, organization_id, |current| edited(current, &document)).await?)
    })
    .await?;
    Ok(HttpResponse::Ok().json(write(&organization)))
}

/// 204; everything that is the organisation's goes with it, in every service.
pub async fn delete(
    caller: Caller<Admin>,
    state: web::Data<State>,
    asked: Asked,
    path: web::Path<String>,
) -> Result<HttpResponse, HttpFault> {
    let organization_id = id(&path, "organization")?;
    change(&state, &caller.principal, asked, async |change| {
        Ok(delete_organization(change, organization_id).await?)
    })
    .await?;
    Ok(HttpResponse::NoContent().finish())
}

/// A page, newest first; without `platform:admin` only one's own.
pub async fn list(
    caller: Caller<ClientsRead>,
    state: web::Data<State>,
    request: HttpRequest,
) -> Result<HttpResponse, HttpFault> {
    let paging = paging_of(&request)?;
    let (rows, total) = list_organizations(&state, &caller.principal, paging).await?;
    Ok(HttpResponse::Ok().json(page(&rows.iter().map(write).collect::<Vec<_>>(), total, paging)))
}

/// One organisation.
pub async fn get(
    caller: Caller<ClientsRead>,
    state: web::Data<State>,
    path: web::Path<String>,
) -> Result<HttpResponse, HttpFault> {
    let found = find_organization(&state, &caller.principal, id(&path, "organization")?).await?;
    let organization = found.ok_or_else(|| missing("organization"))?;
    Ok(HttpResponse::Ok().json(write(&organization)))
}

fn read(document: &Value) -> Result<NewOrganization, Vec<Violation>> {
    let violations = Violations::new();
    let new = violations.root(document).and_then(|root| {
        let slug = root.required("slug", |value| {
            let slug = text(2..=63)(value)?;
            if is_slug(slug) {
                Ok(slug)
            } else {
                Err("must match ^[a-z][a-z0-9_]+$ and not be reserved".into())
            }
        });
        let name = root.required("name", name);
        let lex = read_lex(&root);
        let plan = root.optional_object("plan").map(|plan| read_plan(&plan)).unwrap_or_default();
        let metadata = fields::metadata(&root);
        Some(NewOrganization { slug: slug?.to_owned(), name: name?.to_owned(), lex, plan, metadata })
    });
    violations.finish(new)
}

/// What an organisation is after a patch: its present state with the patch merged in, read like a new one.
/// What cannot be changed (`id`, `createdAt`) is ignored.
fn edited(current: &Organization, patch: &Value) -> Result<NewOrganization, Vec<Violation>> {
    let mut whole = write(current);
    if patch.is_object() {
        merge(&mut whole, patch);
        read(&whole)
    } else {
        read(patch)
    }
}

fn read_lex(root: &Object<'_, '_>) -> LexProfile {
    LexProfile {
        organization_id: root.nullable("lexOrganizationId", text(1..=255)).map(str::to_owned),
        aliases: root.nullable("lexAliases", texts(MAX_SCOPES, 255)).unwrap_or_default(),
        conformance_level: root.nullable("lexConformanceLevel", word(LexLevel::WORDS, LexLevel::parse)),
        tier: root.nullable("lexTier", word(LexTier::WORDS, LexTier::parse)).unwrap_or(LexTier::Standard),
        notification_webhook: root.nullable("lexNotificationWebhook", web_url).map(str::to_owned),
    }
}

fn read_plan(plan: &Object<'_, '_>) -> Plan {
    let default = Plan::default();
    let figure = |name| plan.optional(name, integer(0..=i64::from(i32::MAX)));
    Plan {
        api_enabled: plan.optional("apiEnabled", boolean).unwrap_or(default.api_enabled),
        monthly_event_quota: plan
            .optional("monthlyEventQuota", integer(0..=i64::MAX))
            .unwrap_or(default.monthly_event_quota),
        requests_per_minute_per_key: figure("requestsPerMinutePerKey")
            .unwrap_or(default.requests_per_minute_per_key),
        requests_per_minute_per_organization: figure("requestsPerMinutePerOrganization")
            .unwrap_or(default.requests_per_minute_per_organization),
        max_workers: plan.nullable("maxWorkers", integer(0..=i64::MAX)),
    }
}

fn write(organization: &Organization) -> Value {
    let Organization { lex, plan, .. } = organization;
    json!({
        "id": organization.id,
        "slug": organization.slug,
        "name": organization.name,
        "lexOrganizationId": lex.organization_id,
        "lexAliases": lex.aliases,
        "lexConformanceLevel": lex.conformance_level,
        "lexTier": lex.tier,
        "lexNotificationWebhook": lex.notification_webhook,
        "plan": {
            "apiEnabled": plan.api_enabled,
            "monthlyEventQuota": plan.monthly_event_quota,
            "requestsPerMinutePerKey": plan.requests_per_minute_per_key,
            "requestsPerMinutePerOrganization": plan.requests_per_minute_per_organization,
            "maxWorkers": plan.max_workers,
        },
        "metadata": organization.metadata,
        "createdAt": organization.created_at,
        "updatedAt": organization.updated_at,
    })
}
