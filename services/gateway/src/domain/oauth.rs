//! Requests to the token endpoint (RFC 6749 §2.3, §4.4) and its errors (§5.2).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use contracts::ids::CredentialId;
use secrecy::SecretString;
use url::form_urlencoded;
use uuid::Uuid;

const PREFIX: &str = "oauth_";
/// The parameters of ours, each of which may be there once.
const PARAMETERS: [&str; 4] = ["grant_type", "client_id", "client_secret", "scope"];

/// Why there is no token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OauthError {
    #[error("{0}")]
    InvalidRequest(&'static str),
    #[error("{0}")]
    InvalidClient(&'static str),
    #[error("the client is suspended")]
    UnauthorizedClient,
    #[error("grant_type must be client_credentials")]
    UnsupportedGrantType,
    #[error("{0}")]
    InvalidScope(&'static str),
    /// Too many wrong secrets; the seconds to wait.
    #[error("too many attempts with a wrong secret")]
    TooManyAttempts(u64),
}

impl OauthError {
    /// The word of RFC 6749 §5.2.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::InvalidRequest(_) => "invalid_request",
            Self::InvalidClient(_) | Self::TooManyAttempts(_) => "invalid_client",
            Self::UnauthorizedClient => "unauthorized_client",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::InvalidScope(_) => "invalid_scope",
        }
    }
}

/// Said of an unknown client, a wrong secret and a credential that has ended alike.
pub const WRONG_CLIENT: OauthError = OauthError::InvalidClient("the client or its secret is not valid");

/// A well-formed request.
#[derive(Debug)]
pub struct TokenRequest {
    pub client_id: String,
    pub client_secret: SecretString,
    /// `None`: all that the credential has.
    pub scope: Option<String>,
}

impl TokenRequest {
    /// Reads the query, the `Authorization` header and the form.
    ///
    /// # Errors
    /// What is wrong with them, by RFC 6749 §5.2.
    pub fn read(query: &str, authorization: Option<&str>, form: &[u8]) -> Result<Self, OauthError> {
        use OauthError::{InvalidClient, InvalidRequest};
        if !query.is_empty() {
            return Err(InvalidRequest("parameters belong in the body, not in the URL"));
        }
        let [grant_type, id, secret, scope] = parameters(form)?;
        let (client_id, client_secret) = match (authorization, id, secret) {
            (Some(_), _, Some(_)) => {
                return Err(InvalidRequest("authenticate by the header or by the body, not by both"));
            }
            (Some(header), id, None) => {
                let basic = basic(header).ok_or(InvalidClient("the Authorization header is not Basic"))?;
                if id.is_some_and(|id| id != basic.0) {
                    return Err(InvalidRequest("client_id and the Authorization header differ"));
                }
                basic
            }
            (None, Some(id), Some(secret)) => (id, secret),
            (None, _, _) => return Err(InvalidClient("client authentication is missing")),
        };
        match grant_type.as_deref() {
            None => Err(InvalidRequest("grant_type is missing")),
            Some("client_credentials") => {
                Ok(Self { client_id, client_secret: SecretString::from(client_secret), scope })
            }
            Some(_) => Err(OauthError::UnsupportedGrantType),
        }
    }
}

/// The values of [`PARAMETERS`]. One without a value counts as left out (RFC 6749 §3.2), unknown ones are
/// ignored.
fn parameters(form: &[u8]) -> Result<[Option<String>; 4], OauthError> {
    if std::str::from_utf8(form).is_err() {
        return Err(OauthError::InvalidRequest("the body is not a form"));
    }
    let mut names: Vec<String> = Vec::new();
    let mut values = [const { None }; PARAMETERS.len()];
    for (name, value) in form_urlencoded::parse(form) {
        if names.iter().any(|known| *known == name) {
            return Err(OauthError::InvalidRequest("a parameter is there more than once"));
        }
        if let Some(index) = PARAMETERS.iter().position(|known| *known == name) {
            values[index] = Some(value.into_owned()).filter(|value| !value.is_empty());
        }
        names.push(name.into_owned());
        if names.len() > 32 {
            return Err(OauthError::InvalidRequest("the body has too many parameters"));
        }
    }
    Ok(values)
}

/// Id and secret of a `Basic` header, both encoded as in a form (RFC 6749 §2.3.1).
fn basic(header: &str) -> Option<(String, String)> {
    let (scheme, encoded) = header.trim().split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("Basic") {
        return None;
    }
    let decoded = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (id, secret) = decoded.split_once(':')?;
    Some((unescaped(id)?, unescaped(secret)?))
}

fn unescaped(text: &str) -> Option<String> {
    let mut pairs = form_urlencoded::parse(text.as_bytes());
    let (name, value) = pairs.next()?;
    (pairs.next().is_none() && value.is_empty()).then(|| name.into_owned())
}

/// How an OAuth credential is called outside: the same through all rotations of its secret.
pub fn client_id(credential: CredentialId) -> String {
    format!("{PREFIX}{}", credential.as_uuid().simple())
}

