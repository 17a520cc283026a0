//! `leadwire automation`: authoring automations as files, and looking after their runs.

use crate::clients::gateway::{Gateway, Method, Url};
use crate::output::{Format, shown};
use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use secrecy::SecretString;
use serde_json::{Value, json};
use std::path::PathBuf;

#[derive(Debug, Args)]
pub struct Automation {
    /// The gateway.
    #[arg(long, env = "LEADWIRE_URL")]
    url: Url,
    /// A key with scope platform:admin.
    #[arg(long, env = "LEADWIRE_ADMIN_KEY", hide_env_values = true)]
    admin_key: SecretString,
    /// Answer with one JSON document.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make the automation that a YAML file describes, or give the one of this organisation and name its new form.
    Apply { file: PathBuf },
    /// Print an organisation's automations.
    List(Organization),
    /// Print an automation with its steps, as JSON.
    Show {
        #[command(flatten)]
        organization: Organization,
        name: String,
    },
    /// Print an automation's runs, newest first, up to 100.
    Runs {
        #[command(flatten)]
        organization: Organization,
        name: String,
        /// Those in this state alone.
        #[arg(long, value_parser = ["pending", "completed", "dead_letter"])]
        state: Option<String>,
        /// Print what each run has done, as JSON.
        #[arg(long)]
        log: bool,
    },
    /// Run an automation by hand for a lead, customer or product, as if its trigger had been pulled now.
    Run {
        #[command(flatten)]
        organization: Organization,
        name: String,
        /// The id of the lead, customer or product.
        subject: String,
    },
    /// Let a run that is a dead letter go on at the step where it died.
    Replay {
        #[command(flatten)]
        organization: Organization,
        name: String,
        run: String,
    },
}

#[derive(Debug, Args)]
struct Organization {
    /// The slug of the organisation.
    #[arg(long)]
    organization: String,
}

/// Carries a command out. The answer is what to print.
///
/// # Errors
/// When the file is not what it should be, or the gateway refuses.
pub async fn automation(arguments: Automation) -> anyhow::Result<String> {
    let gateway = Gateway::new(arguments.url, arguments.admin_key)?;
    let format = Format { json: arguments.json };
    match arguments.command {
        Command::Apply { file } => apply(&gateway, &file, format).await,
        Command::List(Organization { organization }) => {
            let id = gateway.organization_id(&organization).await?;
            let automations = gateway.all(&["organizations", &id, "automations"]).await?;
            let people = || automations.iter().map(line).collect();
            Ok(format.answer(&json!({"data": automations}), people))
        }
        Command::Show { organization, name } => {
            let (organization, id) = find(&gateway, &organization, &name).await?;
            let path = ["organizations", &organization, "automations", &id];
            let (_, body) = gateway.call(Method::GET, &path, &[], None).await?;
            Ok(format!("{body:#}\n"))
        }
        Command::Runs { organization, name, state, log } => {
            let (organization, id) = find(&gateway, &organization, &name).await?;
            let path = ["organizations", &organization, "automations", &id, "runs"];
            let state = state.as_deref().map(|state| ("state", state));
            let query: Vec<_> = [("limit", "100")].into_iter().chain(state).collect();
            let (_, body) = gateway.call(Method::GET, &path, &query, None).await?;
            let runs = body["data"].as_array().map(Vec::as_slice).unwrap_or_default();
            let people =
                || runs.iter().map(|run| if log { format!("{run:#}\n") } else { run_line(run) }).collect();
            Ok(format.answer(&json!({"data": runs}), people))
        }
        Command::Run { organization, name, subject } => {
            let (organization, id) = find(&gateway, &organization, &name).await?;
            let path = ["organizations", &organization, "automations", &id, "runs"];
            let (_, body) =
                gateway.call(Method::POST, &path, &[], Some(&json!({"subject": subject}))).await?;
            Ok(format.answer(&body, || format!("run {} started\n", text(&body["id"]))))
        }
        Command::Replay { organization, name, run } => {
            let (organization, id) = find(&gateway, &organization, &name).await?;
            let path = ["organizations", &organization, "automations", &id, "runs", &run, "replay"];
            let (_, body) = gateway.call(Method::POST, &path, &[], None).await?;
            Ok(format.answer(&body, || format!("run {} goes on\n", shown(&run))))
        }
    }
}

