//! A subscription that a message asks for, kept where subscriptions are before the message is answered.

use super::submit::SubmitError;
use crate::clients::dispatcher::Put;
use crate::domain::submission::Submission;
use crate::state::State;
use crate::store::messages;
use contracts::ids::{OrganizationId, SubscriptionId};
use contracts::lex::{LexFilters, LexFormat, LexSubscription};
use lex::subscription::Wish;
use lex::{Issue, Level};

/// Keeps the subscription of a valid SUBSCRIPTION message that was not accepted before. Answers what is wrong with
/// it, should it not be kept.
pub async fn keep_subscription(state: &State, submission: &Submission) -> Result<Option<Issue>, SubmitError> {
    let level = submission.sender.level.unwrap_or(Level::L1);
    if !submission.judged(level, None).is_valid() {
        return Ok(None);
    }
    let Some(subscription) = wished(submission) else { return Ok(None) };
    let mut connection = state.database.acquire().await.map_err(platform_pg::StoreError::from)?;
    let organization = submission.organization_id();
    if messages::is_accepted(&mut connection, organization, &submission.message_id).await? {
        return Ok(None);
    }
    // Not over a call.
    drop(connection);
    match state.peers.dispatcher.put(&subscription).await {
        Ok(Put::Kept) => Ok(None),
        Ok(Put::Refused(why)) => Ok(Some(
            Issue::error("payload.subscription.deliveryMethods", "SUBSCRIPTION_REFUSED", why)
                .with("rejectedValue", subscription.delivery_endpoint),
        )),
        Err(error) => Err(SubmitError::Peer(Box::new(error))),
    }
}

/// `None` where nothing is to be delivered: the message only declares what its sender can do.
fn wished(submission: &Submission) -> Option<LexSubscription> {
    let wish = Wish::read(&submission.message)?;
    let own = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect();
    let endpoint = match wish.endpoint {
        Some(endpoint) => endpoint,
        // Whoever ends a subscription need not say where it went.
        None if !wish.active => "",
        None => return None,
    };
    Some(LexSubscription {
        organization_id: submission.organization_id(),
        client_id: Some(submission.sender.client_id),
        id: id_of(submission.organization_id(), wish.id?),
        event_types: own(&wish.event_types),
        filters: LexFilters {
            product_types: own(&wish.product_types),
            lead_statuses: own(&wish.lead_statuses),
            regions: own(&wish.regions),
            sender_ids: own(&wish.sender_ids),
        },
        delivery_endpoint: endpoint.to_owned(),
        delivery_format: wish.xml.map(|xml| if xml { LexFormat::XmlEdi } else { LexFormat::JsonEdi }),
        active: wish.active,
    })
}

/// The same for the same organisation and name, always (RFC 9562 §5.8).
fn id_of(organization: OrganizationId, name: &str) -> SubscriptionId {
    let digest = platform::secrets::digest(format!("{organization} {name}").as_bytes());
    let bytes = digest.first_chunk().copied().unwrap_or_default();
    SubscriptionId::new(uuid::Builder::from_custom_bytes(bytes).into_uuid())
}
