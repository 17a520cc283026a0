//! The audit log of changes that the gateway only passes on: webhook subscriptions, which another service
//! owns. Knows of them what their route and their caller say; no body is read.

use super::guard::Passage;
use crate::clients::exchange::{Outgoing, Response, UpstreamError};
use crate::domain::audit::{action_of, target_of};
use crate::state::State;
use crate::usecases::audit::note_passed_on;
use crate::usecases::change::Origin;
use actix_web::{HttpMessage, HttpRequest, rt, web};
use contracts::Service;
use contracts::identity::{Caller, Principal, SurfaceFacts};
use contracts::routes::Route;
use platform::Fault;
use platform_http::edge::{chain, request_id};

/// A change that is about to be passed on, with who asked for it.
#[derive(Clone, Debug)]
pub struct Deed {
    caller: Principal,
    action: &'static str,
    target: String,
}

/// What the audit log has to say of a request, should it succeed.
pub fn deed(route: &'static Route, path: &str, caller: &Caller) -> Option<Deed> {
    let Caller::Principal(caller) = caller else { return None };
    Some(Deed { action: action_of(route)?, target: target_of(route, path), caller: (**caller).clone() })
}

/// Sends a request to its owner. A change that succeeds is in the audit log before it is answered, also when
/// the caller has gone away meanwhile.
///
/// # Errors
/// When the sending breaks down, which is a defect. That the owner does not answer is the inner result.
pub async fn send(
    request: &HttpRequest,
    state: &web::Data<State>,
    owner: Service,
    outgoing: Outgoing,
) -> Result<Result<Response, UpstreamError>, Fault> {
    let (deed, passage) = {
        let extensions = request.extensions();
        (extensions.get::<Deed>().cloned(), extensions.get::<Passage>().map(|passage| passage.address))
    };
    let Some((deed, address)) = deed.zip(passage) else {
        return Ok(state.upstreams.send(owner, &outgoing).await);
    };
    let (state, request_id) = (state.clone(), request_id(request));
    let sending = rt::spawn(async move {
        let response = state.upstreams.send(owner, &outgoing).await?;
        if response.status().is_success() {
            note(&state, deed, Origin { address, request_id }).await;
        }
        Ok(response)
    });
    sending.await.map_err(Fault::internal)
}

/// What was done stays done: a log that cannot be written is reported, not answered.
async fn note(state: &State, deed: Deed, origin: Origin) {
    let Deed { caller, action, target } = deed;
    let organization = match &caller.facts {
        SurfaceFacts::Platform(facts) => facts.organization.id,
        _ => caller.organization.id,
    };
    if let Err(error) = note_passed_on(state, &caller, organization, origin, (action, target)).await {
        metrics::counter!("leadwire_audit_entries_lost_total").increment(1);
        tracing::error!(error = chain(&error), action, client = %caller.client_id, "not in the audit log");
    }
}
