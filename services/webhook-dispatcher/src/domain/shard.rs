//! Shards: the unit in which replicas divide the subscriptions among themselves.

use contracts::ids::SubscriptionId;
use std::fmt;

/// How many shards there are. Changing it means that all replicas stop first.
pub const SHARDS: u32 = 64;

/// A set of shards.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Shards(u64);

/// The shard of a subscription: the last bits of its id, which are random in a version 7 UUID.
#[expect(clippy::cast_possible_truncation, reason = "reduced below 64 just before")]
pub fn shard_of(id: SubscriptionId) -> u8 {
    (id.as_uuid().as_u128() % u128::from(SHARDS)) as u8
}

impl Shards {
    pub const NONE: Self = Self(0);
    pub const ALL: Self = Self(u64::MAX);

    pub const fn one(shard: u8) -> Self {
        Self(1 << (shard % 64))
    }

    pub const fn contains(self, shard: u8) -> bool {
        self.0 & Self::one(shard).0 != 0
    }

    /// Whether the subscription's shard is in the set.
    pub fn cover(self, id: SubscriptionId) -> bool {
        self.contains(shard_of(id))
    }

    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub const fn len(self) -> u32 {
        self.0.count_ones()
    }

    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    #[must_use]
    pub const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    pub fn iter(self) -> impl Iterator<Item = u8> {
        (0..64).filter(move |shard| self.contains(*shard))
    }

    /// As bits, for atomics and messages between replicas.
    pub const fn bits(self) -> u64 {
        self.0
    }

    pub const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }
}

impl FromIterator<u8> for Shards {
    fn from_iter<I: IntoIterator<Item = u8>>(shards: I) -> Self {
        shards.into_iter().fold(Self::NONE, |all, shard| all.union(Self::one(shard)))
    }
}

impl fmt::Debug for Shards {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn a_set_of_shards_does_what_sets_do() {
        let shards: Shards = [0, 5, 63].into_iter().collect();
        assert_eq!(shards.iter().collect::<Vec<_>>(), [0, 5, 63]);
        assert_eq!(shards.without(Shards::one(5)).len(), 2);
        assert_eq!(Shards::ALL.len(), SHARDS);
        assert_eq!(Shards::from_bits(shards.bits()), shards);
    }

    #[test]
    fn every_subscription_has_one_shard_for_ever() {
        let id = SubscriptionId::new(Uuid::from_u128(0x0192_0000_0000_7000_8000_0000_0000_00ff));
        assert_eq!(shard_of(id), 63);
        assert!(Shards::ALL.cover(id));
    }
}
