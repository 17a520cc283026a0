//! `[delivery]`.

use super::schedule::Bases;
use serde::Deserialize;
use std::time::Duration;

/// Bounds and times of the delivery engine. The base of the settings has every value.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeliverySettings {
    /// Permits http, loopback and private networks: for the local stack.
    pub allow_private_networks: bool,
    /// The pause after the first failed attempt of the partner family; each further one is four times as long.
    #[serde(with = "humantime_serde")]
    pub partner_retry_base: Duration,
    /// The pause after the first failed attempt of the LEX family; the others are 4, 20, 60 and 120 times as long.
    #[serde(with = "humantime_serde")]
    pub lex_retry_base: Duration,
    /// For one request and its whole answer.
    #[serde(with = "humantime_serde")]
    pub response_budget: Duration,
    /// Requests at once.
    pub max_in_flight: usize,
    /// Requests at once to one subscription.
    pub max_in_flight_per_subscription: usize,
    /// How often the database is asked what is due, beside being told.
    #[serde(with = "humantime_serde")]
    pub poll_interval: Duration,
    /// How long a replica that says nothing keeps its shards.
    #[serde(with = "humantime_serde")]
    pub lease_ttl: Duration,
    /// How often a replica renews its leases.
    #[serde(with = "humantime_serde")]
    pub lease_renewal: Duration,
}

impl DeliverySettings {
    /// The first pauses of the schedules that are ours.
    pub(super) fn bases(&self) -> Bases {
        Bases { partner: self.partner_retry_base, lex: self.lex_retry_base }
    }
}
