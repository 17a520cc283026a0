//! Structured notes that not everyone may read (LEX reference §9, §17).

use crate::message::Message;
use serde_json::Value;

const NOTES: &str = "structuredNotes";

/// What a reader of messages is, as far as notes are concerned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reader {
    /// May have `DEALER_INTERNAL` notes.
    pub dealer: bool,
    /// May have `DMS_ONLY` notes.
    pub dms: bool,
}

impl Reader {
    /// By the organisation's LEX ids (`DEALER-…`, `RETAILER-…`, `DMS-…`) or by the type that its operator gave it
    /// (`DEALER`, `RETAILER`, `DMS`).
    pub fn of(lex_ids: &[String], organization_type: Option<&str>) -> Self {
        let is = |kind: &str| {
            organization_type.is_some_and(|given| given.eq_ignore_ascii_case(kind))
                || lex_ids.iter().any(|id| id.strip_prefix(kind).is_some_and(|rest| rest.starts_with('-')))
        };
        Self { dealer: is("DEALER") || is("RETAILER"), dms: is("DMS") }
    }

    /// A note whose visibility is missing or unknown is taken for the most confidential.
    fn may_read(self, note: &Value) -> bool {
        match note.get("visibility").and_then(Value::as_str) {
            Some("MANUFACTURER_SHARED" | "PLATFORM_SHARED" | "ALL_PARTIES") => true,
            Some("DMS_ONLY") => self.dms,
            _ => self.dealer,
        }
    }

    /// What this reader may have of a block's notes; `None`: they need not change.
    fn cut(self, notes: &Value) -> Option<Cut> {
        let Value::Array(list) = notes else {
            return (!notes.is_null() && !self.may_read(notes)).then_some(Cut::All);
        };
        let left: Vec<Value> = list.iter().filter(|note| self.may_read(note)).cloned().collect();
        match left.len() {
            all if all == list.len() => None,
            0 => Some(Cut::All),
            _ => Some(Cut::To(left)),
        }
    }
}

enum Cut {
    All,
    To(Vec<Value>),
}

/// Whether the message has notes that do not reach everyone.
pub fn are_confidential(message: &Message) -> bool {
    let blocks = message.payload().into_iter().flat_map(|payload| payload.values());
    blocks.filter_map(|block| block.get(NOTES)).any(|notes| Reader::default().cut(notes).is_some())
}

/// Takes out of the payload the notes that the reader may not have; a list that becomes empty goes with them.
pub fn strip(message: &mut Message, reader: Reader) {
    let Some(payload) =
        message.lex_mut().and_then(|lex| lex.get_mut("payload")).and_then(Value::as_object_mut)
    else {
        return;
    };
    for block in payload.values_mut().filter_map(Value::as_object_mut) {
        match block.get(NOTES).and_then(|notes| reader.cut(notes)) {
            None => {}
            Some(Cut::All) => {
                block.shift_remove(NOTES);
            }
            Some(Cut::To(left)) => {
                block.insert(NOTES.to_owned(), Value::Array(left));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const VISIBILITIES: [&str; 5] =
        ["DEALER_INTERNAL", "DMS_ONLY", "MANUFACTURER_SHARED", "PLATFORM_SHARED", "ALL_PARTIES"];

    fn ids(names: &[&str]) -> Vec<String> {
        names.iter().map(ToString::to_string).collect()
    }

    fn seen_by(reader: Reader) -> Vec<String> {
        let notes: Vec<Value> =
            VISIBILITIES.iter().map(|name| json!({"noteId": name, "visibility": name})).collect();
        let document =
            json!({"lex": {"payload": {"leadClosure": {"closureStatus": "WON", "structuredNotes": notes}}}});
        let mut message = Message::new(document).unwrap();
        assert!(are_confidential(&message));
        strip(&mut message, reader);
        let left = message.payload().unwrap()["leadClosure"]["structuredNotes"].as_array().unwrap();
        left.iter().map(|note| note["noteId"].as_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn dealers_and_dealer_systems_each_have_notes_of_their_own() {
        let dealer = Reader::of(&ids(&["RETAILER-BMW-1"]), None);
        assert_eq!(
            seen_by(dealer),
            ["DEALER_INTERNAL", "MANUFACTURER_SHARED", "PLATFORM_SHARED", "ALL_PARTIES"]
        );
        let dms = Reader::of(&ids(&["X-1"]), Some("dms"));
        assert_eq!(seen_by(dms), ["DMS_ONLY", "MANUFACTURER_SHARED", "PLATFORM_SHARED", "ALL_PARTIES"]);
        let maker = Reader::of(&ids(&["MFGR-TOYOTA-NA"]), Some("MANUFACTURER"));
        assert_eq!(seen_by(maker), ["MANUFACTURER_SHARED", "PLATFORM_SHARED", "ALL_PARTIES"]);
    }

    #[test]
    fn who_a_reader_is_follows_from_its_ids_or_its_type() {
        assert!(Reader::of(&ids(&["MFGR-1", "DEALER-ABC"]), None).dealer);
        assert!(Reader::of(&[], Some("RETAILER")).dealer);
        assert!(Reader::of(&ids(&["DMS-CDK"]), None).dms);
        assert_eq!(Reader::of(&ids(&["DEALERSHIP", "DMS", "dealer-1"]), Some("PLATFORM")), Reader::default());
    }

    #[test]
    fn what_names_no_known_visibility_stays_with_dealers() {
        for notes in [
            json!([{"body": "b"}]),
            json!([{"visibility": "dealer_internal"}]),
            json!({"body": "b"}),
            json!("b"),
        ] {
            let mut message =
                Message::new(json!({"lex": {"payload": {"lead": {"structuredNotes": notes}}}})).unwrap();
            assert!(are_confidential(&message));
            let sent = message.clone();
            strip(&mut message, Reader { dealer: true, dms: false });
            assert_eq!(message, sent);
            strip(&mut message, Reader { dealer: false, dms: true });
            assert_eq!(message.document(), &json!({"lex": {"payload": {"lead": {}}}}));
        }
    }

    #[test]
    fn an_emptied_list_goes_and_the_order_of_the_rest_stays() {
        let document = json!({"lex": {"payload": {"lead": {
            "leadId": "L", "structuredNotes": [{"visibility": "DMS_ONLY"}], "metadata": {}, "status": "CART"
        }}}});
        let mut message = Message::new(document).unwrap();
        strip(&mut message, Reader::default());
        let expected = r#"{"lex":{"payload":{"lead":{"leadId":"L","metadata":{},"status":"CART"}}}}"#;
        assert_eq!(message.document().to_string(), expected);
        assert!(!are_confidential(&message));
    }
}
