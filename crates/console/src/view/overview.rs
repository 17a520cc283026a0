//! How deliveries stand, and how the last day went.

use super::layout::live;
use super::{Frame, number, parts, rows, text, time, times};
use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use maud::{Markup, html};
use serde_json::Value;

/// What the API says; `None` where the key may not ask.
#[derive(Debug)]
pub struct Figures {
    pub pending: Option<Value>,
    pub dead: Option<Value>,
    pub dead_by_hour: Option<Value>,
    pub delivered_by_hour: Option<Value>,
}

pub fn page(frame: &Frame<'_>, figures: &Figures, organizations: &[(String, String)], asked: &str) -> Markup {
    let content = match figures {
        Figures { pending: Some(pending), dead: Some(dead), dead_by_hour, delivered_by_hour } => {
            let (given_up, delivered) =
                (hours(dead_by_hour.as_ref(), frame.now), hours(delivered_by_hour.as_ref(), frame.now));
            let last_hour = delivered_by_hour.as_ref().map_or(0, |hours| number(hours, "/lastHour"));
            html! {
                div.figures {
                    (parts::figure("Delivered", &rate(last_hour), "per second", &html! {
                        (times::count(last_hour)) " in the last hour"
                    }))
                    (parts::figure("Pending", &times::count(number(pending, "/total")), "deliveries", &html! {
                        "due now, or waiting for their next try"
                    }))
                    (parts::figure("Oldest pending", &age(pending, frame.now), "", &html! {
                        @if let Some(oldest) = time(pending, "/oldest") { "since " (times::time(Some(oldest), frame.now)) }
                        @else { "nothing waits" }
                    }))
                    (parts::figure("Dead letters", &times::count(number(dead, "/total")), "deliveries", &html! {
                        a href="/console/dead-letters" { (times::count(number(dead, "/lastHour"))) " in the last hour" }
                    }))
                }
                h2 { "The last 24 hours" }
                (parts::bars("Delivered, by the hour", &delivered))
                (parts::bars("Given up, by the hour", &given_up))
                h2 { "Why deliveries were given up" }
                (groups(dead))
                h2 { "What is pending" }
                (groups(pending))
            }
        }
        _ => parts::nothing("This key lacks the scope webhooks:read, so how deliveries stand is not shown."),
    };
    live(
        frame,
        "Overview",
        Some(30),
        &html! {
            h1 { "Overview" }
            (super::events::of_organization(frame, "/console", organizations, asked))
            (content)
        },
    )
}

/// So many in an hour, by the second.
fn rate(in_an_hour: i64) -> String {
    let hundredths = in_an_hour * 100 / 3_600;
    format!("{}.{:02}", times::count(hundredths / 100), hundredths % 100)
}

fn age(pending: &Value, now: DateTime<Utc>) -> String {
    time(pending, "/oldest").map_or_else(|| "–".to_owned(), |oldest| times::length(now - oldest))
}

/// Groups of deliveries, largest first.
fn groups(stats: &Value) -> Markup {
    if rows(stats).is_empty() {
        return parts::nothing("None.");
    }
    html! {
        div.scroll tabindex="0" {
            table {
                thead { tr { th { (text(stats, "/by")) } th.number { "Deliveries" } th.number { "In the last hour" } } }
                tbody {
                    @for group in rows(stats) {
                        tr {
                            td { (text(group, "/key")) }
                            td.number { (times::count(number(group, "/count"))) }
                            td.number { (times::count(number(group, "/lastHour"))) }
                        }
                    }
                }
            }
        }
    }
}

/// The counts of the last 24 hours, hour by hour, those without any included.
pub fn hours(stats: Option<&Value>, now: DateTime<Utc>) -> Vec<(String, i64)> {
    let this = now.duration_trunc(TimeDelta::hours(1)).unwrap_or(now);
    let known = |hour: DateTime<Utc>| {
        let same = |group: &&Value| time(group, "/key") == Some(hour);
        stats.and_then(|stats| rows(stats).iter().find(same)).map_or(0, |group| number(group, "/count"))
    };
    let hours = (0..24).rev().map(|back| this - TimeDelta::hours(back));
    hours.map(|hour| (hour.format("%d %b %H:00 UTC").to_string(), known(hour))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn hours_without_deliveries_are_shown_as_well() {
        let now = DateTime::UNIX_EPOCH + TimeDelta::minutes(60 * 30 + 5);
        let stats = json!({"data": [{"key": "1970-01-02T05:00:00Z", "count": 7}]});
        let hours = hours(Some(&stats), now);
        assert_eq!(hours.len(), 24);
        assert_eq!(hours[22], ("02 Jan 05:00 UTC".to_owned(), 7));
        assert_eq!(hours.iter().map(|(_, count)| count).sum::<i64>(), 7);
    }

    #[test]
    fn a_rate_has_two_decimals() {
        assert_eq!([rate(0), rate(3_600), rate(90)], ["0.00", "1.00", "0.02"]);
    }
}
