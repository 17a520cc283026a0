//! Asking services to forget a person.

use super::internal::{Call, CallError, call};
use super::upstreams::Upstreams;
use crate::state::Identities;
use contracts::Service;
use contracts::internal::{ERASE, Erase, Erased};
use hyper::Method;
use std::time::Duration;

/// For the whole answer: a service may have to look through everything that it has of an organisation.
const TIMEOUT: Duration = Duration::from_mins(2);

/// Lets a service forget a person, and answers how many records it has stripped.
///
/// # Errors
/// When it does not say so within two minutes; what it has done until then is unknown.
pub async fn erase_in(
    service: Service,
    upstreams: &Upstreams,
    identities: &Identities,
    wish: &Erase,
) -> Result<u64, CallError> {
    let wish = Call {
        service,
        method: Method::POST,
        path_and_query: ERASE.to_owned(),
        body: Some(serde_json::json!(wish).to_string().into_bytes()),
        timeout: TIMEOUT,
    };
    let erased: Erased = call(upstreams, identities, wish).await?;
    Ok(erased.records)
}
