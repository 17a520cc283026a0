//! Who the caller is: signing and verifying the internal identity token, and the extractors that put
//! authorisation into a handler's signature.

use crate::dialect::HttpFault;
use crate::edge::header;
use crate::server::Edge;
use actix_web::dev::Payload;
use actix_web::http::header::HeaderName;
use actix_web::{FromRequest, HttpRequest, web};
use contracts::identity::{
    Caller as CallerClaims, IDENTITY_HEADER, IDENTITY_ISSUER, IDENTITY_LIFETIME_SECONDS, IdentityClaims,
    Principal,
};
use contracts::{FaultCode, Service};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use platform::secrets::{SecretError, decode_key};
use platform::{Fault, clock::Clock};
use secrecy::{ExposeSecret, SecretString};
use std::collections::HashMap;
use std::future::{Ready, ready};
use std::marker::PhantomData;
use std::sync::{Arc, Mutex, PoisonError};

const HEADER: HeaderName = HeaderName::from_static(IDENTITY_HEADER);
/// How far the clocks of two machines may be apart, in seconds.
const LEEWAY: u64 = 5;
/// Tokens that are remembered at once.
const VERIFIED: usize = 1_000;

/// The key that the gateway and one service share.
#[derive(Clone)]
pub struct IdentityKey {
    service: Service,
    signing: EncodingKey,
    verifying: DecodingKey,
    clock: Clock,
    /// Tokens whose signature was found good: the gateway hands the same one out for some seconds.
    verified: Arc<Mutex<HashMap<String, IdentityClaims>>>,
}

impl IdentityKey {
    /// # Errors
    /// When the key is not 32 bytes in base64url.
    pub fn parse(service: Service, key: &SecretString, clock: Clock) -> Result<Self, SecretError> {
        let key = decode_key(key.expose_secret())
            .ok_or_else(|| SecretError::Key(format!("identity key of {service}")))?;
        Ok(Self {
            service,
            signing: EncodingKey::from_secret(&key),
            verifying: DecodingKey::from_secret(&key),
            clock,
            verified: Arc::default(),
        })
    }

    /// A token that lets the service act for this caller for a minute.
    ///
    /// # Errors
    /// When the claims cannot be written as JSON, which no caller's can.
    pub fn sign(&self, caller: CallerClaims) -> Result<String, jsonwebtoken::errors::Error> {
        let now = self.now();
        let claims = IdentityClaims {
            iss: IDENTITY_ISSUER.to_owned(),
            aud: self.service.name().to_owned(),
            iat: now,
            exp: now + IDENTITY_LIFETIME_SECONDS,
            caller,
        };
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.signing)
    }

    /// The caller that a token speaks for. `None` when it is not for this service, not ours, or too old.
    pub fn verify(&self, token: &str) -> Option<CallerClaims> {
        let mut verified = self.verified.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(claims) = verified.get(token) {
            return self.is_live(claims).then(|| claims.caller.clone());
        }
        let claims = self.decode(token).filter(|claims| self.is_live(claims))?;
        if verified.len() >= VERIFIED {
            verified.clear();
        }
        let caller = claims.caller.clone();
        verified.insert(token.to_owned(), claims);
        Some(caller)
    }

    fn decode(&self, token: &str) -> Option<IdentityClaims> {
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_audience(&[self.service.name()]);
        validation.set_issuer(&[IDENTITY_ISSUER]);
        validation.set_required_spec_claims(&["aud", "iss", "exp"]);
        // Compared with the process's own clock instead.
        validation.validate_exp = false;
        Some(jsonwebtoken::decode(token, &self.verifying, &validation).ok()?.claims)
    }

    fn is_live(&self, claims: &IdentityClaims) -> bool {
        let now = self.now();
        claims.exp + LEEWAY > now && claims.iat <= now + LEEWAY
    }

    fn now(&self) -> u64 {
        u64::try_from(self.clock.now().timestamp()).unwrap_or(0)
    }
}

