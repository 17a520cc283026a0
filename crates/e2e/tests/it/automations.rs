//! Automations from the author's file, through the gateway, to the last step of every run.

use e2e::partner::{Partner, new_slug};
use e2e::system::System;
use reqwest::Method;
use serde_json::{Value, json};
use signing::{Secret, standard};
use sqlx::{Connection, PgConnection};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;
use testkit::receiver::{Received, Receiver, Reply};
use testkit::{eventually, eventually_within};

const CRM: contracts::Service = contracts::Service::CrmResources;
const LEADS: usize = 4;
/// Restarts and leases take their time.
const PATIENCE: Duration = Duration::from_secs(30);

/// A company with a key of the CRM, in a system of its own.
struct Company {
    system: System,
    partner: Partner,
    key: String,
}

impl Company {
    async fn begin(settings: &[(&str, &str)]) -> Self {
        let system = System::start(settings);
        let (url, admin) = (system.address("LEADWIRE_URL"), system.address("LEADWIRE_ADMIN_KEY"));
        let partner = Partner::sign_up(url, admin, &new_slug("automations")).await;
        let body = json!({"clientId": partner.client_id, "name": "crm", "surface": "crm", "rateLimitOverride": 100_000});
        let request = testkit::http().post(format!("{url}/api/v1/api-keys")).bearer_auth(admin);
        let (status, key) = testkit::answer(request.json(&body)).await;
        assert_eq!(status, 201, "{key}");
        let key = key["key"].as_str().unwrap().to_owned();
        Self { system, partner, key }
    }

    /// An answer to the company's key, with the `ETag`.
    async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> (Value, Option<String>) {
        let url = format!("{}/api/v1{path}", self.system.address("LEADWIRE_URL"));
        let request = testkit::http().request(method, url).bearer_auth(&self.key);
        let request = if let Some(body) = body { request.json(body) } else { request };
        let response = request.send().await.unwrap();
        let tag = response.headers().get("etag").map(|tag| tag.to_str().unwrap().to_owned());
        let (status, answer) = testkit::read(response).await;
        assert!((200..300).contains(&status), "{path}: {status} {answer}");
        (answer["data"].clone(), tag)
    }

    async fn get(&self, path: &str) -> Value {
        self.call(Method::GET, path, None).await.0
    }

    async fn lead(&self, job_title: &str) -> String {
        let lead = json!({"name": "Grace", "job_title": job_title, "source": "web"});
        let (lead, _) = self.call(Method::POST, "/leads", Some(&json!({"data": lead}))).await;
        lead["id"].as_str().unwrap().to_owned()
    }

    /// What `leadwire automation` prints, and whether it succeeded.
    fn automation(&self, arguments: &[&str]) -> (bool, String) {
        let output = self.system.leadwire(&[&["automation"], arguments].concat());
        let printed = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8(printed).unwrap())
    }

    /// [`Self::automation`] about the one that is called Greet.
    fn greet(&self, command: &str, more: &[&str]) -> String {
        let about = [command, "--organization", &self.partner.slug, "Greet"];
        let (done, printed) = self.automation(&[&about, more].concat());
        assert!(done, "{command}: {printed}");
        printed
    }

    /// Applies an automation of these steps; what is printed.
    fn apply(&self, steps: &str) -> (bool, String) {
        let file = File::new(&format!(
            "organization: {}\nname: Greet\ntrigger: {{type: lead_created}}\nsteps:\n{steps}",
            self.partner.slug
        ));
        self.automation(&["apply", file.0.to_str().unwrap()])
    }

    /// How many of something there are in the database of the company's runs.
    async fn count(&self, query: &'static str) -> usize {
        usize::try_from(self.system.count(query, &self.partner.organization_id).await).unwrap()
    }

    /// Waits until so many steps wait for a lock in a statement like this, and kills the service then.
    async fn kill_when_blocked(&self, statement: &str, count: usize) {
        let blocked = "select count(*) from pg_stat_activity
                       where usename = 'leadwire_crm_resources' and wait_event_type = 'Lock' and query like $1";
        let count = i64::try_from(count).unwrap();
        eventually_within(PATIENCE, statement, async || {
            (self.system.count(blocked, statement).await >= count).then_some(())
        })
        .await;
        self.system.signal(CRM, "KILL");
    }

    /// Keeps everybody else from changing leads, until the connection is closed.
    async fn locked_leads(&self) -> PgConnection {
        let mut connection = PgConnection::connect(self.system.address("DATABASE_URL")).await.unwrap();
        sqlx::query("begin").execute(&mut connection).await.unwrap();
        sqlx::query("select 1 from crm_resources.leads where organization_id = $1::uuid for update")
            .bind(&self.partner.organization_id)
            .execute(&mut connection)
            .await
            .unwrap();
        connection
    }
}

