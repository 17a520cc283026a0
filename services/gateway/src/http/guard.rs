//! What every request passes, whoever serves it: path rule, route, credential, limits, size. Sets the
//! headers of the rate limits on every answer.

use super::limit_headers;
use crate::domain::forwarding::client_address;
use crate::domain::path::is_normal;
use crate::state::State;
use crate::usecases::admit::{Admitted, Refused, admit, refused};
use crate::usecases::authenticate::{Authorization, Presented};
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{
    ALLOW, AUTHORIZATION, CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue, ORIGIN,
};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, HttpResponse, web};
use contracts::identity::IDENTITY_HEADER;
use contracts::routes::{Match, Route, find};
use contracts::{FaultCode, Surface};
use platform::Fault;
use platform::limits::WindowState;
use platform_http::HttpFault;
use platform_http::body::too_large;
use platform_http::edge::{RouteTemplate, header};
use std::net::{IpAddr, Ipv4Addr};

const IDENTITY: HeaderName = HeaderName::from_static(IDENTITY_HEADER);
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// A request that passed, for the proxy.
#[derive(Clone, Debug)]
pub struct Passage {
    pub route: &'static Route,
    pub address: IpAddr,
    /// The identity token for the route's owner.
    pub identity: HeaderValue,
}

/// The middleware function.
pub async fn guard(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let surface = Surface::of_path(request.path());
    let passed = match request.app_data::<web::Data<State>>().cloned() {
        Some(state) => pass(&state, &mut request, surface).await,
        None => Err(Stopped::by(Fault::internal("the application has no state"))),
    };
    let (mut response, standing) = match passed {
        Ok(standing) => (next.call(request).await?.map_into_boxed_body(), standing),
        // Not `into_response`, which would forget the fault.
        Err(stopped) => (ServiceResponse::new(request.into_parts().0, stopped.response), stopped.standing),
    };
    limit_headers::set(response.headers_mut(), surface, standing);
    Ok(response)
}

/// An answer that is given in place of the route's.
struct Stopped {
    response: HttpResponse,
    standing: Option<WindowState>,
}

impl Stopped {
    fn by(fault: Fault) -> Self {
        Self { response: HttpResponse::from_error(HttpFault(fault)), standing: None }
    }
}

impl From<Refused> for Stopped {
    fn from(refused: Refused) -> Self {
        Self { standing: refused.standing, ..Self::by(refused.fault) }
    }
}

/// Checks a request and makes it ready for whoever serves it.
async fn pass(
    state: &State,
    request: &mut ServiceRequest,
    surface: Surface,
) -> Result<Option<WindowState>, Stopped> {
    let address = address_of(state, request);
    let route = match route_of(request) {
        Ok(route) => route,
        Err(nowhere) => {
            let mut stopped = Stopped::from(refused(state, nowhere.fault(), surface, address).await);
            if let Some(methods) = nowhere.allow() {
                stopped.response.headers_mut().insert(ALLOW, methods);
            }
            return Err(stopped);
        }
    };
    request.extensions_mut().insert(RouteTemplate(route.template));
    let presented = Presented {
        surface: route.surface,
        authorization: authorization(request.headers()),
        origin: header(request.headers(), &ORIGIN),
    };
    let Admitted { caller, standing } = admit(state, route, presented, address).await?;
    let stop = |fault| Stopped { standing, ..Stopped::by(fault) };
    if content_length(request.headers()).is_some_and(|length| length > route.body_limit() as u64) {
        return Err(stop(too_large(route.body_limit())));
    }
    let token = state.identities.sign(route.owner, caller).map_err(stop)?;
    let identity = HeaderValue::from_str(&token).map_err(|error| stop(Fault::internal(error)))?;
    // The gateway's own handlers learn who is calling as those of every service do.
    request.headers_mut().insert(IDENTITY, identity.clone());
    request.extensions_mut().insert(Passage { route, address, identity });
    Ok(standing)
}

/// Why a request leads nowhere.
enum NoRoute {
    NotNormal,
    Unknown,
    /// The path has these methods only.
    WrongMethod(Vec<&'static str>),
}

impl NoRoute {
    fn fault(&self) -> Fault {
        match self {
            Self::NotNormal => Fault::new(FaultCode::BadRequest, "the path is not in normal form"),
            Self::Unknown => Fault::new(FaultCode::RouteNotFound, "no operation has this path"),
            Self::WrongMethod(_) => {
                Fault::new(FaultCode::MethodNotAllowed, "this path does not have that method")
            }
        }
    }

    fn allow(&self) -> Option<HeaderValue> {
        match self {
            Self::NotNormal | Self::Unknown => None,
            Self::WrongMethod(methods) => HeaderValue::from_str(&methods.join(", ")).ok(),
        }
    }
}

fn route_of(request: &ServiceRequest) -> Result<&'static Route, NoRoute> {
    let path = request.uri().path();
    if !is_normal(path) {
        return Err(NoRoute::NotNormal);
    }
    match find(request.method().as_str(), path) {
        Match::Found(route) => Ok(route),
        Match::WrongMethod(methods) => Err(NoRoute::WrongMethod(methods)),
        Match::Unknown => Err(NoRoute::Unknown),
    }
}

fn address_of(state: &State, request: &ServiceRequest) -> IpAddr {
    let peer = request.peer_addr().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.ip());
    let forwarded: Vec<_> =
        request.headers().get_all(FORWARDED_FOR).filter_map(|value| value.to_str().ok()).collect();
    client_address(peer, forwarded.into_iter(), &state.trust.proxies)
}

/// RFC 6750 §2.1; the scheme in any case (RFC 9110 §11.1).
fn authorization(headers: &HeaderMap) -> Authorization<'_> {
    let mut values = headers.get_all(AUTHORIZATION);
    let (first, second) = (values.next(), values.next());
    let Some(value) = first else { return Authorization::Missing };
    let Ok(value) = value.to_str() else { return Authorization::Malformed };
    if second.is_some() {
        return Authorization::Malformed;
    }
    match value.trim().split_once(' ') {
        Some((scheme, bearer)) if scheme.eq_ignore_ascii_case("Bearer") && !bearer.trim().is_empty() => {
            Authorization::Bearer(bearer.trim())
        }
        _ => Authorization::Missing,
    }
}

/// The length that a body is announced with.
pub fn content_length(headers: &HeaderMap) -> Option<u64> {
    header(headers, &CONTENT_LENGTH)?.parse().ok()
}
