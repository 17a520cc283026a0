//! The rules of a SUBSCRIPTION, in both of its forms, and of the capabilities that it may declare (CAP-*).

use super::findings::{Findings, rejecting, shown};
use crate::code;
use crate::events::Event;
use crate::header::MessageType;
use crate::node::Node;
use crate::subscription::is_active;
use crate::verdict::Issue;

const STATUSES: [&str; 5] = ["ACTIVE", "PAUSED", "INACTIVE", "CANCELLED", "PENDING_CONFIRMATION"];
const ACTIONS: [&str; 4] = ["SUBSCRIBE", "UNSUBSCRIBE", "UPDATE", "TEST"];
/// What may be asked for and does not happen here, and the wish for everything.
const OTHER_EVENTS: [&str; 9] = [
    "ALL",
    "VALIDATION_ERROR",
    "QUOTA_WARNING",
    "QUOTA_EXCEEDED",
    "MAINTENANCE_WINDOW",
    "SYSTEM_ALERT",
    "ANALYTICS_REPORT",
    "PERFORMANCE_ALERT",
    "ACKNOWLEDGMENT_RECEIVED",
];
const FILTERS: [&str; 5] = ["productTypes", "leadStatuses", "regions", "senderIds", "geographies"];
const BLOCKS: [&str; 20] = [
    "deduplication",
    "consentRecord",
    "leadIntelligence",
    "aiInsights",
    "financialSummary",
    "captiveFinance",
    "dealLineage",
    "structuredNotes",
    "dataGovernance",
    "evSpecifications",
    "fleetOrder",
    "partExchange",
    "procurementFinancing",
    "extensions",
    "organizationContext",
    "aviationLead",
    "maritimeLead",
    "heavyEquipmentLead",
    "realEstateLead",
    "technologyLead",
];

pub fn check(body: &Node<'_>, found: &mut Findings<'_>) {
    found.identifier(&body.get("subscriptionId"));
    let (action, status) = (body.get("action"), body.get("status"));
    found.one_of(&action, &ACTIONS, code::INVALID_ENUM_VALUE);
    found.one_of(&status, &STATUSES, code::INVALID_ENUM_VALUE);
    if !action.given() {
        found.require(&body.get("subscriberId"));
        found.require(&status);
    }
    events(&body.get("eventTypes"), is_active(body), found);
    let filters = body.get("filters");
    if found.object(&filters) {
        // A filter that could not be read would let everything through.
        for name in FILTERS {
            let list = filters.get(name);
            if found.array(&list) {
                for item in list.items() {
                    found.text(&item);
                }
            }
        }
    }
    found.text(&body.get("deliveryEndpoint"));
    let methods = body.get("deliveryMethods");
    if found.array(&methods) {
        for method in methods.items().filter(|method| method.get("method").text() == Some("WEBHOOK")) {
            let destination = method.get("destination");
            if found.require(&destination) {
                found.text(&destination);
            }
        }
    }
    capabilities(&body.get("systemCapabilities"), found);
}

fn events(events: &Node<'_>, needed: bool, found: &mut Findings<'_>) {
    if events.present() && !found.array(events) {
        return;
    }
    if needed && events.count() == 0 {
        let message = "a subscription asks for at least one type of event";
        found.add(Issue::error(events.field(), code::REQUIRED_FIELD_MISSING, message));
    }
    for event in events.items() {
        let is_known = |name: &str| Event::parse(name).is_some() || OTHER_EVENTS.contains(&name);
        if !event.text().is_some_and(is_known) {
            let message = format!("{} is no type of event", shown(&event));
            let issue = Issue::error(event.field(), code::INVALID_ENUM_VALUE, message);
            let allowed: Vec<&str> = Event::ALL.map(Event::as_str).into_iter().chain(OTHER_EVENTS).collect();
            found.add(rejecting(issue, &event).with("allowedValues", allowed));
        }
    }
}

fn capabilities(declared: &Node<'_>, found: &mut Findings<'_>) {
    if !found.object(declared) {
        return;
    }
    let version = declared.get("lexVersion");
    if found.require_as(&version, "CAP-001") && !version.text().is_some_and(is_semver) {
        found.error(&version, "CAP-002", "not a semantic version such as 1.0.0");
    }
    let level = declared.get("conformanceLevel");
    if found.require_as(&level, "CAP-003") {
        found.one_of(&level, &["L1", "L2", "L3"], "CAP-003");
    }
    let types = declared.get("supportedMessageTypes");
    if types.count() == 0 {
        found.error(&types, "CAP-004", "at least one type of message is supported");
    }
    for item in types.items() {
        found.one_of(&item, &MessageType::NAMES, "CAP-004");
    }
    found.time_as(&declared.get("lastUpdated"), "CAP-005");
    let unsupported = declared.get("unsupportedBlocks");
    let without_lineage = unsupported.items().any(|block| block.text() == Some("dealLineage"));
    if level.text() == Some("L2") && without_lineage {
        found.advise(&unsupported, "CAP-006", "level 2 keeps the lineage of deals");
    }
    for block in declared.get("supportedBlocks").items().chain(unsupported.items()) {
        if !block.text().is_some_and(|name| BLOCKS.contains(&name)) {
            found.advise(&block, "CAP-008", "the standard has no block of that name");
        }
    }
}

/// `MAJOR.MINOR.PATCH`, with what may follow after `-` and `+` (SemVer 2.0.0 §2, §9, §10).
pub fn is_semver(text: &str) -> bool {
    let is_number = |part: &str| {
        let digits = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        digits && (part == "0" || !part.starts_with('0'))
    };
    let is_word = |part: &str| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    let is_prerelease =
        |part: &str| is_word(part) && (is_number(part) || !part.bytes().all(|byte| byte.is_ascii_digit()));
    let (rest, build) = text.split_once('+').map_or((text, None), |(rest, build)| (rest, Some(build)));
    let (core, prerelease) = rest.split_once('-').map_or((rest, None), |(core, pre)| (core, Some(pre)));
    core.split('.').count() == 3
        && core.split('.').all(is_number)
        && prerelease.is_none_or(|pre| pre.split('.').all(is_prerelease))
        && build.is_none_or(|build| build.split('.').all(is_word))
}

#[cfg(test)]
mod tests {
    use super::is_semver;

    #[test]
    fn semantic_versions_are_told_from_others() {
        for good in ["1.0.0", "0.10.3", "1.2.3-rc.1", "1.2.3-0a", "1.2.3+build.7", "1.0.0-x-y.z+01"] {
            assert!(is_semver(good), "{good}");
        }
        for bad in ["", "1", "1.0", "1.0.0.0", "01.0.0", "1.0.0-", "1.0.0-01", "1.0.0+", "v1.0.0", "1.0.x"] {
            assert!(!is_semver(bad), "{bad}");
        }
    }
}
