//! `/api/v1/organizations/{id}/crm` and what an organisation sees of its automations on the platform surface.

use crate::harness::{Harness, admin, apply, key, of_acme, platform_key, read, waited_run};
use contracts::identity::Principal;
use reqwest::Method;
use serde_json::{Value, json};

/// A key of acme's own.
fn acme() -> Principal {
    platform_key("acme", &["leads:read"], "acme")
}

async fn asked(crm: &Harness, key: &Principal, method: Method, path: &str, body: &Value) -> (u16, Value) {
    let request = crm.service.request(key, method, path);
    let request = if body.is_null() { request } else { request.json(body) };
    read(request.send().await.unwrap()).await
}

async fn get(crm: &Harness, key: &Principal, rest: &str) -> (u16, Value) {
    asked(crm, key, Method::GET, &of_acme(rest), &Value::Null).await
}

#[tokio::test]
async fn an_organisation_reads_its_records_as_the_crm_surface_shows_them() {
    let crm = Harness::start().await;
    let ada = json!({"name": "Ada", "email": "ada@example.com", "job_title": "Boss", "metadata": {"a": "b"}});
    let ada = crm.make("/leads", ada).await;
    let id = ada["id"].as_str().unwrap();
    assert_eq!(get(&crm, &acme(), &format!("/crm/leads/{id}")).await, (200, ada.clone()));
    for kind in ["products", "customers"] {
        let made = crm.make(&format!("/{kind}"), json!({"name": "One"})).await;
        let path = format!("/crm/{kind}/{}", made["id"].as_str().unwrap());
        assert_eq!(get(&crm, &acme(), &path).await, (200, made.clone()));
        let (status, page) = get(&crm, &acme(), &format!("/crm/{kind}?status=active")).await;
        assert_eq!((status, &page["data"]), (200, &json!([made])));
        assert_eq!(get(&crm, &acme(), &format!("/crm/{kind}?status=inactive")).await.1["data"], json!([]));
        assert_eq!(
            get(&crm, &acme(), &format!("/crm/{kind}/{id}")).await.0,
            404,
            "a lead is no other record"
        );
    }
    crm.make("/leads", json!({"name": "Bob", "status": "qualified"})).await;
    for (query, names) in [
        ("sort=name", vec!["Ada", "Bob"]),
        ("sort=-name", vec!["Bob", "Ada"]),
        ("status=qualified", vec!["Bob"]),
        ("sort=name&page=&limit=&status=&search=&updated_since=", vec!["Ada", "Bob"]),
        ("search=EXAMPLE", vec!["Ada"]),
        ("updated_since=2100-01-01T00:00:00Z", vec![]),
    ] {
        let (status, page) = get(&crm, &acme(), &format!("/crm/leads?{query}")).await;
        let found: Vec<_> = page["data"].as_array().unwrap().iter().map(|lead| &lead["name"]).collect();
        assert_eq!(
            (status, found),
            (200, names.iter().map(|name| json!(name)).collect::<Vec<_>>().iter().collect())
        );
        assert_eq!(page["pagination"]["total"], names.len());
    }
    let (_, first) = get(&crm, &acme(), "/crm/leads?sort=name&limit=1&cursor=").await;
    assert_eq!((&first["data"][0]["name"], &first["pagination"]["totalPages"]), (&json!("Ada"), &json!(2)));
    let cursor = first["pagination"]["nextCursor"].as_str().unwrap();
    let (_, second) = get(&crm, &acme(), &format!("/crm/leads?sort=name&limit=1&cursor={cursor}")).await;
    assert_eq!(
        (&second["data"][0]["name"], &second["pagination"]["nextCursor"]),
        (&json!("Bob"), &Value::Null)
    );
    let (status, body) = get(&crm, &acme(), "/crm/leads?sort=email&cursor=x").await;
    let fields = body["details"]["fields"].as_array().unwrap();
    let paths: Vec<_> = fields.iter().map(|field| field["path"].as_str().unwrap()).collect();
    assert_eq!((status, paths), (400, vec!["sort", "cursor"]));
}

