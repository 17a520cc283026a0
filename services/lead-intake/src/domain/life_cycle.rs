//! How a lead's status may change. There is no other way: the store takes a [`Change`] and no status.

use super::lead::Status;

/// A step of a lead's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// HubSpot has the contact and the deal.
    HubspotUpserted,
    /// The deliveries of its first event exist. From `received` where there is no HubSpot to go to.
    Dispatched,
    /// Every one of them has come to its end.
    Completed,
    /// HubSpot will not have it.
    Failed,
}

impl Change {
    /// The status that it leads to.
    pub const fn to(self) -> Status {
        match self {
            Self::HubspotUpserted => Status::HubspotUpserted,
            Self::Dispatched => Status::Dispatched,
            Self::Completed => Status::Completed,
            Self::Failed => Status::Failed,
        }
    }

    /// The statuses that it leads away from; from any other it does not happen.
    pub const fn from(self) -> &'static [Status] {
        match self {
            Self::HubspotUpserted | Self::Failed => &[Status::Received],
            Self::Dispatched => &[Status::Received, Status::HubspotUpserted],
            Self::Completed => &[Status::Dispatched],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHANGES: [Change; 4] =
        [Change::HubspotUpserted, Change::Dispatched, Change::Completed, Change::Failed];
    const STATUSES: [Status; 5] =
        [Status::Received, Status::HubspotUpserted, Status::Dispatched, Status::Completed, Status::Failed];

    #[test]
    fn a_life_goes_forward_and_ends() {
        let place = |status| STATUSES.iter().position(|other| *other == status);
        for change in CHANGES {
            assert!(change.from().iter().all(|from| place(*from) < place(change.to())), "{change:?}");
            for end in [Status::Completed, Status::Failed] {
                assert!(!change.from().contains(&end), "{change:?}");
            }
        }
    }

    #[test]
    fn every_status_but_the_first_is_reached() {
        for status in STATUSES {
            let reached = CHANGES.iter().any(|change| change.to() == status);
            assert_eq!(reached, status != Status::Received, "{status:?}");
        }
    }
}