impl std::fmt::Debug for IdentityKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IdentityKey").field("service", &self.service).finish_non_exhaustive()
    }
}

/// What a handler demands of its caller.
pub trait Permission: 'static {
    /// # Errors
    /// Why this caller may not make this request.
    fn check(principal: &Principal, request: &HttpRequest) -> Result<(), Fault>;
}

/// An authenticated caller who has permission `P`. Taking it as an argument is what protects a handler.
#[derive(Debug)]
pub struct Caller<P> {
    pub principal: Principal,
    permission: PhantomData<P>,
}

impl<P: Permission> FromRequest for Caller<P> {
    type Error = HttpFault;
    type Future = Ready<Result<Self, HttpFault>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(principal(request).and_then(|principal| {
            P::check(&principal, request)?;
            Ok(Self { principal, permission: PhantomData })
        }))
    }
}

/// Anybody who came through the gateway: for open routes.
#[derive(Clone, Copy, Debug)]
pub struct Anyone;

impl FromRequest for Anyone {
    type Error = HttpFault;
    type Future = Ready<Result<Self, HttpFault>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(claims(request).map(|_| Self))
    }
}

/// Another service of the platform: for `/internal` routes.
#[derive(Clone, Debug)]
pub struct FromService {
    pub name: String,
}

impl FromRequest for FromService {
    type Error = HttpFault;
    type Future = Ready<Result<Self, HttpFault>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(match claims(request) {
            Ok(CallerClaims::Service { name }) => Ok(Self { name }),
            Ok(CallerClaims::Principal(_) | CallerClaims::Anonymous) => {
                Err(Fault::new(FaultCode::RouteNotFound, "no operation has this path").into())
            }
            Err(fault) => Err(fault),
        })
    }
}

fn principal(request: &HttpRequest) -> Result<Principal, HttpFault> {
    match claims(request)? {
        CallerClaims::Principal(principal) => Ok(*principal),
        CallerClaims::Anonymous | CallerClaims::Service { .. } => Err(unauthenticated().into()),
    }
}

fn claims(request: &HttpRequest) -> Result<CallerClaims, HttpFault> {
    let edge = request.app_data::<web::Data<Edge>>();
    let token = header(request.headers(), &HEADER);
    match edge.zip(token).and_then(|(edge, token)| edge.identity.verify(token)) {
        Some(caller) => Ok(caller),
        None => Err(unauthenticated().into()),
    }
}

fn unauthenticated() -> Fault {
    Fault::new(FaultCode::Unauthenticated, "this service is reached through the gateway")
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::{TimeDelta, TimeZone, Utc};

    fn key(service: Service, byte: char, clock: &Clock) -> IdentityKey {
        let text: String = std::iter::repeat_n(byte, 42).chain(['A']).collect();
        IdentityKey::parse(service, &SecretString::from(text), clock.clone()).unwrap()
    }

    #[test]
    fn a_token_is_good_for_one_service_one_key_and_one_minute() {
        let clock = Clock::manual(Utc.with_ymd_and_hms(2026, 11, 22, 3, 0, 0).unwrap());
        let intake = key(Service::LeadIntake, 'A', &clock);
        let token = intake.sign(CallerClaims::Anonymous).unwrap();
        assert_eq!(intake.verify(&token), Some(CallerClaims::Anonymous));
        assert_eq!(key(Service::Ingest, 'A', &clock).verify(&token), None);
        assert_eq!(key(Service::LeadIntake, 'B', &clock).verify(&token), None);
        assert_eq!(intake.verify(&format!("{}A", token.trim_end_matches('A'))), None);
        assert_eq!(intake.verify(&token), Some(CallerClaims::Anonymous), "the second time as well");
        clock.advance(TimeDelta::seconds(66));
        assert_eq!(intake.verify(&token), None);
    }
}