#[tokio::test]
async fn nothing_is_read_or_done_without_the_scope_or_in_anothers_name() {
    let crm = Harness::start().await;
    let lead = crm.make("/leads", json!({"name": "Ada"})).await;
    let applied = apply(&crm, "Greet", "lead_created", json!([{"convert_lead": {}}])).await;
    let (lead, automation) = (lead["id"].as_str().unwrap(), applied["id"].as_str().unwrap());
    let unknown = "0197c2a0-0000-7000-8000-000000000000";
    let reads = [
        "/crm/leads".to_owned(),
        format!("/crm/leads/{lead}"),
        "/crm/products".to_owned(),
        "/crm/customers".to_owned(),
        "/automations".to_owned(),
        format!("/automations/{automation}"),
        format!("/automations/{automation}/runs"),
        format!("/automations/{automation}/runs/{unknown}"),
    ];
    let foreign = platform_key("globex", &["leads:read"], "globex");
    for path in &reads {
        // The gateway vouches for globex alone.
        assert_eq!(get(&crm, &foreign, path).await.0, 404, "{path}");
        assert_eq!(get(&crm, &platform_key("acme", &["clients:write"], "acme"), path).await.0, 403, "{path}");
        assert_eq!(get(&crm, &key("acme"), path).await.0, 403, "{path}: a key of another surface");
        let expected = if path.ends_with(unknown) { 404 } else { 200 };
        assert_eq!(get(&crm, &acme(), path).await.0, expected, "{path}");
    }
    let globex = |rest: &str| reads_of("globex", rest);
    for rest in [
        format!("/crm/leads/{lead}"),
        format!("/automations/{automation}"),
        format!("/automations/{automation}/runs"),
        "/crm/leads/rubbish".to_owned(),
        "/automations/rubbish".to_owned(),
        format!("/automations/{automation}/runs/rubbish"),
    ] {
        let path = globex(&rest);
        assert_eq!(asked(&crm, &foreign, Method::GET, &path, &Value::Null).await.0, 404, "{path}");
    }
    assert_eq!(
        asked(&crm, &foreign, Method::GET, &globex("/crm/leads"), &Value::Null).await.1["data"],
        json!([])
    );
    for (method, rest, body) in [
        (Method::PUT, "/automations".to_owned(), json!({"name": "x"})),
        (Method::POST, "/automations/validate".to_owned(), json!({"file": ""})),
        (Method::PATCH, format!("/automations/{automation}"), json!({"active": false})),
        (Method::POST, format!("/automations/{automation}/runs"), json!({"subject": lead})),
        (Method::POST, format!("/automations/{automation}/runs/{unknown}/replay"), Value::Null),
    ] {
        let writer = platform_key("acme", &["leads:write"], "acme");
        let path = of_acme(&rest);
        assert_eq!(asked(&crm, &writer, method.clone(), &path, &body).await.0, 403, "{path}");
        let operator = platform_key("platform", &["platform:admin"], "globex");
        assert_eq!(asked(&crm, &operator, method, &path, &body).await.0, 404, "{path}");
    }
}

fn reads_of(organization: &str, rest: &str) -> String {
    format!("/api/v1/organizations/{}{rest}", testkit::callers::organization_id(organization))
}

