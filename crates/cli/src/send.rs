//! `leadwire send`: one signed sample to a URL, as the dispatcher would send it.

use crate::clients::webhook::{Poster, Url};
use crate::dlq::Answer;
use crate::output::{Format, shown};
use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use contracts::ids::EventId;
use platform::clock::Clock;
use platform::ids::IdSource;
use secrecy::SecretString;
use serde_json::{Value, json};
use signing::{Family, Secret, Secrets};
use std::fmt::Write as _;
use std::path::PathBuf;

/// Older than what a receiver accepts where a time is signed, in seconds.
const STALE: u64 = 600;

/// Send one signed sample of a webhook to a URL, and show the answer. Ends 1 unless it is a 2xx.
///
/// The headers and the form of the body are those of a real delivery; the event is made up, and its id is new.
#[derive(Args, Debug)]
pub struct Send {
    /// Where to.
    url: Url,
    /// How it looks and is signed.
    #[arg(long, value_enum)]
    family: Of,
    /// What it is signed with: the subscription's secret, as it was shown.
    #[arg(long, env = "LEADWIRE_WEBHOOK_SECRET", hide_env_values = true)]
    secret: SecretString,
    /// The secret of before a rotation, as if one were under way.
    #[arg(long, hide_env_values = true)]
    previous_secret: Option<SecretString>,
    /// The type of the event. LEX messages say their own.
    #[arg(long = "type", value_name = "TYPE", default_value = "lead.created")]
    kind: String,
    /// The event's data, as JSON; for lex the whole message.
    #[arg(long, value_name = "FILE")]
    data: Option<PathBuf>,
    /// The webhook-id, to send the same one again.
    #[arg(long, value_name = "ID")]
    id: Option<String>,
    /// Break something, to see whether the receiver notices.
    #[arg(long, value_enum)]
    tamper: Option<Tamper>,
    #[command(flatten)]
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Of {
    Partner,
    Platform,
    Lex,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Tamper {
    /// Change the body after it was signed.
    Body,
    /// Sign with another secret.
    Secret,
    /// Sign a time ten minutes ago.
    Time,
    /// Leave the signatures out.
    Unsigned,
}

impl Of {
    const fn family(self) -> Family {
        match self {
            Self::Partner => Family::Partner,
            Self::Platform => Family::Platform,
            Self::Lex => Family::Lex,
        }
    }
}

/// Sends it.
///
/// # Errors
/// When the data cannot be read, or there is no answer.
pub async fn send(arguments: Send) -> anyhow::Result<Answer> {
    let poster = Poster::to(arguments.url.clone())?;
    let data = match &arguments.data {
        Some(file) => {
            let name = file.display();
            let bytes = tokio::fs::read(file).await.with_context(|| format!("{name} cannot be read"))?;
            Some(serde_json::from_slice(&bytes).with_context(|| format!("{name} is not JSON"))?)
        }
        None => None,
    };
    let made = Sample::make(&arguments, data, &Clock::system(), &IdSource::random())?;
    let answered = poster.post(&made.headers, made.body).await?;
    let good = (200..300).contains(&answered.status);
    let document = json!({
        "webhookId": made.id, "family": arguments.family.to_possible_value().map(|value| value.get_name().to_owned()),
        "status": answered.status, "tookMs": answered.took.as_millis(), "accepted": good, "body": answered.body,
    });
    let text = arguments.format.answer(&document, || {
        let mut text =
            format!("{}: answered {} after {} ms\n", made.id, answered.status, answered.took.as_millis());
        for line in answered.body.lines() {
            // Writing to a String cannot fail.
            writeln!(text, "  {}", shown(line)).unwrap_or_default();
        }
        text
    });
    Ok(Answer { text, good })
}

/// What goes out.
#[derive(Debug)]
struct Sample {
    id: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Sample {
    fn make(wish: &Send, data: Option<Value>, clock: &Clock, ids: &IdSource) -> anyhow::Result<Self> {
        let now = clock.now();
        let event = EventId::new(ids.at(now));
        let subscription = ids.at(now);
        let id = wish.id.clone();
        let id = id.unwrap_or_else(|| format!("msg_{}_{}", event.as_uuid().simple(), subscription.simple()));
        if id.is_empty() || id.contains('.') {
            bail!("--id must not be empty nor contain a full stop (Standard Webhooks 1.0)");
        }
        let document = match wish.family {
            Of::Partner => json!({
                "id": event, "event": wish.kind, "occurred_at": now, "partner_slug": "sample",
                "data": data.unwrap_or_else(lead),
            }),
            Of::Platform => json!({
                "id": format!("evt_{}", event.as_uuid().simple()), "eventType": wish.kind, "timestamp": now,
                "source": "intake", "data": data.unwrap_or_else(lead), "version": "1.0",
            }),
            Of::Lex => match data {
                Some(message) => message,
                None => message().context("there is no sample of a LEX message")?,
            },
        };
        let mut body = serde_json::to_vec(&document)?;
        let unix_time = u64::try_from(now.timestamp()).unwrap_or(0);
        let unix_time =
            if wish.tamper == Some(Tamper::Time) { unix_time.saturating_sub(STALE) } else { unix_time };
        let current = match wish.tamper {
            Some(Tamper::Secret) => Secret::new(format!("not the secret of {id}")),
            _ => Secret::from(wish.secret.clone()),
        };
        let secrets = Secrets { current, previous: wish.previous_secret.clone().map(Secret::from) };
        let signed = signing::headers(wish.family.family(), &id, unix_time, &body, &secrets);
        let mut headers = vec![("content-type".to_owned(), content_type(wish.family).to_owned())];
        let kept = signed
            .into_iter()
            .filter(|(name, _)| wish.tamper != Some(Tamper::Unsigned) || !name.contains("signature"));
        headers.extend(kept.map(|(name, value)| (name.to_owned(), value)));
        if wish.tamper == Some(Tamper::Body) {
            // Still JSON, and still the same document.
            body.push(b'\n');
        }
        Ok(Self { id, headers, body })
    }
}

fn content_type(family: Of) -> &'static str {
    match family {
        Of::Partner | Of::Platform => "application/json",
        Of::Lex => lex::render::Format::JsonEdi.content_type(),
    }
}

/// Somebody who does not exist, at an address that cannot.
fn lead() -> Value {
    json!({
        "lead_id": "00000000-0000-7000-8000-000000000001",
        "customer": {
            "first_name": "Ada", "last_name": "Sample", "email": "ada@example.com", "phone": "+15125550100",
            "address": {"city": "Austin", "state": "TX"},
        },
        "offer": {"type": "solar", "monthly_amount_cents": 12_900, "term_months": 24},
        "status": "received",
    })
}

fn message() -> Option<Value> {
    serde_json::from_slice(&lex::sample::leads(1).pop()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::listen::verify;
    use clap::{CommandFactory, FromArgMatches, Parser};

    const SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        send: Send,
    }

    fn parsed(rest: &[&str]) -> Send {
        let line = ["send", "http://127.0.0.1:1/hooks", "--secret", SECRET];
        let matches = Line::command().get_matches_from(line.iter().chain(rest));
        Line::from_arg_matches(&matches).unwrap().send
    }

    fn verdict(rest: &[&str]) -> crate::listen::Verdict {
        let sample = Sample::make(&parsed(rest), None, &Clock::system(), &IdSource::random()).unwrap();
        let find = |name: &str| {
            let found = sample.headers.iter().find(|(given, _)| given == name);
            found.map(|(_, value)| value.as_str())
        };
        let now = u64::try_from(Clock::system().now().timestamp()).unwrap();
        verify(find, &sample.body, &[Secret::new(SECRET)], now)
    }

    #[test]
    fn a_sample_of_every_family_verifies_and_a_tampered_one_does_not() {
        for family in ["partner", "platform", "lex"] {
            let with = |rest: &[&str]| verdict(&[&["--family", family], rest].concat());
            assert_eq!(with(&[]).verified.len(), 2, "{family}");
            assert!(with(&["--previous-secret", "old"]).is_good());
            for tamper in ["body", "secret", "time", "unsigned"] {
                assert!(!with(&["--tamper", tamper]).is_good(), "{family} {tamper}");
            }
        }
    }

    #[test]
    fn an_id_with_a_full_stop_is_refused_and_the_secret_is_not_printed() {
        let send = parsed(&["--family", "lex", "--id", "msg.1"]);
        assert!(Sample::make(&send, None, &Clock::system(), &IdSource::random()).is_err());
        assert!(!format!("{send:?}").contains(SECRET));
    }

    #[test]
    fn the_sample_of_a_lex_message_is_one() {
        assert!(lex::Message::from_json(message().unwrap().to_string().as_bytes()).is_ok());
    }
}
