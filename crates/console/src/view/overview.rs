//! How deliveries stand, how the services are, and how the last day went.

use super::layout::streamed;
use super::{Frame, number, parts, rows, text, time, times};
use chrono::{DateTime, Utc};
use maud::{Markup, html};
use serde_json::Value;

/// What the API says; `None` where the key may not ask.
#[derive(Debug)]
pub struct Figures {
    pub summary: Option<Value>,
    pub dead: Option<Value>,
    /// For administrators.
    pub services: Option<Value>,
}

pub fn page(frame: &Frame<'_>, figures: &Figures, organizations: &[(String, String)], asked: &str) -> Markup {
    let stream = super::events::again("/console/live/overview", &[], "organization", asked);
    streamed(
        frame,
        "Overview",
        Some(&stream),
        &html! {
            h1 { "Overview" }
            (super::events::of_organization(frame, "/console", organizations, asked))
        },
        &content(frame, figures),
    )
}

/// What is brought up to date.
pub fn content(frame: &Frame<'_>, figures: &Figures) -> Markup {
    let Some(summary) = &figures.summary else {
        return parts::nothing(
            "This key lacks the scope webhooks:read, so how deliveries stand is not shown.",
        );
    };
    html! {
        (now(frame, summary))
        @if let Some(services) = &figures.services {
            h2 { "Services" }
            (health(services))
        }
        h2 { "The last 24 hours" }
        (charts(summary))
        h2 { "Why deliveries were given up" }
        @if let Some(dead) = &figures.dead { (groups(dead)) }
    }
}

fn now(frame: &Frame<'_>, summary: &Value) -> Markup {
    let up_to = number(summary, "/countedUpTo");
    let counted = |name: &str| {
        let count = number(summary, name);
        // What is counted up to a bound may be more.
        if count >= up_to { format!("{} or more", times::count(count)) } else { times::count(count) }
    };
    let in_a_day: i64 = series(summary, "/deadLettered").iter().map(|(_, count)| count).sum();
    html! {
        div.figures {
            (parts::figure("Accepted", &per_second(number(summary, "/acceptedLastMinute")), "per second", &html! {
                (times::count(number(summary, "/acceptedLastMinute"))) " events in the last minute"
            }))
            (parts::figure("Delivered", &per_second(number(summary, "/deliveredLastMinute")), "per second", &html! {
                (times::count(number(summary, "/deliveredLastMinute"))) " deliveries in the last minute"
            }))
            (parts::figure("Due", &counted("/due"), "deliveries", &html! {
                (counted("/pending")) " pending, now or later"
            }))
            (parts::figure("Oldest due", &age(summary, frame.now), "", &html! {
                @if let Some(oldest) = time(summary, "/oldestDueAt") { "since " (times::time(Some(oldest), frame.now)) }
                @else { "nothing waits" }
            }))
            (parts::figure("Dead letters", &counted("/deadLetters"), "deliveries", &html! {
                a href="/console/dead-letters" { (times::count(in_a_day)) " in 24 hours" }
            }))
        }
    }
}

/// So many in a minute, by the second.
fn per_second(in_a_minute: i64) -> String {
    let hundredths = in_a_minute * 100 / 60;
    format!("{}.{:02}", times::count(hundredths / 100), hundredths % 100)
}

fn age(summary: &Value, now: DateTime<Utc>) -> String {
    time(summary, "/oldestDueAt").map_or_else(|| "–".to_owned(), |oldest| times::length(now - oldest))
}

fn health(services: &Value) -> Markup {
    html! {
        div.scroll tabindex="0" {
            table {
                thead { tr { th { "Service" } th { "Status" } th { "Replica" } th.number { "Answered in" } th { "What is wrong" } } }
                tbody {
                    @for service in rows(services) {
                        @for (index, replica) in list(service, "replicas").iter().enumerate() {
                            tr {
                                td { @if index == 0 { (text(service, "/service")) } }
                                td { (parts::status(text(replica, "/status"))) }
                                td { code { (text(replica, "/address")) } }
                                td.number { (times::count(number(replica, "/tookMs"))) " ms" }
                                td.said { (problems(replica)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn problems(replica: &Value) -> Markup {
    let checks = list(replica, "checks");
    let wrong: Vec<_> = checks.iter().filter(|check| !check["problem"].is_null()).collect();
    html! {
        @if wrong.is_empty() { span.muted { "nothing" } }
        @for check in wrong { div { strong { (text(check, "/name")) ": " } (text(check, "/problem")) } }
    }
}

fn list<'v>(value: &'v Value, name: &str) -> &'v [Value] {
    value[name].as_array().map_or(&[], Vec::as_slice)
}

/// The hours of a summary, as charts.
pub fn charts(summary: &Value) -> Markup {
    html! {
        @if !summary["acceptedLastMinute"].is_null() {
            (parts::bars("Events accepted, by the hour", &series(summary, "/accepted")))
        }
        (parts::bars("Delivered, by the hour", &series(summary, "/delivered")))
        (parts::bars("Requests that failed, by the hour", &series(summary, "/failed")))
        (parts::bars("Given up, by the hour", &series(summary, "/deadLettered")))
    }
}

fn series(summary: &Value, name: &str) -> Vec<(String, i64)> {
    let label = |hour: &Value| {
        time(hour, "/hour").map_or_else(String::new, |hour| hour.format("%d %b %H:00 UTC").to_string())
    };
    list(summary, "hours").iter().map(|hour| (label(hour), number(hour, name))).collect()
}

/// Groups of deliveries, largest first.
fn groups(stats: &Value) -> Markup {
    if rows(stats).is_empty() {
        return parts::nothing("None were.");
    }
    html! {
        div.scroll tabindex="0" {
            table {
                thead { tr { th { "Reason" } th.number { "Deliveries" } th.number { "In the last hour" } th { "Newest" } } }
                tbody {
                    @for group in rows(stats) {
                        tr {
                            td { (text(group, "/key")) }
                            td.number { (times::count(number(group, "/count"))) }
                            td.number { (times::count(number(group, "/lastHour"))) }
                            td { time datetime=(text(group, "/newest")) { (text(group, "/newest").get(..19).unwrap_or_default().replace('T', " ")) " UTC" } }
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_rate_has_two_decimals() {
        assert_eq!([per_second(0), per_second(60), per_second(1)], ["0.00", "1.00", "0.01"]);
    }

    #[test]
    fn a_series_has_each_hour_with_its_count() {
        let summary = json!({"hours": [{"hour": "2026-11-22T05:00:00Z", "delivered": 7}]});
        assert_eq!(series(&summary, "/delivered"), [("22 Nov 05:00 UTC".to_owned(), 7)]);
    }
}
