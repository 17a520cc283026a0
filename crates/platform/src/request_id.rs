//! The id of the request that a task works on, as its caller knows it: what a write publishes carries it on.
//!
//! Consumers and engines work on no request, and tasks that a request starts do not know it.

use std::future::Future;

tokio::task_local! {
    static CURRENT: String;
}

/// Does the work of a request.
pub async fn scope<F: Future>(id: String, work: F) -> F::Output {
    CURRENT.scope(id, work).await
}

/// The id of the request that is worked on here, if it is one.
pub fn current() -> Option<String> {
    CURRENT.try_with(Clone::clone).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_id_is_known_as_long_as_the_request_is_worked_on() {
        let known = scope("asked-1".to_owned(), async { current() }).await;
        assert_eq!(known.as_deref(), Some("asked-1"));
        assert_eq!(current(), None);
    }
}
