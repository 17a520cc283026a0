//! `/api/v1/api-clients/{id}/service-credentials` and `…/oauth-credentials`.

use super::common::{Common, Pagination};
use super::keys::CredentialStatus;
use crate::openapi::operation::{Body, Operation, json, operation};
use crate::openapi::schema::uuid;
use crate::openapi::usual::REPLAYED;
use utoipa::ToSchema;

/// What differs between the two families.
struct Family {
    all: &'static str,
    one: &'static str,
    rotate: &'static str,
    tag: &'static str,
    noun: &'static str,
    ids: [&'static str; 4],
    create: Body,
    created: Body,
    rotated: Body,
    page: Body,
}

pub fn operations() -> Vec<Operation> {
    let service = Family {
        all: "/api/v1/api-clients/{id}/service-credentials",
        one: "/api/v1/api-clients/{id}/service-credentials/{credentialId}",
        rotate: "/api/v1/api-clients/{id}/service-credentials/{credentialId}/rotate",
        tag: "Service credentials",
        noun: "service credential",
        ids: [
            "createServiceCredential",
            "listServiceCredentials",
            "revokeServiceCredential",
            "rotateServiceCredential",
        ],
        create: json::<ServiceCredentialCreate>(),
        created: json::<ServiceCredentialCreated>(),
        rotated: json::<ServiceCredentialRotated>(),
        page: json::<ServiceCredentialPage>(),
    };
    let oauth = Family {
        all: "/api/v1/api-clients/{id}/oauth-credentials",
        one: "/api/v1/api-clients/{id}/oauth-credentials/{credentialId}",
        rotate: "/api/v1/api-clients/{id}/oauth-credentials/{credentialId}/rotate",
        tag: "OAuth credentials",
        noun: "OAuth credential",
        ids: [
            "createOauthCredential",
            "listOauthCredentials",
            "revokeOauthCredential",
            "rotateOauthCredential",
        ],
        create: json::<OauthCredentialCreate>(),
        created: json::<OauthCredentialCreated>(),
        rotated: json::<OauthCredentialRotated>(),
        page: json::<OauthCredentialPage>(),
    };
    [service, oauth].into_iter().flat_map(of_family).collect()
}

fn of_family(family: Family) -> [Operation; 4] {
    let Family { all, one, rotate, tag, noun, ids: [create_id, list_id, revoke_id, rotate_id], .. } = family;
    [
        operation("POST", all, tag, create_id)
            .summary(&format!("Make a {noun}"))
            .about("Its secret is shown this once.")
            .scope("clients:write")
            .of_client()
            .once()
            .takes([family.create])
            .answers(201, "The credential with its secret, for the only time.", [family.created])
            .with(REPLAYED),
        operation("GET", all, tag, list_id)
            .summary(&format!("List the {noun}s of a client"))
            .about("Those that work no longer included.")
            .scope("clients:read")
            .of_client()
            .paged()
            .answers(200, "A page of credentials, without their secrets.", [family.page]),
        operation("DELETE", one, tag, revoke_id)
            .summary(&format!("Revoke a {noun}"))
            .about("It is refused on every replica within a second, and so are tokens that were made with it.")
            .scope("clients:write")
            .of_client()
            .path("credentialId", uuid(), "The credential.")
            .answers(204, "It works no longer.", [])
            .may_be_missing("credential"),
        operation("POST", rotate, tag, rotate_id)
            .summary("Give a credential a new secret")
            .about("The caller must hold the credential's scopes. The old secret works until the overlap is over.")
            .scope("clients:write")
            .of_client()
            .path("credentialId", uuid(), "The credential.")
            .once()
            .may_take([json::<Overlap>()])
            .answers(200, "The credential with its new secret, for the only time.", [family.rotated])
            .with(REPLAYED)
            .may_be_missing("credential")
            .may_conflict("the credential has ended"),
    ]
}

/// How a secret is replaced.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct Overlap {
    /// For how many seconds the old secret works besides the new one; a day when nothing is said.
    #[schema(minimum = 0, maximum = 2_592_000, default = 86_400)]
    pub overlap_seconds: Option<i64>,
}

/// A new service credential.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ServiceCredentialCreate {
    /// Not blank.
    #[schema(min_length = 1, max_length = 255, pattern = r"\S")]
    pub name: String,
    /// `<slug>:leads:write`, `<slug>:leads:read`, `<slug>:webhooks:write`, `<slug>:webhooks:read`, with the slug of the
    /// organisation.
    #[schema(min_items = 1, max_items = 100, example = json!(["acme:leads:write"]))]
    pub scopes: Vec<PartnerScope>,
    /// Until when it works; must lie in the future.
    #[schema(format = "date-time")]
    pub expires_at: Option<String>,
    /// Requests per minute, in place of 60; for administrators.
    #[schema(minimum = 1, maximum = 1_000_000)]
    pub rate_limit_override: Option<i64>,
}

