//! The rules of a lead's customer: a first name and a way to reach them.

use super::findings::{Findings, rejecting};
use crate::code;
use crate::node::Node;
use crate::verdict::Issue;

const LONGEST_EMAIL: usize = 254;

pub fn check(customer: &Node<'_>, found: &mut Findings<'_>) {
    let first_name = customer.get("firstName");
    if found.require(&first_name) {
        found.text(&first_name);
    }
    found.text(&customer.get("lastName"));
    let emails = [customer.get("emailAddress"), customer.get("email")];
    let phones = [customer.get("phoneNumber"), customer.get("phone")];
    let numbers = customer.get("phoneNumbers");
    let reachable = emails.iter().chain(&phones).any(Node::given)
        || numbers.items().any(|entry| entry.get("number").given());
    if !reachable {
        let field = customer.get("emailAddress").field();
        let message = "an e-mail address or a phone number is required";
        found.add(Issue::error(field, code::REQUIRED_FIELD_MISSING, message));
    }
    for email in emails.iter().filter(|email| email.given()) {
        check_email(email, code::INVALID_EMAIL_FORMAT, found);
    }
    for phone in phones.iter().filter(|phone| phone.given()) {
        check_phone(phone, found);
    }
    let address = customer.get("address");
    found.object(&address);
}

pub fn check_email(email: &Node<'_>, code: &str, found: &mut Findings<'_>) {
    if found.text(email) && !email.text().is_some_and(is_email) {
        let issue = Issue::error(email.field(), code, "not an e-mail address");
        found.add(rejecting(issue, email).suggesting("write it as name@host.example"));
    }
}

fn check_phone(phone: &Node<'_>, found: &mut Findings<'_>) {
    if found.text(phone) && !phone.text().is_some_and(is_phone) {
        let message = "not a phone number: 7 to 15 digits, at least 10 where the country code is left out";
        let issue = Issue::error(phone.field(), code::INVALID_PHONE_FORMAT, message);
        found.add(rejecting(issue, phone).suggesting("write it with its country code (E.164): +14155551234"));
    }
}

/// One `@`, no blanks, and a dot within the host. More would refuse addresses that work.
fn is_email(text: &str) -> bool {
    let Some((name, host)) = text.split_once('@') else { return false };
    let dot_within = host.char_indices().any(|(at, letter)| letter == '.' && at > 0 && at + 1 < host.len());
    let clean = !text.chars().any(char::is_whitespace) && !host.contains('@');
    !name.is_empty() && dot_within && clean && text.chars().count() <= LONGEST_EMAIL
}

fn is_phone(text: &str) -> bool {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let least = if text.trim_start().starts_with('+') { 7 } else { 10 };
    (least..=15).contains(&digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_needs_a_name_one_at_and_a_host_with_a_dot() {
        for good in ["a@b.c", "jürgen+x@büro.example", "a.b@c.d.e", "a@b..c"] {
            assert!(is_email(good), "{good}");
        }
        let long = format!("{}@b.example", "a".repeat(250));
        for bad in ["", "a", "@b.c", "a@b", "a@.c", "a@b.", "a@@b.c", "a@b@c.d", "a b@c.d", "a@b.c ", &long] {
            assert!(!is_email(bad), "{bad}");
        }
    }

    #[test]
    fn a_number_needs_so_many_digits() {
        for good in ["+1415555", "+1 (415) 555-1234", "4155551234", "+123456789012345"] {
            assert!(is_phone(good), "{good}");
        }
        for bad in ["", "123", "+141555", "415555123", "+1234567890123456", "call me"] {
            assert!(!is_phone(bad), "{bad}");
        }
    }
}
