//! Writing a subscription that a LEX message asked for: made, changed or ended, so that every later message meets
//! it.

use super::create_subscription::{CreateSubscriptionError, LexBirth, WhoseSecret, create};
use super::delete_subscriptions::delete_subscription;
use super::update_subscription::{UpdateSubscriptionError, update_subscription};
use crate::domain::subscription::{Owner, SubscriptionState, Terms};
use crate::state::State;
use crate::store::shown;
use contracts::ids::SubscriptionId;
use platform_pg::StoreError;
use url::Url;

/// Why it was not written.
#[derive(Debug, thiserror::Error)]
pub enum PutError {
    #[error(transparent)]
    Create(#[from] CreateSubscriptionError),
    #[error(transparent)]
    Update(#[from] UpdateSubscriptionError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Makes the subscription be what is wanted; `None` ends it, if there is one. Asked twice, nothing is different.
///
/// It keeps what messages do not speak of: its secret, its rate. A paused or disabled one is active again.
pub async fn put_lex_subscription(
    state: &State,
    owner: &Owner,
    id: SubscriptionId,
    wanted: Option<(Terms, Url)>,
) -> Result<(), PutError> {
    let Some((terms, url)) = wanted else {
        delete_subscription(state, owner, id).await?;
        return Ok(());
    };
    let mut connection = state.database.acquire().await.map_err(StoreError::from)?;
    let known = shown::find(&mut connection, owner, id).await?;
    drop(connection);
    if known.is_none() {
        let birth = LexBirth { id: Some(id), secret: WhoseSecret::Hidden, lex_ids: None };
        match create(state, owner, terms.clone(), &url, birth).await {
            // The same message at the same time, or the id is another organisation's: the change tells which.
            Err(CreateSubscriptionError::Taken) => {}
            result => return result.map(|_| ()).map_err(PutError::from),
        }
    }
    let change = |present: &mut Terms| {
        present.url.clone_from(&terms.url);
        present.events.clone_from(&terms.events);
        present.lex.clone_from(&terms.lex);
        present.state = SubscriptionState::Active;
    };
    update_subscription(state, owner, id, Some(&url), change).await?;
    Ok(())
}
