//! Forgetting a person, in every service that keeps data of people.

use super::audit::entry_of;
use super::change::Origin;
use super::read_organizations::find_organization;
use crate::clients::erasure::erase_in;
use crate::domain::audit::{Entry, named};
use crate::state::State;
use crate::store::audit_log;
use contracts::Service;
use contracts::identity::Principal;
use contracts::internal::Erase;
use futures_util::future::join_all;
use platform_pg::StoreError;
use serde_json::{Map, Value, json};

/// Who keeps data of people.
const KEEPERS: [Service; 5] = [
    Service::LeadIntake,
    Service::Ingest,
    Service::LexRouter,
    Service::CrmResources,
    Service::WebhookDispatcher,
];

/// Why a person is not forgotten everywhere.
#[derive(Debug, thiserror::Error)]
pub enum ErasePersonError {
    #[error("there is no such organization")]
    NoSuchOrganization,
    #[error("not erased in {}: try again; what the other services had is erased", names(.0))]
    Unreached(Vec<Service>),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Lets every service forget a person, all at once, and notes it without saying who it was. Answers how many
/// records each has stripped. Safe to repeat.
pub async fn erase_person(
    state: &State,
    caller: &Principal,
    origin: Origin,
    wish: &Erase,
) -> Result<Vec<(Service, u64)>, ErasePersonError> {
    let organization = find_organization(state, caller, wish.organization_id).await?;
    let organization = organization.ok_or(ErasePersonError::NoSuchOrganization)?;
    let asked = KEEPERS.map(|service| async move {
        (service, erase_in(service, &state.upstreams, &state.identities, wish).await)
    });
    let (mut erased, mut unreached) = (Vec::new(), Vec::new());
    for (service, answer) in join_all(asked).await {
        match answer {
            Ok(records) => erased.push((service, records)),
            Err(error) => {
                tracing::error!(error = platform_http::edge::chain(&error), %service, "a person is not erased");
                unreached.push(service);
            }
        }
    }
    let records: Map<_, _> =
        erased.iter().map(|(service, records)| (service.name().to_owned(), json!(records))).collect();
    let entry = Entry {
        action: "person.erased".to_owned(),
        target: named("organization", organization.id),
        after: Some(json!({
            "emailDigest": digest(state, "email", wish.email.as_deref()),
            "phoneDigest": digest(state, "phone", wish.phone.as_deref()),
            "records": records,
            "unreached": unreached.iter().map(|service| service.name()).collect::<Vec<_>>(),
        })),
        ..entry_of(state, caller, organization.id, origin)
    };
    let mut connection = state.database.acquire().await.map_err(StoreError::from)?;
    audit_log::insert(&mut connection, &entry).await?;
    if unreached.is_empty() { Ok(erased) } else { Err(ErasePersonError::Unreached(unreached)) }
}

/// Tells whether two wishes were about one person, to those who have the pepper.
fn digest(state: &State, what: &str, text: Option<&str>) -> Value {
    let digest = text.map(|text| {
        let hash = state.trust.pepper.hash(&format!("erased {what}: {text}"));
        hash.first_chunk().map_or(0, |half: &[u8; 16]| u128::from_be_bytes(*half))
    });
    json!(digest.map(|digest| format!("{digest:032x}")))
}

fn names(services: &[Service]) -> String {
    services.iter().map(|service| service.name()).collect::<Vec<_>>().join(", ")
}
