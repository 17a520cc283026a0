//! The writes of each surface: what is sent, what makes it safe to send again, and what must follow.

use super::ledger::{Audience, Effect, Write};
use super::world::Tenant;
use crate::partner::lead;
use contracts::Surface;
use platform::clock::Clock;
use reqwest::Method;
use serde_json::{Value, json};

/// Events of one ingest batch.
const BATCH: usize = 3;
/// People whom the ingest events are about.
const WORKERS: usize = 12;
const EVENT_TYPES: [&str; 3] = ["policy.created", "ticket.resolved", "call.ended"];

fn mark() -> String {
    testkit::unique_id().to_string()
}

/// The next write of a surface, by one of two organisations in turn.
pub fn next(surface: Surface, number: usize, tenants: &[Tenant]) -> Write {
    let tenant = number % tenants.len();
    match surface {
        Surface::Partner => partner_lead(tenant, &tenants[tenant]),
        Surface::Ingest if number % 10 == 9 => snapshot(tenant, number),
        Surface::Ingest => batch(tenant, number),
        Surface::Crm => record(tenant, number / tenants.len()),
        Surface::Lex => message(tenant, number, tenants),
        Surface::Platform => client(tenant, &tenants[tenant]),
    }
}

/// A change of what a write has made, for every third lead of the CRM and every third client.
pub fn change(write: &Write, number: usize, answer: &Value) -> Option<Write> {
    let mark = mark();
    let (what, method, path, body, effects) = match write.what {
        "crm lead" if number.is_multiple_of(3) => (
            "crm lead change",
            Method::PATCH,
            format!("/api/v1/leads/{}", answer["data"]["id"].as_str()?),
            json!({"data": {"job_title": mark}}),
            vec![Effect::new(Audience::Platform(write.tenant), "lead.updated", &mark)],
        ),
        "client" if number.is_multiple_of(3) => (
            "client change",
            Method::PUT,
            format!("/api/v1/api-clients/{}", answer["id"].as_str()?),
            json!({"contactEmail": format!("{mark}@example.com")}),
            Vec::new(),
        ),
        _ => return None,
    };
    let key = (method == Method::PATCH).then(|| mark.clone());
    let (surface, tenant) = (write.surface, write.tenant);
    Some(Write { surface, tenant, what, method, path, body, key, marks: vec![mark], effects })
}

fn partner_lead(tenant: usize, who: &Tenant) -> Write {
    let body = lead();
    let mark = body["correlation_id"].as_str().unwrap().to_owned();
    let kinds = ["lead.created", "lead.dispatched", "lead.completed"];
    Write {
        surface: Surface::Partner,
        tenant,
        what: "partner lead",
        method: Method::POST,
        path: format!("/api/v1/partners/{}/leads", who.partner.slug),
        body,
        key: None,
        effects: kinds.map(|kind| Effect::new(Audience::Leads(tenant), kind, &mark)).to_vec(),
        marks: vec![mark],
    }
}

fn worker(number: usize) -> String {
    format!("worker{}@example.com", number % WORKERS)
}

fn batch(tenant: usize, number: usize) -> Write {
    let marks: Vec<_> = (0..BATCH).map(|_| mark()).collect();
    let kind = |index: usize| EVENT_TYPES[(number + index) % EVENT_TYPES.len()];
    let events = marks.iter().enumerate().map(|(index, mark)| {
        json!({
            "eventType": kind(index), "category": "other", "actor": {"email": worker(number + index)},
            "metadata": {"mark": mark},
        })
    });
    let body = json!({"events": events.collect::<Vec<_>>()});
    let effects = marks.iter().enumerate();
    let effects = effects.map(|(index, mark)| Effect::new(Audience::Platform(tenant), kind(index), mark));
    let effects = effects.collect();
    ingest(tenant, "ingest batch", "events", body, marks, effects)
}

fn snapshot(tenant: usize, number: usize) -> Write {
    let mark = mark();
    let body = json!({
        "snapshotType": "tickets_open", "actor": {"email": worker(number)},
        "timestamp": Clock::system().now().to_rfc3339(), "metrics": {"open": number % 100},
        "metadata": {"mark": mark},
    });
    let effects = vec![Effect::new(Audience::Platform(tenant), "snapshot.accepted", &mark)];
    ingest(tenant, "ingest snapshot", "snapshots", body, vec![mark], effects)
}

fn ingest(
    tenant: usize,
    what: &'static str,
    operation: &str,
    body: Value,
    marks: Vec<String>,
    effects: Vec<Effect>,
) -> Write {
    Write {
        surface: Surface::Ingest,
        tenant,
        what,
        method: Method::POST,
        path: format!("/api/v1/ingest/{operation}"),
        body,
        key: Some(marks[0].clone()),
        marks,
        effects,
    }
}

/// Three leads to a customer and a product.
fn record(tenant: usize, number: usize) -> Write {
    let mark = mark();
    let (what, resource, data, kind) = match number % 5 {
        3 => {
            ("crm customer", "customers", json!({"name": "Grace Hopper", "notes": mark}), "customer.created")
        }
        4 => (
            "crm product",
            "products",
            json!({"name": format!("Product {mark}"), "description": mark}),
            "product.created",
        ),
        _ => (
            "crm lead",
            "leads",
            json!({"name": "Grace Hopper", "source": "web", "metadata": {"mark": mark}}),
            "lead.created",
        ),
    };
    Write {
        surface: Surface::Crm,
        tenant,
        what,
        method: Method::POST,
        path: format!("/api/v1/{resource}"),
        body: json!({"data": data}),
        key: Some(mark.clone()),
        effects: vec![Effect::new(Audience::Platform(tenant), kind, &mark)],
        marks: vec![mark],
    }
}

/// A lead from one organisation to the other, about somebody of whom nothing was said before.
fn message(tenant: usize, number: usize, tenants: &[Tenant]) -> Write {
    let mark = mark();
    let lead = json!({
        "leadId": format!("LEAD-{mark}"), "status": "SHOPPING", "leadType": "PRIMARY",
        "source": "RETAILER_WEBSITE",
        "customer": {
            "firstName": "Grace", "lastName": format!("Hopper {mark}"),
            "emailAddress": format!("{mark}@example.com"), "phoneNumber": format!("+1512555{number:07}"),
        },
        "desiredProduct": {"productType": "VEHICLE", "model": "Roadster", "year": 2026},
        "metadata": {"countryCode": "US"},
    });
    let body = json!({"lex": {
        "header": {
            "messageId": mark, "messageType": "LEAD", "version": "1.0",
            "timestamp": Clock::system().now().to_rfc3339(), "senderId": tenants[tenant].lex_id,
            "receiverId": tenants[(tenant + 1) % tenants.len()].lex_id,
        },
        "payload": {"lead": lead},
    }});
    Write {
        surface: Surface::Lex,
        tenant,
        what: "lex message",
        method: Method::POST,
        path: "/v1/messages".to_owned(),
        body,
        key: None,
        effects: vec![Effect::new(Audience::Lex, "lex", &mark)],
        marks: vec![mark],
    }
}

fn client(tenant: usize, who: &Tenant) -> Write {
    let mark = mark();
    let body = json!({
        "organizationId": who.partner.organization_id, "name": mark, "redirectUris": [],
        "contactEmail": "ops@example.com",
    });
    Write {
        surface: Surface::Platform,
        tenant,
        what: "client",
        method: Method::POST,
        path: "/api/v1/api-clients".to_owned(),
        body,
        key: Some(mark.clone()),
        marks: vec![mark],
        effects: Vec::new(),
    }
}
