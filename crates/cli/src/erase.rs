//! `leadwire erase`: removing a person's data from every service and from the broker's dead letters, on request.

use crate::audit::Auditing;
use crate::clients::gateway::{Gateway, Method, Url};
use crate::dlq::erasure::{self, Erased};
use anyhow::Context;
use clap::Args;
use platform::person::Person as Known;
use platform_broker::BrokerSettings;
use platform_broker::dead_letters::DeadLetters;
use secrecy::SecretString;
use serde_json::{Value, json};
use std::time::Duration;
use uuid::Uuid;

/// The services have two minutes.
const TIMEOUT: Duration = Duration::from_secs(150);

#[derive(Debug, Args)]
pub struct Erase {
    /// The gateway.
    #[arg(long, env = "LEADWIRE_URL")]
    url: Url,
    /// A key with scope platform:admin.
    #[arg(long, env = "LEADWIRE_ADMIN_KEY", hide_env_values = true)]
    admin_key: SecretString,
    /// The slug or the id of the organisation whose data the person is in.
    #[arg(long)]
    organization: String,
    #[command(flatten)]
    person: Person,
    /// RabbitMQ, as a user who may configure the virtual host: its dead letters are stripped, too.
    #[arg(long, env = "AMQP_URL", hide_env_values = true, required_unless_present = "without_broker")]
    amqp_url: Option<SecretString>,
    /// Leave the broker's dead letters as they are.
    #[arg(long)]
    without_broker: bool,
    #[command(flatten)]
    auditing: Auditing,
    /// Print the answer as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
struct Person {
    /// The person's e-mail address, in any case.
    #[arg(long)]
    email: Option<String>,
    /// The person's phone number in E.164: +15125550100.
    #[arg(long)]
    phone: Option<String>,
}

/// Has every service forget the person, then the broker. The answer is what to print.
///
/// # Errors
/// When the gateway refuses, or names services that could not be reached, or the broker does not answer.
pub async fn erase(arguments: Erase) -> anyhow::Result<String> {
    let Erase { url, admin_key, organization, person, amqp_url, without_broker, auditing, json } = arguments;
    let broker = amqp_url.filter(|_| !without_broker);
    let journal = broker.is_some().then(|| auditing.journal()).transpose()?;
    let gateway = Gateway::new(url, admin_key)?.within(TIMEOUT);
    let id = match Uuid::try_parse(&organization) {
        Ok(id) => id.to_string(),
        Err(_) => gateway.organization_id(&organization).await?,
    };
    let body = json!({"email": person.email, "phone": person.phone});
    let path = ["organizations", &id, "erase"];
    let (_, mut answer) = gateway.call(Method::POST, &path, &[], Some(&body)).await?;
    if let (Some(url), Some(journal)) = (broker, journal) {
        let erased = dead_letters(url, &id, &person).await.context(
            "the services have forgotten the person, the broker's dead letters have not: erase again",
        )?;
        let counts = json!({"redacted": erased.redacted, "removed": erased.removed});
        journal.note("dlq.person_erased", format!("organization:{id}"), counts.clone()).await?;
        answer["deadLetters"] = counts;
    }
    Ok(if json { format!("{answer:#}\n") } else { lines(&answer) })
}

async fn dead_letters(url: SecretString, organization: &str, person: &Person) -> anyhow::Result<Erased> {
    let letters = DeadLetters::connect(&BrokerSettings::new(url), "leadwire erase").await?;
    let known = Known::new(person.email.as_deref(), person.phone.as_deref());
    let erased = erasure::erase(&letters, organization, &known).await?;
    letters.close_connection().await;
    Ok(erased)
}

fn lines(answer: &Value) -> String {
    let services = answer["data"].as_object().into_iter().flatten();
    let lines: Vec<_> =
        services.map(|(service, records)| format!("{service}: {records} record(s) erased\n")).collect();
    let dead = &answer["deadLetters"];
    let dead = dead.is_object().then(|| {
        format!("dead letters of the broker: {} redacted, {} deleted\n", dead["redacted"], dead["removed"])
    });
    lines.concat() + &dead.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::{CommandFactory, FromArgMatches, Parser};

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        erase: Erase,
    }

    fn parsed(rest: &[&str]) -> Result<Erase, clap::error::ErrorKind> {
        let mut line = vec!["erase", "--url", "http://127.0.0.1:8080", "--admin-key", "hunter2"];
        line.extend(["--organization", "acme", "--without-broker"]);
        line.extend(rest);
        let matches = Line::command().try_get_matches_from(line).map_err(|error| error.kind())?;
        Line::from_arg_matches(&matches).map(|line| line.erase).map_err(|error| error.kind())
    }

    #[test]
    fn an_address_or_a_number_or_both_say_who_is_meant() {
        let person = |rest: &[&str]| parsed(rest).map(|erase| (erase.person.email, erase.person.phone));
        let (email, phone) = ("a@b.co".to_owned(), "+15125550100".to_owned());
        assert_eq!(person(&["--email", "a@b.co"]), Ok((Some(email.clone()), None)));
        assert_eq!(person(&["--phone", "+15125550100"]), Ok((None, Some(phone.clone()))));
        let both = person(&["--email", "a@b.co", "--phone", "+15125550100", "--json"]);
        assert_eq!(both, Ok((Some(email), Some(phone))));
        assert_eq!(person(&["--json"]), Err(clap::error::ErrorKind::MissingRequiredArgument));
    }

    #[test]
    fn the_key_is_not_printed() {
        let erase = parsed(&["--email", "a@b.co"]).unwrap();
        assert!(!format!("{erase:?}").contains("hunter2"));
    }

    #[test]
    fn each_service_is_a_line() {
        let answer = json!({"data": {"ingest": 0, "leadIntake": 2}});
        assert_eq!(lines(&answer), "ingest: 0 record(s) erased\nleadIntake: 2 record(s) erased\n");
        let answer = json!({"data": {}, "deadLetters": {"redacted": 3, "removed": 1}});
        assert_eq!(lines(&answer), "dead letters of the broker: 3 redacted, 1 deleted\n");
    }
}
