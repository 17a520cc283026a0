//! Charging the messages of a batch beyond the first, which the gateway has charged as a request.

use crate::state::State;
use contracts::FaultCode;
use contracts::limits::LimitWindow;
use platform::Fault;
use platform::limits::{Period, Window, WindowState};
use std::time::Duration;

/// How the window stands after the charge.
#[derive(Debug)]
pub struct Charged {
    pub window: Option<WindowState>,
    /// Why nothing may be stored.
    pub refusal: Option<Fault>,
}

/// Charges `messages` − 1, or nothing where they are more than the window has left.
pub async fn charge_batch(state: &State, window: Option<&LimitWindow>, messages: usize) -> Charged {
    let Some(window) = window else { return Charged { window: None, refusal: None } };
    let (key, limit) = (window.key.clone(), window.limit);
    let cost = u64::try_from(messages.saturating_sub(1)).unwrap_or(u64::MAX);
    let verdict = state.limiter.charge(&[Window { key, period: Period::Minute, limit }], cost).await;
    let window = verdict.windows.first().copied();
    let refusal = (!verdict.allowed).then(|| {
        let wait = window.map_or(60, |window| window.reset_seconds);
        let message = format!("{limit} messages/minute limit exceeded: the batch has {messages}");
        Fault::new(FaultCode::RateLimited, message).retry_after(Duration::from_secs(wait))
    });
    Charged { window, refusal }
}