/// A file that goes with the test.
struct File(PathBuf);

impl File {
    fn new(text: &str) -> Self {
        let path = std::env::temp_dir().join(format!("leadwire-{}.yaml", testkit::unique_id().simple()));
        std::fs::write(&path, text).unwrap();
        Self(path)
    }
}

impl Drop for File {
    fn drop(&mut self) {
        std::fs::remove_file(&self.0).ok();
    }
}

/// The secret that `apply` shows once.
fn secret_of(printed: &str) -> Secret {
    let at = printed.find("whsec_").unwrap();
    Secret::new(printed[at..].split(',').next().unwrap().to_owned())
}

fn header<'r>(request: &'r Received, name: &str) -> &'r str {
    request.header(name).unwrap()
}

#[tokio::test]
async fn an_automation_survives_sigkill_in_every_step_and_does_everything_once() {
    let company = Company::begin(&[("LEADWIRE_CRM_RESOURCES__AUTOMATIONS__LEASE", "2s")]).await;
    let receiver = Receiver::start().await;
    receiver.always(Reply::Hang);
    let (done, printed) = company.apply(&format!(
        "  - condition: {{if: 'data.job_title.contains(\"Manager\")'}}\n\
         \x20 - set_metadata: {{greeted: \"yes\", by: \"${{data.source}}\"}}\n\
         \x20 - http_request: {{url: \"{}\", body: {{lead: \"${{data.id}}\"}}}}\n\
         \x20 - delay: {{for: 4s}}\n  - convert_lead: {{}}\n",
        receiver.url("/hook")
    ));
    assert!(done && printed.starts_with("created "), "{printed}");

    // Killed while it starts the runs: nothing of them is there, and the messages come again.
    let mut held = PgConnection::connect(company.system.address("DATABASE_URL")).await.unwrap();
    for statement in ["begin", "lock table crm_resources.automation_runs in share row exclusive mode"] {
        sqlx::query(statement).execute(&mut held).await.unwrap();
    }
    let mut leads = BTreeSet::new();
    for _ in 0..LEADS {
        leads.insert(company.lead("Sales Manager").await);
    }
    company.lead("Clerk").await;
    company.kill_when_blocked("insert into automation_runs%", 1).await;
    let locked = company.locked_leads().await;
    held.close().await.unwrap();
    company.system.up();

    // In the second step, behind the condition.
    company.kill_when_blocked("%from leads%for update", LEADS).await;
    locked.close().await.unwrap();
    company.system.up();

    // In the third, while the receiver has the request and has not answered.
    eventually_within(PATIENCE, "the requests", async || (receiver.received().len() == LEADS).then_some(()))
        .await;
    company.system.signal(CRM, "KILL");
    receiver.always(Reply::Status(204));
    company.system.up();

    // In the fourth, while it waits.
    eventually_within(PATIENCE, "runs that wait", async || {
        let waiting = "select count(*) from crm_resources.automation_runs
                       where organization_id = $1::uuid and position = 4 and next_at > now()";
        (company.count(waiting).await == LEADS).then_some(())
    })
    .await;
    company.system.signal(CRM, "KILL");
    let locked = company.locked_leads().await;
    company.system.up();

    // In the last.
    company.kill_when_blocked("%from leads%for update", LEADS).await;
    locked.close().await.unwrap();
    company.system.up();

    let automation = company.get("/automations").await[0]["id"].as_str().unwrap().to_owned();
    let runs = eventually_within(PATIENCE, "the end of all runs", async || {
        let runs = company.get(&format!("/automations/{automation}/runs")).await;
        let runs = runs.as_array().unwrap().clone();
        runs.iter().all(|run| run["state"] == "completed").then_some(runs)
    })
    .await;
    assert_eq!(runs.len(), LEADS + 1);
    for run in runs.iter().filter(|run| leads.contains(run["subject"].as_str().unwrap())) {
        let log = run["log"].as_array().unwrap();
        let of = |entry: &Value| (entry["position"].as_u64().unwrap(), entry["outcome"] == "done");
        let taken: Vec<_> = log.iter().map(of).collect();
        assert_eq!(taken, (0..5).map(|position| (position, true)).collect::<Vec<_>>(), "{run}");
    }
    for id in &leads {
        let (lead, tag) = company.call(Method::GET, &format!("/leads/{id}"), None).await;
        assert_eq!(
            (&lead["metadata"], &lead["converted"]),
            (&json!({"greeted": "yes", "by": "web"}), &json!(true))
        );
        assert_eq!(tag.as_deref(), Some("\"3\""), "made, greeted, converted: {lead}");
    }
    assert_eq!(company.get("/customers").await.as_array().unwrap().len(), LEADS, "one for each");
    let secret = secret_of(&printed);
    let mut ids: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for request in receiver.received() {
        let (id, time) = (header(&request, "webhook-id"), header(&request, "webhook-timestamp"));
        let signature = header(&request, "webhook-signature");
        standard::verify(id, time, signature, &request.body, &secret, time.parse().unwrap()).unwrap();
        let lead = request.json()["lead"].as_str().unwrap().to_owned();
        ids.entry(lead).or_default().insert(id.to_owned());
    }
    assert_eq!(ids.keys().cloned().collect::<BTreeSet<_>>(), leads);
    assert!(ids.values().all(|ids| ids.len() == 1), "{ids:?}");
    assert_eq!(company.system.depth("crm-resources.automations.dlq").await, 0);
}

