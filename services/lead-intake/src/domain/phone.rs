//! Phone numbers: kept as they were sent, and in E.164 where they can be parsed.

use phonenumber::{Mode, country, metadata::DATABASE};

/// The longest E.164 number, plus sign and digits (ITU-T E.164 §6.1), and generous room for punctuation.
const LONGEST: usize = 64;

/// A phone number of a customer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Phone {
    raw: String,
    e164: Option<String>,
}

impl Phone {
    /// Never refuses: what cannot be parsed (default region US) is kept as it is.
    pub fn new(raw: &str) -> Self {
        Self { raw: raw.to_owned(), e164: e164(raw) }
    }

    pub fn raw(&self) -> &str {
        &self.raw
    }

    /// `+15125550100`, or `None` when the number cannot be parsed or is not valid in its region.
    pub fn e164(&self) -> Option<&str> {
        self.e164.as_deref()
    }
}

fn e164(raw: &str) -> Option<String> {
    if raw.len() > LONGEST {
        return None;
    }
    let number = phonenumber::parse_with(&DATABASE, Some(country::US), raw).ok()?;
    phonenumber::is_valid(&number).then(|| number.format().mode(Mode::E164).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_without_a_country_are_american_and_punctuation_does_not_matter() {
        for raw in ["(512) 232-1234", "512-232-1234", "+1 512 232 1234", "15122321234"] {
            assert_eq!(Phone::new(raw).e164(), Some("+15122321234"), "{raw}");
        }
        assert_eq!(Phone::new("+44 20 7946 0958").e164(), Some("+442079460958"));
    }

    #[test]
    fn what_is_no_number_is_kept_without_e164() {
        for raw in ["", "call me", "123", "+", "5".repeat(500).as_str()] {
            let phone = Phone::new(raw);
            assert_eq!((phone.raw(), phone.e164()), (raw, None));
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_taken(raw in ".*") {
            assert_eq!(Phone::new(&raw).raw(), raw);
        }
    }
}