async fn apply(gateway: &Gateway, file: &PathBuf, format: Format) -> anyhow::Result<String> {
    let name = file.display();
    let text = tokio::fs::read_to_string(file).await.with_context(|| format!("{name} cannot be read"))?;
    let document: Value =
        serde_saphyr::from_str(&text).map_err(|error| anyhow::anyhow!("{name} is not YAML: {error}"))?;
    let Some(slug) = document["organization"].as_str() else { bail!("{name}: organization is required") };
    let organization = gateway.organization_id(slug).await?;
    let path = ["organizations", &organization, "automations"];
    let (status, body) =
        gateway.call(Method::PUT, &path, &[], Some(&document)).await.with_context(|| name.to_string())?;
    let people = || {
        let mut answer = format!("{} {}", if status == 201 { "created" } else { "up to date" }, line(&body));
        if let Some(secret) = body["signingSecret"].as_str() {
            answer.push_str("its requests are signed (Standard Webhooks) with ");
            answer.push_str(secret);
            answer.push_str(", which is not shown again\n");
        }
        answer
    };
    Ok(format.answer(&body, people))
}

/// The ids of an organisation and of its automation with a name.
async fn find(
    gateway: &Gateway,
    organization: &Organization,
    name: &str,
) -> anyhow::Result<(String, String)> {
    let slug = &organization.organization;
    let organization = gateway.organization_id(slug).await?;
    let automations = gateway.all(&["organizations", &organization, "automations"]).await?;
    let found = automations.iter().find(|automation| automation["name"] == name);
    let id = found.map(|automation| text(&automation["id"]).to_owned());
    Ok((organization, id.with_context(|| format!("{slug} has no automation {name:?}"))?))
}

fn line(automation: &Value) -> String {
    let state = if automation["active"] == true { "active" } else { "inactive" };
    let (id, trigger, name) =
        (text(&automation["id"]), text(&automation["triggerType"]), text(&automation["name"]));
    format!("{id}  {state}  {trigger}  {} step(s)  {}\n", automation["stepsCount"], shown(name))
}

fn run_line(run: &Value) -> String {
    let (id, state, subject) = (text(&run["id"]), text(&run["state"]), text(&run["subject"]));
    let (created, error) = (text(&run["createdAt"]), text(&run["error"]));
    let line = format!("{id}  {created}  {state}  step {}/{}  {subject}", run["position"], run["stepsCount"]);
    if error.is_empty() { format!("{line}\n") } else { format!("{line}  {}\n", shown(error)) }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_as_the_same_document_that_json_would_be() {
        let file = "organization: acme\nname: Greet\nactive: true\ntrigger: {type: lead_created}\nsteps:\n\
            \x20 - condition: {if: 'data.source == \"web\"'}\n  - set_metadata: {greeted: \"yes\"}\n\
            \x20 - delay: {for: 2s}\n  - http_request: {url: \"https://example.com/hook\", body: {lead: \"${data.id}\", n: 1}}\n\
            \x20 - convert_lead: {}\n";
        let document: Value = serde_saphyr::from_str(file).unwrap();
        assert_eq!(
            document,
            json!({
                "organization": "acme", "name": "Greet", "active": true, "trigger": {"type": "lead_created"},
                "steps": [
                    {"condition": {"if": "data.source == \"web\""}},
                    {"set_metadata": {"greeted": "yes"}},
                    {"delay": {"for": "2s"}},
                    {"http_request": {"url": "https://example.com/hook", "body": {"lead": "${data.id}", "n": 1}}},
                    {"convert_lead": {}},
                ],
            })
        );
    }
}
