//! Letting a request in: authentication and rate limits, for every route alike.

use super::authenticate::{AuthenticateError, Authenticated, Presented, authenticate};
use super::locate::locate;
use crate::domain::limits::{self, Limit, Standing};
use crate::domain::usage::Consumer;
use crate::state::State;
use crate::store::jti_claims::Claim;
use contracts::identity::{Caller, SurfaceFacts};
use contracts::routes::{Access, Route};
use contracts::{FaultCode, Surface};
use platform::Fault;
use platform::limits::{Verdict, Window};
use std::net::IpAddr;
use std::time::Duration;

/// A request that may go on.
#[derive(Debug)]
pub struct Admitted {
    pub caller: Caller,
    pub standing: Standing,
    /// Whether the key lists the request's origin.
    pub origin_listed: bool,
    /// What has to be durable before the request is answered.
    pub claim: Option<Claim>,
}

impl Admitted {
    /// Whose request it is; nobody's on an open route.
    pub fn consumer(&self) -> Option<Consumer> {
        match &self.caller {
            Caller::Principal(principal) => Some(Consumer::of(principal)),
            Caller::Anonymous | Caller::Service { .. } => None,
        }
    }
}

/// A request that may not.
#[derive(Debug)]
pub struct Refused {
    pub fault: Fault,
    pub standing: Standing,
    /// As with [`Admitted`]: a page may read why its request was one too many.
    pub origin_listed: bool,
    /// Whose request it was, if that is known.
    pub consumer: Option<Consumer>,
}

/// Recognises the caller and charges the request to its windows; what fails to authenticate, or needs not
/// to, is charged to its address.
pub async fn admit(
    state: &State,
    route: &Route,
    path: &str,
    presented: Presented<'_>,
    address: IpAddr,
) -> Result<Admitted, Refused> {
    if route.access == Access::Open {
        let standing = charge(state, &[limits::of_open_routes(route.surface, address)]).await?;
        return Ok(Admitted { caller: Caller::Anonymous, standing, origin_listed: false, claim: None });
    }
    let error = match authenticate(state, presented).await {
        Ok(authenticated) => return let_in(state, route, path, authenticated).await,
        Err(error) => error,
    };
    let (limits, consumer) = match &error {
        AuthenticateError::Recognised { limits, consumer, .. } => (limits.clone(), Some(*consumer)),
        AuthenticateError::Missing
        | AuthenticateError::KeyInvalid
        | AuthenticateError::Token(_)
        | AuthenticateError::Replayed => (vec![limits::of_failures(route.surface, address)], None),
        // Ours to answer for, and so at nobody's cost.
        AuthenticateError::Claim(_) | AuthenticateError::Secret(_) | AuthenticateError::Store(_) => {
            return Err(refused(state, error.into(), route.surface, address).await);
        }
    };
    let charged = charge(state, &limits).await;
    let standing = charged.map_err(|refused| Refused { consumer, ..refused })?;
    Err(Refused { fault: error.into(), standing, origin_listed: false, consumer })
}

/// Charges a visit of a page to its visitor's address.
pub async fn charge_visit(state: &State, address: IpAddr) -> Result<Standing, Refused> {
    charge(state, &[limits::of_visits(address)]).await
}

/// Charges the request of a caller who was recognised.
async fn let_in(
    state: &State,
    route: &Route,
    path: &str,
    Authenticated { mut principal, limits, origin_listed, claim }: Authenticated,
) -> Result<Admitted, Refused> {
    let consumer = Some(Consumer::of(&principal));
    let charged = charge(state, &limits).await;
    let standing = charged.map_err(|refused| Refused { origin_listed, consumer, ..refused })?;
    match locate(state, &principal, route, path).await {
        Ok(None) => {}
        Ok(Some(facts)) => principal.facts = SurfaceFacts::Platform(facts),
        Err(error) => return Err(Refused { fault: error.into(), standing, origin_listed, consumer }),
    }
    Ok(Admitted { caller: Caller::Principal(Box::new(principal)), standing, origin_listed, claim })
}

/// A refusal that costs nothing; its headers speak for the window of failed authentications.
pub async fn refused(state: &State, fault: Fault, surface: Surface, address: IpAddr) -> Refused {
    let limits = [limits::of_failures(surface, address)];
    let verdict = state.limiter.charge(&windows(&limits), 0).await;
    Refused { fault, standing: Standing::of(&limits, &verdict), origin_listed: false, consumer: None }
}

/// Counts a request against all windows, or refuses it.
async fn charge(state: &State, limits: &[Limit]) -> Result<Standing, Refused> {
    let verdict = state.limiter.charge(&windows(limits), 1).await;
    let standing = Standing::of(limits, &verdict);
    if verdict.allowed {
        return Ok(standing);
    }
    let wait = Duration::from_secs(until_all_are_free(&verdict));
    let fault = Fault::new(FaultCode::RateLimited, "API rate limit exceeded").retry_after(wait);
    Err(Refused { fault, standing, origin_listed: false, consumer: None })
}

fn windows(limits: &[Limit]) -> Vec<Window> {
    limits.iter().map(|limit| limit.window.clone()).collect()
}

/// Seconds until the last of the windows that are used up begins anew.
fn until_all_are_free(verdict: &Verdict) -> u64 {
    let used_up = verdict.windows.iter().filter(|window| window.remaining == 0);
    used_up.map(|window| window.reset_seconds).max().unwrap_or(1)
}
