//! Callers of a service, as the gateway would present them.

use contracts::Service;
use contracts::Surface;
use contracts::identity::{
    Caller, CredentialKind, CredentialRef, OrganizationRef, PlatformFacts, Principal, SurfaceFacts,
};
use contracts::ids::{ClientId, CredentialId, OrganizationId};
use platform::clock::Clock;
use platform_http::{IdentityKey, IdentitySettings};
use secrecy::SecretString;

/// The identity key of services under test.
const KEY: &str = "dGVzdC1pZGVudGl0eS1rZXktMzItYnl0ZXMtbG9uZyE";

/// `[identity]` of a service under test.
pub fn identity_settings() -> IdentitySettings {
    IdentitySettings { key: SecretString::from(KEY) }
}

/// The value of the identity header for a caller.
pub fn token(service: Service, clock: &Clock, caller: Caller) -> String {
    IdentityKey::parse(service, &SecretString::from(KEY), clock.clone()).unwrap().sign(caller).unwrap()
}

/// A partner's service credential with these scopes (`leads:write`), of an organisation made up from its slug.
pub fn partner(slug: &str, scopes: &[&str]) -> Principal {
    let id = organization_id(slug);
    Principal {
        organization: OrganizationRef { id, slug: slug.to_owned() },
        client_id: ClientId::new(id.as_uuid()),
        credential: CredentialRef { id: CredentialId::new(id.as_uuid()), kind: CredentialKind::ServiceJwt },
        scopes: scopes.iter().map(|scope| format!("{slug}:{scope}")).collect(),
        surface: Surface::Partner,
        facts: SurfaceFacts::None,
    }
}

/// A key of another surface with these scopes.
pub fn key(slug: &str, surface: Surface, kind: CredentialKind, scopes: &[&str]) -> Principal {
    let mut principal = partner(slug, &[]);
    principal.surface = surface;
    principal.credential.kind = kind;
    principal.scopes = scopes.iter().map(|&scope| scope.to_owned()).collect();
    principal
}

/// A platform key of an organisation with these scopes, asking about an organisation: its own, or as an administrator
/// may, another.
pub fn platform(slug: &str, scopes: &[&str], about: &str) -> Principal {
    let mut principal = key(slug, Surface::Platform, CredentialKind::PlatformKey, scopes);
    let organization = OrganizationRef { id: organization_id(about), slug: about.to_owned() };
    principal.facts = SurfaceFacts::Platform(PlatformFacts { organization, client_id: None });
    principal
}

/// The same id for the same slug, in every run.
pub fn organization_id(slug: &str) -> OrganizationId {
    let digest = platform::secrets::digest(slug.as_bytes());
    let (bytes, _) = digest.split_first_chunk().unwrap();
    OrganizationId::new(uuid::Builder::from_custom_bytes(*bytes).into_uuid())
}
