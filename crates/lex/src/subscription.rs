//! What a SUBSCRIPTION message asks for, in either of its two forms: the schema's, and the older one with an
//! `action` (LEX reference §3).

use crate::Message;
use crate::facts;
use crate::header::MessageType;
use crate::node::Node;

/// A subscription as its subscriber wishes it. What it does not say is empty or `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wish<'a> {
    pub id: Option<&'a str>,
    pub subscriber_id: Option<&'a str>,
    /// As they were sent: names that never happen on this exchange too.
    pub event_types: Vec<&'a str>,
    pub product_types: Vec<&'a str>,
    pub lead_statuses: Vec<&'a str>,
    pub regions: Vec<&'a str>,
    pub sender_ids: Vec<&'a str>,
    /// Of the first webhook that is not switched off.
    pub endpoint: Option<&'a str>,
    pub xml: Option<bool>,
    /// `false` ends it, or suspends it, which is the same here.
    pub active: bool,
}

impl<'a> Wish<'a> {
    /// `None` for a message of another type.
    pub fn read(message: &'a Message) -> Option<Self> {
        if crate::header::of_type(message)? != MessageType::Subscription {
            return None;
        }
        let body = facts::body(message, MessageType::Subscription);
        let filters = body.get("filters");
        Some(Self {
            id: body.get("subscriptionId").word(),
            subscriber_id: body.get("subscriberId").word(),
            event_types: texts(body.get("eventTypes")),
            product_types: texts(filters.get("productTypes")),
            lead_statuses: texts(filters.get("leadStatuses")),
            regions: texts(filters.either(&["regions", "geographies"])),
            sender_ids: texts(filters.get("senderIds")),
            endpoint: endpoint(&body),
            xml: xml(&body),
            active: is_active(&body),
        })
    }
}

/// Whether a SUBSCRIPTION wants to be delivered to.
pub(crate) fn is_active(body: &Node<'_>) -> bool {
    let status = body.get("status").text();
    let ended = matches!(status, Some("CANCELLED" | "INACTIVE" | "PAUSED"));
    !ended && body.get("action").text() != Some("UNSUBSCRIBE") && body.get("active").flag() != Some(false)
}

/// Where a SUBSCRIPTION wants its messages.
pub(crate) fn endpoint<'a>(body: &Node<'a>) -> Option<&'a str> {
    let is_webhook = |method: &Node<'_>| {
        method.get("method").text() == Some("WEBHOOK") && method.get("isActive").boolean() != Some(false)
    };
    let webhook = body.get("deliveryMethods").items().find(is_webhook);
    let destination = webhook.and_then(|webhook| webhook.get("destination").word());
    destination.or_else(|| body.get("deliveryEndpoint").word())
}

fn xml(body: &Node<'_>) -> Option<bool> {
    let format = body.get("notificationPreferences").get("payloadFormat").text();
    match format.or_else(|| body.get("deliveryFormat").text())? {
        "XML" | "XML_EDI" => Some(true),
        "JSON" | "JSON_EDI" => Some(false),
        _ => None,
    }
}

fn texts(list: Node<'_>) -> Vec<&str> {
    list.items().filter_map(|item| item.word()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn message(body: &Value) -> Message {
        let lex = json!({"header": {"messageType": "SUBSCRIPTION"}, "payload": {"subscription": body}});
        Message::new(json!({"lex": lex})).unwrap()
    }

    #[test]
    fn the_form_of_the_schema_is_understood() {
        let message = message(&json!({
            "subscriptionId": "SUB-2026-01", "subscriberId": "DMS-1", "status": "ACTIVE",
            "eventTypes": ["LEAD_RECEIVED", "QUOTA_WARNING"],
            "filters": {"productTypes": ["VEHICLE_NEW"], "geographies": ["US"]},
            "deliveryMethods": [
                {"method": "EMAIL", "destination": "a@b.example"},
                {"method": "WEBHOOK", "destination": "https://old.example", "isActive": false},
                {"method": "WEBHOOK", "destination": "https://hook.example"}
            ],
            "notificationPreferences": {"payloadFormat": "XML"}
        }));
        let wish = Wish::read(&message).unwrap();
        assert_eq!(wish.id, Some("SUB-2026-01"));
        assert_eq!(wish.event_types, ["LEAD_RECEIVED", "QUOTA_WARNING"]);
        assert_eq!((wish.product_types, wish.regions), (vec!["VEHICLE_NEW"], vec!["US"]));
        assert_eq!((wish.endpoint, wish.xml, wish.active), (Some("https://hook.example"), Some(true), true));
    }

    #[test]
    fn the_older_form_is_understood() {
        let body = json!({
            "subscriptionId": "SUB-2026-02", "action": "SUBSCRIBE", "eventTypes": ["ALL"],
            "deliveryEndpoint": "https://hook.example", "deliveryFormat": "JSON_EDI"
        });
        let subscribed = message(&body);
        let wish = Wish::read(&subscribed).unwrap();
        assert_eq!((wish.endpoint, wish.xml, wish.active), (Some("https://hook.example"), Some(false), true));
        for end in
            [json!({"action": "UNSUBSCRIBE"}), json!({"status": "CANCELLED"}), json!({"active": "false"})]
        {
            assert!(!Wish::read(&message(&end)).unwrap().active, "{end}");
        }
    }
}