/// A scope of a partner.
#[derive(ToSchema)]
#[schema(max_length = 128, pattern = "^[a-z][a-z0-9_]+:(leads|webhooks):(read|write)$")]
pub struct PartnerScope(pub String);

/// A scope of the lex surface.
#[derive(ToSchema)]
#[schema(
    max_length = 128,
    pattern = "^lex:((leads|assets):(read|write)|closures:write|subscriptions:manage|conformance)$"
)]
pub struct LexScope(pub String);

/// A new OAuth credential.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct OauthCredentialCreate {
    /// Not blank.
    #[schema(min_length = 1, max_length = 255, pattern = r"\S")]
    pub name: String,
    /// Scopes of the lex surface.
    #[schema(min_items = 1, max_items = 100, example = json!(["lex:leads:write"]))]
    pub scopes: Vec<LexScope>,
    /// Until when it works; must lie in the future.
    #[schema(format = "date-time")]
    pub expires_at: Option<String>,
    /// Requests per minute, in place of the organisation's; for administrators.
    #[schema(minimum = 1, maximum = 1_000_000)]
    pub rate_limit_override: Option<i64>,
}

/// Defines what a family shows: in lists, once when it is made, once when it is rotated.
macro_rules! shown {
    (
        $row:ident, $created:ident, $rotated:ident, $page:ident;
        { $($(#[$attribute:meta])* $field:ident: $kind:ty,)* }
        { $(#[$secret_attribute:meta])* $secret:ident }
    ) => {
        /// A credential as lists show it.
        #[derive(ToSchema)]
        #[schema(rename_all = "camelCase")]
        pub struct $row { $($(#[$attribute])* pub $field: $kind,)* }

        /// A new credential.
        #[derive(ToSchema)]
        #[schema(rename_all = "camelCase")]
        pub struct $created {
            $($(#[$attribute])* pub $field: $kind,)*
            $(#[$secret_attribute])*
            pub $secret: String,
        }

        /// A credential with another secret.
        #[derive(ToSchema)]
        #[schema(rename_all = "camelCase")]
        pub struct $rotated {
            $($(#[$attribute])* pub $field: $kind,)*
            $(#[$secret_attribute])*
            pub $secret: String,
            /// When the old secret stops working.
            #[schema(format = "date-time")]
            pub previous_secret_expires_at: String,
        }

        /// A page of credentials.
        #[derive(ToSchema)]
        pub struct $page {
            pub data: Vec<$row>,
            pub pagination: Pagination,
        }
    };
}

shown! {
    ServiceCredential, ServiceCredentialCreated, ServiceCredentialRotated, ServiceCredentialPage;
    {
        #[schema(format = "uuid")]
        id: String,
        name: String,
        /// Names the secret: `kid` of the tokens that it signs.
        kid: String,
        #[schema(inline)]
        algorithm: Algorithm,
        /// `iss` of the tokens.
        issuer: String,
        /// `aud` of the tokens.
        audience: String,
        /// `sub` of the tokens.
        #[schema(format = "uuid")]
        subject: String,
        scopes: Vec<String>,
        #[schema(required = true)]
        rate_limit_override: Option<i64>,
        #[schema(inline)]
        status: CredentialStatus,
        #[schema(required = true, format = "date-time")]
        last_used_at: Option<String>,
        #[schema(required = true, format = "date-time")]
        expires_at: Option<String>,
        #[schema(format = "date-time")]
        created_at: String,
    }
    {
        /// 32 bytes in base64url; the HMAC key is the decoded bytes.
        secret
    }
}

shown! {
    OauthCredential, OauthCredentialCreated, OauthCredentialRotated, OauthCredentialPage;
    {
        #[schema(format = "uuid")]
        id: String,
        name: String,
        /// Stays the same through all rotations.
        #[schema(pattern = "^oauth_[0-9a-f]{32}$")]
        client_id: String,
        /// Where it is exchanged for access tokens.
        #[schema(format = "uri")]
        token_endpoint: String,
        scopes: Vec<String>,
        #[schema(required = true)]
        rate_limit_override: Option<i64>,
        #[schema(inline)]
        status: CredentialStatus,
        #[schema(required = true, format = "date-time")]
        last_used_at: Option<String>,
        #[schema(required = true, format = "date-time")]
        expires_at: Option<String>,
        #[schema(format = "date-time")]
        created_at: String,
    }
    { client_secret }
}

/// How tokens are signed.
#[derive(ToSchema)]
#[schema(rename_all = "UPPERCASE")]
pub enum Algorithm {
    Hs256,
}