#[tokio::test]
async fn a_file_is_looked_at_without_being_applied() {
    let crm = Harness::start().await;
    let validate = async |file: &str| {
        let path = of_acme("/automations/validate");
        let (status, verdict) = asked(&crm, &admin(), Method::POST, &path, &json!({"file": file})).await;
        assert_eq!(status, 200, "{verdict}");
        verdict
    };
    let broken = "name: Greet\ntrigger:\n  type: lead_created\nsteps:\n  - condition: {if: data.source ==}\n  \
                  - delay: {for: soon}\n";
    let verdict = validate(broken).await;
    let places = |verdict: &Value| {
        let problems = verdict["problems"].as_array().unwrap().clone();
        problems.iter().map(|one| (one["line"].as_u64().unwrap(), one["path"].clone())).collect::<Vec<_>>()
    };
    assert_eq!(
        (verdict["valid"].clone(), places(&verdict)),
        (json!(false), vec![(5, json!("steps.0.condition.if")), (6, json!("steps.1.delay.for"))])
    );
    let verdict = validate("name: [\n").await;
    assert_eq!((verdict["valid"].clone(), &verdict["problems"][0]["path"]), (json!(false), &json!("")));
    let refused = "name: Call\ntrigger: {type: lead_created}\nsteps:\n\
                   - http_request:\n    url: ftp://example.com\n";
    assert_eq!(places(&validate(refused).await), [(5, json!("steps.0.http_request.url"))]);
    for body in [json!({}), json!({"file": 1}), json!([])] {
        let path = of_acme("/automations/validate");
        assert_eq!(asked(&crm, &admin(), Method::POST, &path, &body).await.0, 400, "{body}");
    }

    let sound = "# A comment.\nname: Greet\ntrigger: {type: lead_created}\nsteps:\n- set_metadata: {a: \"${data.id}\"}\n";
    let verdict = validate(sound).await;
    assert_eq!((&verdict["action"], &verdict["current"]), (&json!("create"), &Value::Null));
    assert_eq!(crm.count("automations").await, 0, "nothing is stored");
    let definition = &verdict["definition"];
    let (status, made) = asked(&crm, &admin(), Method::PUT, &of_acme("/automations"), definition).await;
    assert_eq!(status, 201);
    let verdict = validate(sound).await;
    assert_eq!((&verdict["action"], &verdict["automationId"]), (&json!("none"), &made["id"]));
    let changed = validate(&format!("{sound}- convert_lead: {{}}\n")).await;
    assert_eq!((&changed["action"], &changed["current"]), (&json!("update"), definition));
    assert_eq!(changed["definition"]["steps"].as_array().unwrap().len(), 2);

    let path = format!("/automations/{}", made["id"].as_str().unwrap());
    let (_, shown) = get(&crm, &acme(), &path).await;
    let written = shown["file"].as_str().unwrap();
    assert!(written.starts_with("organization: acme\nname: Greet\n"), "{written}");
    assert_eq!(validate(written).await["action"], "none", "it is the file that makes what there is");
}

#[tokio::test]
async fn an_automation_is_switched_off_and_on() {
    let crm = Harness::start().await;
    let applied = apply(&crm, "Greet", "lead_created", json!([{"convert_lead": {}}])).await;
    let path = of_acme(&format!("/automations/{}", applied["id"].as_str().unwrap()));
    for active in [false, false, true] {
        let body = json!({"active": active});
        let (status, switched) = asked(&crm, &admin(), Method::PATCH, &path, &body).await;
        assert_eq!((status, &switched["active"]), (200, &json!(active)));
    }
    for body in [json!({}), json!({"active": "no"}), json!({"active": null})] {
        let (status, refused) = asked(&crm, &admin(), Method::PATCH, &path, &body).await;
        assert_eq!((status, &refused["details"]["fields"][0]["path"]), (400, &json!("active")));
    }
    let path = of_acme("/automations/000000000000000000000000");
    assert_eq!(asked(&crm, &admin(), Method::PATCH, &path, &json!({"active": true})).await.0, 404);
}

#[tokio::test]
async fn a_run_is_shown_with_the_steps_and_the_data_that_it_began_with() {
    let crm = Harness::start().await;
    let steps = json!([{"condition": {"if": "data.source == \"web\""}}, {"convert_lead": {}}]);
    let applied = apply(&crm, "Greet", "lead_created", steps.clone()).await;
    let lead = crm.make("/leads", json!({"name": "Ada", "source": "shop"})).await;
    let path = of_acme(&format!("/automations/{}/runs", applied["id"].as_str().unwrap()));
    let subject = json!({"subject": lead["id"]});
    let (_, started) = asked(&crm, &admin(), Method::POST, &path, &subject).await;
    waited_run(&crm, &applied, |run| run["state"] == "completed").await;
    let rest = format!("{path}/{}", started["id"].as_str().unwrap());
    let (status, run) = asked(&crm, &acme(), Method::GET, &rest, &Value::Null).await;
    assert_eq!((status, &run["steps"], &run["data"]["name"]), (200, &steps, &json!("Ada")));
    assert_eq!((&run["log"][0]["outcome"], &run["subject"]), (&json!("stopped"), &lead["id"]));
    let other = apply(&crm, "Other", "lead_created", steps).await;
    let path = of_acme(&format!(
        "/automations/{}/runs/{}",
        other["id"].as_str().unwrap(),
        started["id"].as_str().unwrap()
    ));
    assert_eq!(asked(&crm, &acme(), Method::GET, &path, &Value::Null).await.0, 404, "of another automation");
}