/// The reverse of [`client_id`]; the nil id, which nothing has, for what is none.
pub fn credential_id(client_id: &str) -> CredentialId {
    let id = client_id.strip_prefix(PREFIX).filter(|id| id.len() == 32);
    let id = id.and_then(|id| Uuid::try_parse(id).ok()).unwrap_or(Uuid::nil());
    // Of the ways to write an id, one is ours.
    let id = CredentialId::new(id);
    if self::client_id(id) == client_id { id } else { CredentialId::new(Uuid::nil()) }
}

/// The scopes that are asked for, each of which must be held; all that are held when none is asked for.
///
/// # Errors
/// When one is not held, or nothing is.
pub fn narrowed(held: Vec<String>, asked: Option<&str>) -> Result<Vec<String>, OauthError> {
    let granted = match asked {
        None => held,
        Some(asked) => {
            let mut granted: Vec<String> = Vec::new();
            for scope in asked.split(' ') {
                if !held.iter().any(|held| held == scope) {
                    return Err(OauthError::InvalidScope(
                        "a scope is unknown, or the client does not have it",
                    ));
                }
                if !granted.iter().any(|granted| granted == scope) {
                    granted.push(scope.to_owned());
                }
            }
            granted
        }
    };
    if granted.is_empty() { Err(OauthError::InvalidScope("the client has no scope")) } else { Ok(granted) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;

    fn read(authorization: Option<&str>, form: &str) -> Result<(String, String), &'static str> {
        let request = TokenRequest::read("", authorization, form.as_bytes());
        request
            .map(|request| (request.client_id, request.client_secret.expose_secret().to_owned()))
            .map_err(|error| error.code())
    }

    fn header(id_and_secret: &str) -> String {
        format!("Basic {}", STANDARD.encode(id_and_secret))
    }

    #[test]
    fn a_client_authenticates_by_header_or_by_body() {
        let known = Ok(("a b".to_owned(), "s:&".to_owned()));
        assert_eq!(read(Some(&header("a+b:s%3A%26")), "grant_type=client_credentials"), known);
        assert_eq!(read(Some(&header("a%20b:s:%26")), "grant_type=client_credentials&client_id=a+b"), known);
        let form = "grant_type=client_credentials&client_id=a+b&client_secret=s%3a%26&other=1";
        assert_eq!(read(None, form), known);
    }

    #[test]
    fn every_fault_has_its_word() {
        let basic = header("a:b");
        for (authorization, form, code) in [
            (None, "grant_type=client_credentials", "invalid_client"),
            (None, "grant_type=client_credentials&client_id=a", "invalid_client"),
            (None, "grant_type=client_credentials&client_id=a&client_secret=", "invalid_client"),
            (Some("Bearer x"), "grant_type=client_credentials", "invalid_client"),
            (Some("Basic !"), "grant_type=client_credentials", "invalid_client"),
            (Some(basic.as_str()), "grant_type=client_credentials&client_secret=b", "invalid_request"),
            (Some(&basic), "grant_type=client_credentials&client_id=c", "invalid_request"),
            (Some(&basic), "", "invalid_request"),
            (Some(&basic), "grant_type=", "invalid_request"),
            (Some(&basic), "grant_type=password", "unsupported_grant_type"),
            (Some(&basic), "grant_type=client_credentials&grant_type=client_credentials", "invalid_request"),
            (Some(&basic), "grant_type=client_credentials&scope=&scope=a", "invalid_request"),
            (Some(&basic), "grant_type=client_credentials&x=1&x=2", "invalid_request"),
        ] {
            assert_eq!(read(authorization, form), Err(code), "{form}");
        }
        assert!(TokenRequest::read("client_secret=b", None, b"").is_err());
        assert!(TokenRequest::read("", None, b"\xff").is_err());
    }

    #[test]
    fn a_client_id_leads_to_its_credential_and_nothing_else_does() {
        let id = CredentialId::new(Uuid::from_u128(0xabc));
        assert_eq!(credential_id(&client_id(id)), id);
        let nil = CredentialId::new(Uuid::nil());
        for wrong in ["", "oauth_", "oauth_xyz", &client_id(id).to_uppercase(), &id.to_string()] {
            assert_eq!(credential_id(wrong), nil);
        }
        assert_eq!(credential_id(&client_id(id).replace("abc", "ABC")), nil);
    }

    #[test]
    fn scopes_are_narrowed_and_never_widened() {
        let held = || vec!["a".to_owned(), "b".to_owned()];
        assert_eq!(narrowed(held(), None), Ok(held()));
        assert_eq!(narrowed(held(), Some("b b")), Ok(vec!["b".to_owned()]));
        for (held, asked) in
            [(held(), Some("a c")), (held(), Some("a  b")), (held(), Some("A")), (vec![], None)]
        {
            assert!(narrowed(held, asked).is_err());
        }
    }
}
