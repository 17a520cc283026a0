//! What breaks with what was published is noticed, and cannot be published by generating once more.

use reference::compatibility::{Broken, Facts, LedgerError, breaks, current, facts, grown, parse, render};
use reference::events::EVENTS;
use serde_json::{Value, json};

const LEDGER: &str = include_str!("../../../../proto/events/released.txt");
const LEAD: &str = "intake.lead.created.v1";
const DEAD: &str = "webhook.delivery.dead_lettered.v1";

/// The facts of an event after a change of both its schemas.
fn after(event: &str, change: impl Fn(&mut Value)) -> Facts {
    let kind = EVENTS.iter().find(|kind| kind.routing_key == event).unwrap();
    let (mut written, mut readable) = (kind.schema(), kind.readable());
    change(&mut written);
    change(&mut readable);
    let mut all = current();
    all.retain(|(name, _), _| name != event);
    all.extend(facts(event, &written, &readable));
    all
}

/// What breaks with a change, as `place: what`.
fn broken_by(event: &str, change: impl Fn(&mut Value)) -> Vec<(String, Broken)> {
    let breaks = breaks(&current(), &after(event, change));
    assert!(breaks.iter().all(|one| one.event == event), "{breaks:?}");
    breaks.into_iter().map(|one| (one.place, one.what)).collect()
}

fn forms<const N: usize>(forms: [&str; N]) -> std::collections::BTreeSet<String> {
    forms.into_iter().map(str::to_owned).collect()
}

fn place(name: &str, what: Broken) -> Vec<(String, Broken)> {
    vec![(name.to_owned(), what)]
}

fn data(schema: &mut Value) -> &mut Value {
    &mut schema["properties"]["data"]
}

fn drop_member(object: &mut Value, name: &str) -> Value {
    object["required"].as_array_mut().unwrap().retain(|one| one != name);
    object["properties"].as_object_mut().unwrap().remove(name).unwrap()
}

#[test]
fn the_ledger_has_every_fact_of_today_and_nothing_that_no_longer_holds() {
    let released = parse(LEDGER).unwrap();
    assert_eq!(breaks(&released, &current()), []);
    assert_eq!(released, current(), "write it anew: cargo run -p reference");
    assert_eq!(render(&released), LEDGER);
}

#[test]
fn a_member_that_is_removed_or_renamed_breaks() {
    let removed = broken_by(LEAD, |schema| {
        drop_member(data(schema), "partner_slug");
    });
    assert_eq!(removed, place("data.partner_slug", Broken::Removed));
    let renamed = broken_by(LEAD, |schema| {
        let member = drop_member(data(schema), "status");
        data(schema)["properties"]["state"] = member;
        data(schema)["required"].as_array_mut().unwrap().push(json!("state"));
    });
    let expected = [place("data.state", Broken::NowRequired), place("data.status", Broken::Removed)].concat();
    assert_eq!(renamed, expected);
}

#[test]
fn another_type_or_format_breaks() {
    let retyped =
        broken_by(DEAD, |schema| data(schema)["properties"]["attempts"] = json!({"type": "string"}));
    assert_eq!(retyped, place("data.attempts", Broken::Narrowed(forms(["integer(uint32)"]))));
    let untied = broken_by(LEAD, |schema| {
        data(schema)["properties"]["lead_id"].as_object_mut().unwrap().remove("format");
    });
    assert_eq!(untied, place("data.lead_id", Broken::Narrowed(forms(["string(uuid)"]))));
    let nullable = broken_by(LEAD, |schema| {
        data(schema)["properties"]["status"]["type"] = json!(["string", "null"]);
    });
    assert_eq!(nullable, place("data.status", Broken::Widened(forms(["null"]))));
}

#[test]
fn a_value_less_and_a_value_more_of_an_enumeration_break() {
    let values = |schema: &mut Value, keep: &dyn Fn(&mut Vec<Value>)| {
        keep(data(schema)["properties"]["reason"]["oneOf"].as_array_mut().unwrap());
    };
    let narrowed =
        broken_by(DEAD, |schema| values(schema, &|all| all.retain(|one| one["const"] != "expired")));
    assert_eq!(narrowed, place("data.reason", Broken::Narrowed(forms(["\"expired\""]))));
    let widened = broken_by(DEAD, |schema| {
        values(schema, &|all| all.push(json!({"type": "string", "const": "bored"})));
    });
    assert_eq!(widened, place("data.reason", Broken::Widened(forms(["\"bored\""]))));
}

#[test]
fn a_member_that_may_be_missing_now_or_that_old_messages_lack_breaks() {
    let freed = broken_by(LEAD, |schema| {
        data(schema)["required"].as_array_mut().unwrap().retain(|one| one != "status");
    });
    assert_eq!(freed, place("data.status", Broken::MayBeMissing));
    let new = broken_by(LEAD, |schema| {
        data(schema)["properties"]["priority"] = json!({"type": "string"});
        data(schema)["required"].as_array_mut().unwrap().push(json!("priority"));
    });
    assert_eq!(new, place("data.priority", Broken::NowRequired));
    let tightened = broken_by(LEAD, |schema| {
        let customer = &mut data(schema)["properties"]["customer"];
        customer["required"].as_array_mut().unwrap().push(json!("email"));
    });
    assert_eq!(tightened, place("data.customer.email", Broken::NowRequired));
}

#[test]
fn an_event_that_is_gone_breaks_and_a_new_major_beside_the_old_one_does_not() {
    let mut less = current();
    less.retain(|(event, _), _| event != LEAD);
    let found = breaks(&current(), &less);
    assert_eq!(found.iter().map(ToString::to_string).collect::<Vec<_>>(), [format!("{LEAD} is gone")]);
    let mut more = current();
    let kind = EVENTS.iter().find(|kind| kind.routing_key == LEAD).unwrap();
    let mut second = kind.schema();
    drop_member(data(&mut second), "partner_slug");
    more.extend(facts("intake.lead.created.v2", &second, &second));
    assert_eq!(breaks(&current(), &more), []);
}

#[test]
fn an_optional_addition_is_taken_down_and_counts_from_then_on() {
    let added = after(LEAD, |schema| {
        data(schema)["properties"]["region"] = json!({
            "type": "object", "properties": {"code": {"type": "string"}}, "required": ["code"],
        });
    });
    assert_eq!(breaks(&current(), &added), []);
    let ledger = grown(LEDGER, &added).unwrap();
    assert_eq!(parse(&ledger).unwrap(), added);
    let Err(LedgerError::Broken(breaks)) = grown(&ledger, &current()) else { panic!("taken back") };
    assert_eq!(breaks.len(), 2, "{breaks:?}");
}

#[test]
fn generating_once_more_publishes_no_break_and_a_ledger_that_was_edited_is_refused() {
    let broken = after(LEAD, |schema| {
        drop_member(data(schema), "partner_slug");
    });
    let refusal = grown(LEDGER, &broken).unwrap_err().to_string();
    assert!(
        refusal.contains("data.partner_slug is gone") && refusal.contains("new major version"),
        "{refusal}"
    );
    let line = LEDGER.lines().find(|line| line.contains("data.partner_slug")).unwrap();
    let edited = LEDGER.replacen(&format!("{line}\n"), "", 1);
    assert_eq!(grown(&edited, &broken), Err(LedgerError::Tampered));
    assert_eq!(grown("", &current()), Err(LedgerError::Tampered));
}
