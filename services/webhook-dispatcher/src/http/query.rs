//! The query of a list on the platform surface, and whose things a request of that surface is about.

use crate::domain::subscription::{Family, Owner};
use crate::error::missing;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use contracts::identity::{PlatformFacts, Principal, SurfaceFacts};
use contracts::ids::{ClientId, EventId};
pub use dialects::platform_api::query::{Query, organization};
use platform::Fault;
use serde_json::{Value, json};
use uuid::Uuid;

pub const DEFAULT_LIMIT: i64 = 20;
pub const MAX_LIMIT: i64 = 100;

/// The client that the path names, as the owner of its subscriptions. The gateway has vouched for it; without
/// that it is not there.
///
/// # Errors
/// That there is no such client.
pub fn owner(principal: Principal, client: &str) -> Result<Owner, Fault> {
    let named: Option<ClientId> = client.parse().ok();
    match principal.facts {
        SurfaceFacts::Platform(PlatformFacts { organization, client_id: Some(client) })
            if named == Some(client) =>
        {
            Ok(Owner { organization, client, family: Family::Platform })
        }
        _ => Err(missing("client")),
    }
}

/// `pagination` of the platform surface.
pub fn pagination(page: i64, limit: i64, total: i64) -> Value {
    json!({"page": page, "limit": limit, "total": total, "totalPages": (total + limit - 1) / limit})
}

/// The last event of a page, and a check that binds it to one list.
pub fn write_cursor(event: EventId, list: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode([event.as_uuid().as_bytes().as_slice(), &check(list)].concat())
}

/// The event of a cursor that was made for this list.
pub fn read_cursor(cursor: &str, list: &[u8]) -> Option<EventId> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?;
    let (id, rest) = bytes.split_first_chunk::<16>()?;
    (rest == check(list)).then(|| EventId::new(Uuid::from_bytes(*id)))
}

fn check(list: &[u8]) -> [u8; 8] {
    platform::secrets::digest(list).first_chunk().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_belongs_to_one_list() {
        let event = EventId::new(Uuid::from_u128(5));
        let cursor = write_cursor(event, b"one");
        assert_eq!(read_cursor(&cursor, b"one"), Some(event));
        assert_eq!(read_cursor(&cursor, b"two"), None);
        assert_eq!(read_cursor("nonsense", b"one"), None);
    }
}
