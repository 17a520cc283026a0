//! Letting a request in: authentication and rate limits, for every route alike.

use super::authenticate::{Authenticated, Presented, authenticate};
use crate::domain::limits;
use crate::state::State;
use contracts::identity::Caller;
use contracts::routes::{Access, Route};
use contracts::{FaultCode, Surface};
use platform::Fault;
use platform::limits::{Verdict, Window, WindowState};
use std::net::IpAddr;
use std::time::Duration;

/// A request that may go on.
#[derive(Debug)]
pub struct Admitted {
    pub caller: Caller,
    pub standing: Option<WindowState>,
}

/// A request that may not.
#[derive(Debug)]
pub struct Refused {
    pub fault: Fault,
    pub standing: Option<WindowState>,
}

/// Recognises the caller and charges the request to its windows; what fails to authenticate, or needs not
/// to, is charged to its address.
pub async fn admit(
    state: &State,
    route: &Route,
    presented: Presented<'_>,
    address: IpAddr,
) -> Result<Admitted, Refused> {
    if route.access == Access::Open {
        let window = limits::of_open_routes(route.surface, address);
        let standing = charge(state, &[window]).await?;
        return Ok(Admitted { caller: Caller::Anonymous, standing });
    }
    match authenticate(state, presented).await {
        Ok(Authenticated { principal, windows }) => {
            let standing = charge(state, &windows).await?;
            Ok(Admitted { caller: Caller::Principal(Box::new(principal)), standing })
        }
        Err(error) if error.is_refusal() => {
            let standing = charge(state, &[limits::of_failures(route.surface, address)]).await?;
            Err(Refused { fault: error.into(), standing })
        }
        Err(error) => Err(refused(state, error.into(), route.surface, address).await),
    }
}

/// A refusal that costs nothing; its headers speak for the window of failed authentications.
pub async fn refused(state: &State, fault: Fault, surface: Surface, address: IpAddr) -> Refused {
    let verdict = state.limiter.charge(&[limits::of_failures(surface, address)], 0).await;
    Refused { fault, standing: verdict.tightest() }
}

/// Counts a request against all windows, or refuses it.
async fn charge(state: &State, windows: &[Window]) -> Result<Option<WindowState>, Refused> {
    let verdict = state.limiter.charge(windows, 1).await;
    let standing = verdict.tightest();
    if verdict.allowed {
        return Ok(standing);
    }
    let wait = Duration::from_secs(until_all_are_free(&verdict));
    let fault = Fault::new(FaultCode::RateLimited, "API rate limit exceeded").retry_after(wait);
    Err(Refused { fault, standing })
}

/// Seconds until the last of the windows that are used up begins anew.
fn until_all_are_free(verdict: &Verdict) -> u64 {
    let used_up = verdict.windows.iter().filter(|window| window.remaining == 0);
    used_up.map(|window| window.reset_seconds).max().unwrap_or(1)
}