#[tokio::test]
async fn an_author_applies_watches_runs_and_replays_through_the_gateway() {
    let company = Company::begin(&[]).await;
    let receiver = Receiver::start().await;
    receiver.next([Reply::Status(503), Reply::Status(404)]);
    let steps = format!("  - http_request: {{url: \"{}\"}}\n", receiver.url("/"));
    let (done, printed) = company.apply("  - jump: 1\n");
    assert!(!done && printed.contains("steps.0"), "{printed}");
    let (done, printed) = company.apply(&steps);
    assert!(done && printed.starts_with("created ") && printed.contains("whsec_"), "{printed}");
    let (done, printed) = company.apply(&steps);
    assert!(done && printed.starts_with("up to date ") && !printed.contains("whsec_"), "{printed}");
    let (done, listed) = company.automation(&["list", "--organization", &company.partner.slug]);
    assert!(done && listed.contains("active  lead_created  1 step(s)  Greet"), "{listed}");
    let shown: Value = serde_json::from_str(&company.greet("show", &[])).unwrap();
    assert_eq!(shown["steps"], json!([{"http_request": {"url": receiver.url("/"), "body": null}}]));

    let lead = company.lead("Manager").await;
    let breakers = async || {
        let url = format!("{}/metrics", company.system.ops_address(CRM));
        let metrics = testkit::http().get(url).send().await.unwrap().text().await.unwrap();
        let line = metrics.lines().find_map(|line| line.strip_prefix("leadwire_automation_breakers_open "));
        line.map(str::to_owned)
    };
    eventually("an open breaker", async || (breakers().await.as_deref() == Some("1")).then_some(())).await;
    assert!(company.greet("runs", &["--state", "pending"]).contains("answered 503"));
    let dead = eventually_within(PATIENCE, "a dead letter", async || {
        let dead = company.greet("runs", &["--state", "dead_letter"]);
        dead.contains(&format!("dead_letter  step 0/1  {lead}  answered 404")).then_some(dead)
    })
    .await;
    assert_eq!(breakers().await.as_deref(), Some("0"));
    let run = dead.split_whitespace().next().unwrap();
    assert_eq!(company.greet("replay", &[run]), format!("run {run} goes on\n"));
    eventually("its end", async || {
        company.greet("runs", &["--state", "completed"]).contains(run).then_some(())
    })
    .await;
    assert!(company.greet("run", &[&lead]).ends_with(" started\n"));
    eventually("both runs", async || {
        (company.greet("runs", &["--state", "completed"]).lines().count() == 2).then_some(())
    })
    .await;
    assert_eq!(receiver.received().len(), 4);

    company
        .call(
            Method::PATCH,
            &format!("/automations/{}", shown["id"].as_str().unwrap()),
            Some(&json!({"data": {"active": false}})),
        )
        .await;
    let url = format!(
        "{}/api/v1/audit-log?organizationId={}",
        company.system.address("LEADWIRE_URL"),
        company.partner.organization_id
    );
    let admin = company.system.address("LEADWIRE_ADMIN_KEY");
    let (_, log) = testkit::answer(testkit::http().get(url).bearer_auth(admin)).await;
    let actions: Vec<_> =
        log["data"].as_array().unwrap().iter().map(|entry| entry["action"].as_str().unwrap()).collect();
    assert_eq!(
        actions[..5],
        [
            "automation.updated",
            "automation.run_started",
            "automation.run_replayed",
            "automation.applied",
            "automation.applied"
        ]
    );
}
