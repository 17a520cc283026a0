//! A person who is to be forgotten, and what is left of a message then.

use lex::Message;
use lex::header::{self, MessageType};
use serde_json::{Map, Value};

/// The digits of a phone number that count when it is written without its country.
const NATIONAL_DIGITS: usize = 10;

/// What a person is known by. Either will do.
#[derive(Clone, Debug)]
pub struct Person {
    /// In lower case.
    pub email: Option<String>,
    /// E.164.
    pub phone: Option<String>,
}

impl Person {
    /// Whether a LEAD is about this person.
    pub fn is_customer_of(&self, message: &Message) -> bool {
        let customer = message.document().pointer("/lex/payload/lead/customer");
        let text = |name: &str| customer.and_then(|customer| customer.get(name)).and_then(Value::as_str);
        let emails = [text("emailAddress"), text("email")];
        let numbers = customer.and_then(|customer| customer.get("phoneNumbers")).and_then(Value::as_array);
        let numbers = numbers.into_iter().flatten().filter_map(|number| number.get("number")?.as_str());
        let mut phones = [text("phoneNumber"), text("phone")].into_iter().flatten().chain(numbers);
        let by_email = self.email.as_deref().is_some_and(|email| {
            emails.into_iter().flatten().any(|sent| sent.trim().to_lowercase() == email)
        });
        by_email || self.phone.as_deref().is_some_and(|phone| phones.any(|sent| is_same(phone, sent)))
    }
}

/// Whether a number that somebody wrote down is this one.
fn is_same(phone: &str, written: &str) -> bool {
    let digits = |text: &str| -> String { text.chars().filter(char::is_ascii_digit).collect() };
    let (phone, sent) = (digits(phone), digits(written));
    sent == phone
        || (!written.trim_start().starts_with('+')
            && sent.len() >= NATIONAL_DIGITS
            && phone.ends_with(sent.trim_start_matches('0')))
}

/// What remains of a message about a lead whose customer is forgotten. `None` when there is nothing to take out.
pub fn stripped(message: &Message) -> Option<Message> {
    let (key, kept): (_, &[&str]) = match header::of_type(message)? {
        MessageType::Lead => ("lead", &["leadId", "status", "leadType", "source"]),
        MessageType::LeadClosure => {
            ("leadClosure", &["originalLeadId", "closureStatus", "leadCreatedDate", "leadClosureDate"])
        }
        MessageType::Asset | MessageType::Acknowledgment | MessageType::Subscription => return None,
    };
    let body = message.payload()?.get(key)?.as_object()?;
    let left: Map<String, Value> = kept
        .iter()
        .filter_map(|&name| {
            Some((name.to_owned(), body.get(name).filter(|value| value.is_string())?.clone()))
        })
        .collect();
    let header = message.lex()?.get("header")?;
    let lex = serde_json::json!({"header": header, "payload": {key: left}});
    let bare = Message::new(serde_json::json!({"lex": lex})).ok()?;
    (bare != *message).then_some(bare)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn lead(customer: &Value) -> Message {
        let lead = json!({"leadId": "L-1", "status": "SHOPPING", "customer": customer, "note": "secret"});
        let header = json!({"messageType": "LEAD"});
        Message::new(json!({"lex": {"header": header, "payload": {"lead": lead}}})).unwrap()
    }

    #[test]
    fn a_person_is_known_by_address_or_number_however_written() {
        let person = Person { email: Some("ada@example.com".into()), phone: Some("+15125550143".into()) };
        for customer in [
            json!({"emailAddress": " Ada@Example.com"}),
            json!({"email": "ada@example.com"}),
            json!({"phoneNumber": "+1 (512) 555-0143"}),
            json!({"phone": "512 555 0143"}),
            json!({"phoneNumbers": [{"number": "x"}, {"number": "15125550143"}]}),
        ] {
            assert!(person.is_customer_of(&lead(&customer)), "{customer}");
        }
        for customer in [json!({"emailAddress": "eva@example.com"}), json!({"phone": "0143"}), json!(7)] {
            assert!(!person.is_customer_of(&lead(&customer)), "{customer}");
        }
    }

    #[test]
    fn ids_and_statuses_are_what_is_left() {
        let bare = stripped(&lead(&json!({"email": "ada@example.com"}))).unwrap();
        assert_eq!(
            bare.document()["lex"]["payload"],
            json!({"lead": {"leadId": "L-1", "status": "SHOPPING"}})
        );
        assert_eq!(stripped(&bare), None);
    }
}
