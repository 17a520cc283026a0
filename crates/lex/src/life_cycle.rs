//! The states of a lead and what may follow what (LEX reference §2.1).

/// Where a lead stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    Cart,
    TestDriveRequested,
    TestDriveCompleted,
    Shopping,
    Exploring,
    TradeIn,
    ExpressedInterest,
    Reservation,
    AppointmentRequest,
    InNegotiation,
    Order,
    OrderConfirmed,
    InDelivery,
    Delivered,
    Archived,
}

impl Status {
    pub const ALL: [Self; 15] = [
        Self::Cart,
        Self::TestDriveRequested,
        Self::TestDriveCompleted,
        Self::Shopping,
        Self::Exploring,
        Self::TradeIn,
        Self::ExpressedInterest,
        Self::Reservation,
        Self::AppointmentRequest,
        Self::InNegotiation,
        Self::Order,
        Self::OrderConfirmed,
        Self::InDelivery,
        Self::Delivered,
        Self::Archived,
    ];

    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == name)
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cart => "CART",
            Self::TestDriveRequested => "TEST_DRIVE_REQUESTED",
            Self::TestDriveCompleted => "TEST_DRIVE_COMPLETED",
            Self::Shopping => "SHOPPING",
            Self::Exploring => "EXPLORING",
            Self::TradeIn => "TRADE_IN",
            Self::ExpressedInterest => "EXPRESSED_INTEREST",
            Self::Reservation => "RESERVATION",
            Self::AppointmentRequest => "APPOINTMENT_REQUEST",
            Self::InNegotiation => "IN_NEGOTIATION",
            Self::Order => "ORDER",
            Self::OrderConfirmed => "ORDER_CONFIRMED",
            Self::InDelivery => "IN_DELIVERY",
            Self::Delivered => "DELIVERED",
            Self::Archived => "ARCHIVED",
        }
    }

    /// Whether the customer still wants something: a delivered or archived lead is history.
    pub fn is_active(self) -> bool {
        !matches!(self, Self::Delivered | Self::Archived)
    }

    /// What may follow it other than itself and [`Status::Archived`], which always may.
    fn onward(self) -> &'static [Self] {
        use Status as S;
        match self {
            S::Cart => &[S::Shopping, S::Exploring, S::TestDriveRequested],
            S::Shopping => &[
                S::Cart,
                S::Exploring,
                S::TestDriveRequested,
                S::ExpressedInterest,
                S::AppointmentRequest,
                S::Order,
            ],
            S::Exploring => &[S::Shopping, S::TradeIn, S::ExpressedInterest],
            S::TestDriveRequested => &[S::Shopping, S::TestDriveCompleted, S::ExpressedInterest],
            S::TestDriveCompleted | S::TradeIn => &[S::Shopping, S::Exploring, S::ExpressedInterest],
            S::ExpressedInterest => {
                &[S::Shopping, S::TradeIn, S::Reservation, S::AppointmentRequest, S::InNegotiation, S::Order]
            }
            S::Reservation => &[S::Shopping, S::AppointmentRequest, S::InNegotiation],
            S::AppointmentRequest => &[S::Shopping, S::Exploring, S::ExpressedInterest, S::InNegotiation],
            S::InNegotiation => &[S::Shopping, S::Exploring, S::Order],
            S::Order => &[S::OrderConfirmed, S::InDelivery, S::Delivered],
            S::OrderConfirmed => &[S::Order, S::InDelivery, S::Delivered],
            S::InDelivery => &[S::Delivered],
            S::Delivered | S::Archived => &[],
        }
    }
}

/// Whether a lead that stands at `from` may be said to stand at `to`.
pub fn may_follow(from: Status, to: Status) -> bool {
    from == to || to == Status::Archived || from.onward().contains(&to)
}

/// All that may follow, in the order of the life cycle.
pub fn followers(from: Status) -> impl Iterator<Item = Status> {
    Status::ALL.into_iter().filter(move |to| may_follow(from, *to))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seventy_three_of_the_225_pairs_are_allowed() {
        assert_eq!(Status::ALL.into_iter().flat_map(followers).count(), 73);
        let each: Vec<usize> = Status::ALL.into_iter().map(|from| followers(from).count()).collect();
        assert_eq!(each, [5, 5, 5, 8, 5, 5, 8, 5, 6, 5, 5, 5, 3, 2, 1]);
    }

    #[test]
    fn nothing_goes_back_from_an_order_to_the_search() {
        let ordered = [Status::Order, Status::OrderConfirmed, Status::InDelivery, Status::Delivered];
        for from in ordered {
            for to in followers(from) {
                assert!(
                    ordered.contains(&to) || to == Status::Archived,
                    "{} to {}",
                    from.as_str(),
                    to.as_str()
                );
            }
        }
        assert!(!may_follow(Status::Delivered, Status::InNegotiation));
    }

    #[test]
    fn names_are_read_back() {
        for status in Status::ALL {
            assert_eq!(Status::parse(status.as_str()), Some(status));
        }
        assert_eq!(Status::parse("ABANDONED"), None);
        assert_eq!(Status::parse("order"), None);
    }
}
