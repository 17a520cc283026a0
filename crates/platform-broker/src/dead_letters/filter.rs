//! Which dead letters are meant.

use super::Facts;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// What a dead letter has to be to be meant; without any of these, every one is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Filter {
    /// This message alone, by its id or by that of an event in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// One of these messages, by its id or by that of an event in it; any, when there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ids: Vec<String>,
    /// Events of this type.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Of this organisation, by its id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// That died at this moment or later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<DateTime<Utc>>,
    /// That died before this moment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<DateTime<Utc>>,
    /// With this kind of failure, or with these words in the error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl Filter {
    pub fn wants(&self, letter: &Facts) -> bool {
        self.id.as_ref().is_none_or(|id| letter.answers_to(id))
            && (self.ids.is_empty() || self.ids.iter().any(|id| letter.answers_to(id)))
            && self.kind.as_ref().is_none_or(|kind| letter.is_of_type(kind))
            && self.tenant.as_ref().is_none_or(|tenant| letter.is_of_tenant(tenant))
            && self.since.is_none_or(|since| letter.died.is_some_and(|died| died >= since))
            && self.until.is_none_or(|until| letter.died.is_some_and(|died| died < until))
            && self.reason.as_ref().is_none_or(|reason| letter.failed_with(reason))
    }

    /// In words, as one would give it again. Messages that were chosen one by one are counted only.
    pub fn line(&self) -> String {
        let moment = |at: &Option<DateTime<Utc>>| at.map(|at| at.to_rfc3339());
        let parts = [
            ("id", self.id.clone()),
            ("type", self.kind.clone()),
            ("tenant", self.tenant.clone()),
            ("since", moment(&self.since)),
            ("until", moment(&self.until)),
            ("reason", self.reason.clone()),
        ];
        let given = parts.into_iter().filter_map(|(name, value)| Some(format!("--{name} {:?}", value?)));
        let chosen = (!self.ids.is_empty()).then(|| format!("({} chosen messages)", self.ids.len()));
        given.chain(chosen).collect::<Vec<_>>().join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::super::inside::inside;
    use super::*;
    use serde_json::json;

    fn facts() -> Facts {
        Facts {
            id: Some("m-1".to_owned()),
            kind: Some("lead.created".to_owned()),
            tenant: Some("t-1".to_owned()),
            died: Some("2026-01-02T03:04:05Z".parse().unwrap()),
            published: None,
            reason: Some("permanent".to_owned()),
            error: Some("HubSpot refused the lead".to_owned()),
            attempts: Some(1),
            trace_id: None,
            events: Vec::new(),
        }
    }

    #[test]
    fn everything_that_is_asked_for_has_to_hold() {
        let at = |text: &str| Some(text.parse().unwrap());
        let text = |text: &str| Some(text.to_owned());
        for (filter, wanted) in [
            (Filter::default(), true),
            (Filter { id: text("m-1"), kind: text("lead.created"), ..Filter::default() }, true),
            (Filter { id: text("m-1"), kind: text("lead.completed"), ..Filter::default() }, false),
            (Filter { ids: vec!["m-0".to_owned(), "m-1".to_owned()], ..Filter::default() }, true),
            (Filter { ids: vec!["m-0".to_owned()], ..Filter::default() }, false),
            (Filter { tenant: text("t-2"), ..Filter::default() }, false),
            (Filter { since: at("2026-01-02T03:04:05Z"), ..Filter::default() }, true),
            (Filter { until: at("2026-01-02T03:04:05Z"), ..Filter::default() }, false),
            (Filter { reason: text("permanent"), ..Filter::default() }, true),
            (Filter { reason: text("hubspot"), ..Filter::default() }, true),
            (Filter { reason: text("perm"), ..Filter::default() }, false),
        ] {
            assert_eq!(filter.wants(&facts()), wanted, "{}", filter.line());
        }
    }

    #[test]
    fn an_event_in_a_message_stands_for_the_message() {
        let (id, tenant) = ("019b7d2a-1c08-7000-8000-000000000001", "t-2");
        let event = json!({"id": id, "type": "order.placed", "tenantid": tenant});
        let letter =
            Facts { events: inside(json!([{"id": "e-1"}, event]).to_string().as_bytes()), ..facts() };
        let public = format!("evt_{}", id.replace('-', ""));
        for known in ["m-1", "e-1", id, &public] {
            assert!(letter.answers_to(known), "{known}");
        }
        assert!(!letter.answers_to("019b7d2a-1c08-7000-8000-000000000002"));
        let of_type = |kind: &str| Filter { kind: Some(kind.to_owned()), ..Filter::default() };
        assert!(["lead.created", "order.placed"].iter().all(|kind| of_type(kind).wants(&letter)));
        assert!(!of_type("lead.completed").wants(&letter));
        assert!(Filter { tenant: Some(tenant.to_owned()), ..Filter::default() }.wants(&letter));
        assert_eq!((letter.size(), letter.kind_and_size().as_str()), (2, "lead.created x2"));
        assert_eq!((facts().size(), facts().kind_and_size().as_str()), (1, "lead.created"));
    }

    #[test]
    fn a_letter_whose_death_is_undated_is_not_within_a_time() {
        let undated = Facts { died: None, ..facts() };
        assert!(!Filter { since: Some(DateTime::UNIX_EPOCH), ..Filter::default() }.wants(&undated));
        assert!(Filter::default().wants(&undated));
    }
}
