//! Cursors: opaque, and good for one list of one organisation alone.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use contracts::ids::OrganizationId;
use platform::{Fault, Violation};
use serde::Deserialize;

const DEFAULT_LIMIT: usize = 50;
const MAX_LIMIT: usize = 100;

/// The query of every list.
#[derive(Debug, Deserialize)]
pub struct PageQuery {
    limit: Option<String>,
    cursor: Option<String>,
}

/// A list that cursors are bound to: its name, with the worker's id where it is a worker's.
#[derive(Debug)]
pub struct List {
    organization: OrganizationId,
    name: String,
}

impl List {
    pub fn new(organization: OrganizationId, name: impl Into<String>) -> Self {
        Self { organization, name: name.into() }
    }

    /// How many rows are wanted, and where the page begins; `read` turns a place back into what it was made of.
    ///
    /// # Errors
    /// Names what is wrong with the query.
    pub fn page<P>(
        &self,
        query: &PageQuery,
        read: impl FnOnce(&[u8]) -> Option<P>,
    ) -> Result<(usize, Option<P>), Fault> {
        let mut violations = Vec::new();
        let limit = match query.limit.as_deref().map(str::parse) {
            None => DEFAULT_LIMIT,
            Some(Ok(limit @ 1..=MAX_LIMIT)) => limit,
            Some(_) => {
                violations.push(Violation::new("limit", "must be an integer between 1 and 100"));
                DEFAULT_LIMIT
            }
        };
        let after = query.cursor.as_deref().filter(|cursor| !cursor.is_empty()).and_then(|cursor| {
            let place = self.place(cursor).and_then(|place| read(&place));
            if place.is_none() {
                violations.push(Violation::new("cursor", "is not a nextCursor of this list"));
            }
            place
        });
        if violations.is_empty() { Ok((limit, after)) } else { Err(Fault::validation(violations)) }
    }

    /// The cursor of the page after a place.
    pub fn cursor(&self, place: &[u8]) -> String {
        URL_SAFE_NO_PAD.encode([&self.check()[..], place].concat())
    }

    fn place(&self, cursor: &str) -> Option<Vec<u8>> {
        let bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?;
        let (check, place) = bytes.split_first_chunk::<8>()?;
        (*check == self.check()).then(|| place.to_vec())
    }

    fn check(&self) -> [u8; 8] {
        let digest = platform::secrets::digest(format!("{}|{}", self.organization, self.name).as_bytes());
        digest.first_chunk().copied().unwrap_or_default()
    }
}
