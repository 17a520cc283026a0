//! `/oauth/token` and `/.well-known/oauth-authorization-server`.

use crate::openapi::operation::{Header, Operation, body, json, operation, plain};
use crate::openapi::schema::{text, uri};
use crate::openapi::usual::{CHALLENGE, RETRY_AFTER};
use utoipa::ToSchema;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{AnyOfBuilder, Ref, Schema};

const TAG: &str = "OAuth";

pub fn operations() -> Vec<Operation> {
    vec![
        operation("POST", "/oauth/token", TAG, "exchangeOauthCredential")
            .summary("Exchange an OAuth credential for an access token")
            .about(
                "RFC 6749 §4.4. The client authenticates by HTTP Basic or in the body, not by both; nothing may stand in the \
                 query. The token is a JWT (RFC 9068, EdDSA) whose key is in `/.well-known/jwks.json`; it works for 15 \
                 minutes, and no longer than its credential. After five wrong secrets in a minute everything that names \
                 the client is refused until the minute is over.",
            )
            .takes([body::<TokenRequest>("application/x-www-form-urlencoded")])
            .answers(200, "The token.", [json::<AccessToken>()])
            .with(NO_STORE)
            .answers(400, "`invalid_request`, `invalid_scope`, `unauthorized_client`, `unsupported_grant_type`.", [either()])
            .answers(401, "`invalid_client`: unknown, wrong secret, or ended.", [json::<OauthError>()])
            .with(CHALLENGE)
            .answers(429, "`invalid_client`: too many wrong secrets; or too many requests from this address.", [either()])
            .with(RETRY_AFTER),
        operation("GET", "/.well-known/oauth-authorization-server", TAG, "oauthMetadata")
            .summary("Where and how tokens are issued")
            .about("RFC 8414.")
            .answers(200, "The metadata.", [json::<OauthMetadata>()])
            .with(Header::maybe("Cache-Control", text, "For how long it may be kept.")),
    ]
}

const NO_STORE: Header = Header::always("Cache-Control", text, "`no-store`.");

/// Of the token endpoint, or of the gateway before it.
fn either() -> crate::openapi::operation::Body {
    let refer = |name: &str| RefOr::<Schema>::Ref(Ref::from_schema_name(name));
    let both =
        AnyOfBuilder::new().item(refer("OauthError")).item(refer("Invalid")).item(refer("RateLimitError"));
    plain("application/json", Schema::AnyOf(both.build()))
}

/// What is exchanged.
#[derive(ToSchema)]
pub struct TokenRequest {
    #[schema(inline)]
    pub grant_type: GrantType,
    /// `clientId` of the credential; left out where the client authenticates by HTTP Basic.
    #[schema(nullable = false)]
    pub client_id: Option<String>,
    #[schema(nullable = false)]
    pub client_secret: Option<String>,
    /// Scopes that the token is to have, separated by spaces. Left out: all that the credential has.
    #[schema(nullable = false, example = "lex:leads:write")]
    pub scope: Option<String>,
}

/// The one grant that there is.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum GrantType {
    ClientCredentials,
}

/// A token.
#[derive(ToSchema)]
pub struct AccessToken {
    pub access_token: String,
    #[schema(inline)]
    pub token_type: TokenType,
    /// Seconds.
    #[schema(minimum = 0)]
    pub expires_in: i64,
    /// What it may be used for, separated by spaces.
    pub scope: String,
}

/// How a token is sent.
#[derive(ToSchema)]
pub enum TokenType {
    Bearer,
}

/// Why there is no token (RFC 6749 §5.2).
#[derive(ToSchema)]
pub struct OauthError {
    #[schema(inline)]
    pub error: OauthErrorCode,
    pub error_description: String,
}

/// What went wrong.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum OauthErrorCode {
    InvalidRequest,
    InvalidClient,
    InvalidScope,
    UnauthorizedClient,
    UnsupportedGrantType,
}

/// What RFC 8414 says of the token endpoint.
#[derive(ToSchema)]
pub struct OauthMetadata {
    #[schema(schema_with = uri)]
    pub issuer: String,
    #[schema(schema_with = uri)]
    pub token_endpoint: String,
    #[schema(schema_with = uri)]
    pub jwks_uri: String,
    pub grant_types_supported: Vec<String>,
    pub token_endpoint_auth_methods_supported: Vec<String>,
    pub scopes_supported: Vec<String>,
    pub response_types_supported: Vec<String>,
}
