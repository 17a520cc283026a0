//! Who calls, and what they may do.

use crate::domain::sender::Sender;
use actix_web::HttpRequest;
use contracts::FaultCode;
use contracts::identity::{LexFacts, LexLevel, Principal, SurfaceFacts};
use contracts::limits::LimitWindow;
use lex::Level;
use lex::header::MessageType;
use platform::Fault;
use platform_http::Permission;

pub const LEADS_READ: &str = "lex:leads:read";
pub const ASSETS_READ: &str = "lex:assets:read";
pub const LEADS_WRITE: &str = "lex:leads:write";
pub const ASSETS_WRITE: &str = "lex:assets:write";
pub const CLOSURES_WRITE: &str = "lex:closures:write";
pub const SUBSCRIPTIONS_MANAGE: &str = "lex:subscriptions:manage";
pub const CONFORMANCE: &str = "lex:conformance";

macro_rules! permissions {
    ($($(#[$doc:meta])* $name:ident = [$($scope:ident),+];)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub struct $name;

        impl Permission for $name {
            fn check(principal: &Principal, _: &HttpRequest) -> Result<(), Fault> {
                one_of(principal, &[$($scope),+])
            }
        }
    )*};
}

permissions! {
    /// May send messages of some type; which is seen once the message is read.
    Sends = [LEADS_WRITE, ASSETS_WRITE, CLOSURES_WRITE, SUBSCRIPTIONS_MANAGE];
    /// May read messages of some type.
    Reads = [LEADS_READ, ASSETS_READ];
    SendsLeads = [LEADS_WRITE];
    SendsAssets = [ASSETS_WRITE];
    SendsClosures = [CLOSURES_WRITE];
    RunsConformance = [CONFORMANCE];
}

fn one_of(principal: &Principal, scopes: &[&str]) -> Result<(), Fault> {
    if scopes.iter().any(|scope| principal.has_scope(scope)) {
        return Ok(());
    }
    let message = format!("the scope {} is needed", scopes.join(" or "));
    Err(Fault::new(FaultCode::Forbidden, message).requiring(scopes.join(" ")))
}

/// Whether a caller may send messages of a type, or which scope is missing. One of no known type is refused
/// by the rules.
pub fn may_send(principal: &Principal, kind: Option<MessageType>) -> Result<(), &'static str> {
    let scope = match kind {
        Some(MessageType::Lead | MessageType::Acknowledgment) => LEADS_WRITE,
        Some(MessageType::Asset) => ASSETS_WRITE,
        Some(MessageType::LeadClosure) => CLOSURES_WRITE,
        Some(MessageType::Subscription) => SUBSCRIPTIONS_MANAGE,
        None => return Ok(()),
    };
    if principal.has_scope(scope) { Ok(()) } else { Err(scope) }
}

/// Whether a caller may read messages of a type.
pub fn may_read(principal: &Principal, kind: Option<MessageType>) -> Result<(), Fault> {
    one_of(principal, &[if kind == Some(MessageType::Asset) { ASSETS_READ } else { LEADS_READ }])
}

/// The caller's organisation as messages know it.
pub fn sender(principal: &Principal) -> Sender {
    let facts = facts(principal);
    let names = facts.map(|facts| facts.organization_id.iter().chain(&facts.aliases).cloned().collect());
    Sender {
        organization_id: principal.organization.id,
        client_id: principal.client_id,
        lex_ids: names.unwrap_or_default(),
        level: facts.and_then(|facts| facts.level).map(level),
    }
}

/// What the request was charged to.
pub fn window(principal: &Principal) -> Option<&LimitWindow> {
    facts(principal)?.window.as_ref()
}

fn facts(principal: &Principal) -> Option<&LexFacts> {
    match &principal.facts {
        SurfaceFacts::Lex(facts) => Some(facts),
        SurfaceFacts::None | SurfaceFacts::Ingest(_) | SurfaceFacts::Platform(_) => None,
    }
}

const fn level(level: LexLevel) -> Level {
    match level {
        LexLevel::L1 => Level::L1,
        LexLevel::L2 => Level::L2,
        LexLevel::L3 => Level::L3,
    }
}
