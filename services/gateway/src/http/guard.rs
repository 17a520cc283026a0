//! What every request passes, whoever serves it: path rule, route, credential, limits, size. Sets the
//! headers of the rate limits on every answer.

use super::cors::OriginListed;
use super::limit_headers::{self, Charged};
use super::passed_on::deed;
use super::proxy::forward;
use super::usage::CountedAs;
use crate::domain::forwarding::client_address;
use crate::domain::limits::Standing;
use crate::domain::path::is_normal;
use crate::state::State;
use crate::store::jti_claims::Claim;
use crate::usecases::admit::{Admitted, Refused, admit, refused};
use crate::usecases::authenticate::{Authorization, Presented};
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::{
    ALLOW, AUTHORIZATION, CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue, ORIGIN,
};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, HttpResponse, web};
use contracts::identity::IDENTITY_HEADER;
use contracts::routes::{Match, Route, find};
use contracts::{FaultCode, Service, Surface};
use platform::Fault;
use platform_http::HttpFault;
use platform_http::body::too_large;
use platform_http::edge::{RouteTemplate, header};
use std::net::{IpAddr, Ipv4Addr};

const IDENTITY: HeaderName = HeaderName::from_static(IDENTITY_HEADER);
const GET: &str = "GET";
const HEAD: &str = "HEAD";
const VISITOR: HeaderName = HeaderName::from_static(console::VISITOR_HEADER);
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
        Ok(Passed { standing, claim }) => (secured(serve(request, next).await?, claim).await, standing),
        // Not `into_response`, which would forget the fault.
        Err(stopped) => (ServiceResponse::new(request.into_parts().0, stopped.response), stopped.standing),
    };
    let charged = response.response().extensions().get::<Charged>().copied();
    let standing = match charged {
        Some(charged) => charged.applied_to(standing),
        None => standing,
    };
    limit_headers::set(response.headers_mut(), surface, &standing);
    Ok(response)
}

/// Serves a request that passed: here, or by sending it on, past the routes of the framework, which match by
/// regular expressions.
async fn serve(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let passage = request.extensions().get::<Passage>().cloned();
    let Some(passage) = passage.filter(|passage| passage.route.owner != Service::Gateway) else {
        return Ok(next.call(request).await?.map_into_boxed_body());
    };
    let (request, payload) = request.into_parts();
    let response = forward(&request, payload, &passage).await.unwrap_or_else(HttpResponse::from_error);
    Ok(ServiceResponse::new(request, response))
}

/// The answer, once the use of the token is durable. Where that cannot be known the caller is told to come again, as
/// with every answer that is lost on its way.
async fn secured(response: ServiceResponse<BoxBody>, claim: Option<Claim>) -> ServiceResponse<BoxBody> {
    let Some(claim) = claim else { return response };
    match claim.durable().await {
        Ok(()) => response,
        Err(error) => response.into_response(HttpResponse::from_error(HttpFault(error.into()))),
    }
}

/// A request that may be served.
struct Passed {
    standing: Standing,
    claim: Option<Claim>,
}

/// An answer that is given in place of the route's.
struct Stopped {
    response: HttpResponse,
    standing: Standing,
}

impl Stopped {
    fn by(fault: Fault) -> Self {
        Self { response: HttpResponse::from_error(HttpFault(fault)), standing: Standing::default() }
    }
}

impl From<Refused> for Stopped {
    fn from(refused: Refused) -> Self {
        Self { standing: refused.standing, ..Self::by(refused.fault) }
    }
}

/// Checks a request and makes it ready for whoever serves it.
async fn pass(state: &State, request: &mut ServiceRequest, surface: Surface) -> Result<Passed, Stopped> {
    let address = address_of(state, request);
    if is_internal(state, request) {
        return Ok(Passed { standing: Standing::default(), claim: None });
    }
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
    if request.method() == Method::HEAD && route.method == GET {
        // Served as GET by everyone further in; the server leaves the body out.
        request.head_mut().method = Method::GET;
    }
    let presented = Presented {
        surface: route.surface,
        authorization: authorization(request.headers()),
        origin: header(request.headers(), &ORIGIN),
    };
    let admitted = admit(state, route, request.uri().path(), presented, address).await;
    let origin_listed = match &admitted {
        Ok(admitted) => admitted.origin_listed,
        Err(refused) => refused.origin_listed,
    };
    if origin_listed {
        request.extensions_mut().insert(OriginListed);
    }
    let consumer = match &admitted {
        Ok(admitted) => admitted.consumer(),
        Err(refused) => refused.consumer,
    };
    if let Some(consumer) = consumer {
        request.extensions_mut().insert(CountedAs { consumer, route });
    }
    let Admitted { caller, standing, claim, .. } = admitted?;
    let stop = |fault| Stopped { standing: standing.clone(), ..Stopped::by(fault) };
    if content_length(request.headers()).is_some_and(|length| length > route.body_limit() as u64) {
        return Err(stop(too_large(route.body_limit())));
    }
    if let Some(deed) = deed(route, request.uri().path(), &caller) {
        request.extensions_mut().insert(deed);
    }
    let token = state.identities.sign(route.owner, caller).map_err(stop)?;
    let identity = HeaderValue::from_str(&token).map_err(|error| stop(Fault::internal(error)))?;
    // The gateway's own handlers learn who is calling as those of every service do.
    request.headers_mut().insert(IDENTITY, identity.clone());
    request.extensions_mut().insert(Passage { route, address, identity });
    Ok(Passed { standing, claim })
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
    if matches!(*request.method(), Method::TRACE | Method::CONNECT) {
        // Methods of a connection, not of a path; `CONNECT` has not even got one.
        return Err(NoRoute::WrongMethod(methods_of(path)));
    }
    if !is_normal(path) {
        return Err(NoRoute::NotNormal);
    }
    // RFC 9110 §9.3.2: what can be read has a head.
    let method = if request.method() == Method::HEAD { &Method::GET } else { request.method() };
    match find(method.as_str(), path) {
        Match::Found(route) => Ok(route),
        Match::WrongMethod(_) => Err(NoRoute::WrongMethod(methods_of(path))),
        Match::Unknown => Err(NoRoute::Unknown),
    }
}

/// What may be done with a path.
fn methods_of(path: &str) -> Vec<&'static str> {
    let Match::WrongMethod(mut methods) = find(Method::OPTIONS.as_str(), path) else { return Vec::new() };
    if let Some(index) = methods.iter().position(|method| *method == GET) {
        methods.insert(index + 1, HEAD);
    }
    methods
}

/// Whether another service calls the gateway itself. For everybody else these paths do not exist, whatever
/// they say of themselves.
fn is_internal(state: &State, request: &ServiceRequest) -> bool {
    let path = request.uri().path();
    path.starts_with("/internal/")
        && is_normal(path)
        && header(request.headers(), &IDENTITY)
            .is_some_and(|token| state.identities.service_of(token).is_some())
}

/// Whose request it is: of a visitor of the console, or of whoever sends it.
pub fn address_of(state: &State, request: &ServiceRequest) -> IpAddr {
    let visitor = header(request.headers(), &VISITOR).and_then(|said| state.trust.console.visitor(said));
    if let Some(visitor) = visitor {
        return visitor;
    }
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
