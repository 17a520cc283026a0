//! `leadwire lex`: LEX messages and certificates, looked at without any service.

mod places;

use crate::output::{Format, shown};
use anyhow::Context as _;
use clap::{Args, Subcommand, ValueEnum};
use lex::certificate::{Certificate, Refused};
use lex::{Issue, Message, Severity};
use places::{Form, Places};
use platform::clock::Clock;
use platform::secrets::decode_key;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, json};
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

/// Check messages and certificates of the Lead Exchange Standard, offline.
#[derive(Debug, Args)]
pub struct Lex {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Check a message, JSON or XML, by the rules of the exchange.
    ///
    /// Prints a line for each issue: FILE:LINE: LEVEL CODE field: what is wrong. Ends 1 when the message is not
    /// valid. What only the exchange knows, such as the stored status of a lead, is not looked at.
    Validate(Validate),
    /// Say what a certificate of conformance proves. Ends 1 when it proves nothing.
    VerifyCertificate(VerifyCertificate),
}

#[derive(Debug, Args)]
struct Validate {
    /// The message.
    file: PathBuf,
    /// The conformance level of its sender.
    #[arg(long, value_enum, default_value = "l1")]
    level: Level,
    /// Take every deviation from the standard's schemas for an error.
    #[arg(long)]
    strict: bool,
    #[command(flatten)]
    format: Format,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Level {
    L1,
    L2,
    L3,
}

#[derive(Debug, Args)]
struct VerifyCertificate {
    /// LEX-L<level>-CERT-<year>-<organization>-<signature>
    token: String,
    /// The key of the installation that issued it: 32 bytes in base64url.
    #[arg(long, env = "LEADWIRE_LEX_ROUTER__CONFORMANCE__SIGNING_KEY", hide_env_values = true)]
    signing_key: SecretString,
    #[command(flatten)]
    format: Format,
}

/// What is to be printed, and whether what was looked at is good.
#[derive(Debug)]
pub struct Finding {
    pub text: String,
    pub good: bool,
}

/// Looks at a message or a certificate.
///
/// # Errors
/// When there is no such file, or the key is none.
pub fn lex(arguments: Lex) -> anyhow::Result<Finding> {
    let clock = Clock::system();
    match arguments.command {
        Command::Validate(arguments) => {
            let name = arguments.file.display().to_string();
            let bytes = fs::read(&arguments.file).with_context(|| format!("{name} cannot be read"))?;
            Ok(validate(&name, &bytes, &arguments, &clock))
        }
        Command::VerifyCertificate(arguments) => {
            let key = decode_key(arguments.signing_key.expose_secret())
                .context("the signing key is not 32 bytes in base64url")?;
            let verdict = lex::certificate::verify(&key, &arguments.token, clock.now());
            Ok(certificate(&verdict, arguments.format))
        }
    }
}

fn certificate(verdict: &Result<Certificate, Refused>, format: Format) -> Finding {
    let (document, text) = match verdict {
        Ok(Certificate { level, organization, expires_at }) => (
            json!({"valid": true, "organization": organization, "level": level, "expiresAt": expires_at}),
            format!("valid: {} at level {level} until {}\n", shown(organization), expires_at.to_rfc3339()),
        ),
        Err(refused) => (
            json!({"valid": false, "reason": refused.to_string()}),
            format!("not valid: {}\n", shown(&refused.to_string())),
        ),
    };
    Finding { text: format.answer(&document, || text), good: verdict.is_ok() }
}

fn validate(name: &str, bytes: &[u8], arguments: &Validate, clock: &Clock) -> Finding {
    let form = Form::of(bytes);
    let read = match form {
        Form::Json => Message::from_json(bytes),
        Form::Xml => Message::from_xml(bytes),
    };
    let message = match read {
        Ok(message) => message,
        Err(unreadable) => {
            let issue = Issue {
                level: Severity::Critical,
                field: "lex".to_owned(),
                message: unreadable.to_string(),
                code: "INVALID_FORMAT".to_owned(),
                suggestion: None,
                extra: Map::new(),
            };
            return report(name, &[(1, &issue)], false, arguments.format);
        }
    };
    let level = match arguments.level {
        Level::L1 => lex::Level::L1,
        Level::L2 => lex::Level::L2,
        Level::L3 => lex::Level::L3,
    };
    let context = lex::Context { now: clock.now(), level, previous_status: None, strict: arguments.strict };
    let verdict = lex::check(&message, &context);
    let places = Places::of(form, &String::from_utf8_lossy(bytes));
    let issues = verdict.errors.iter().chain(&verdict.warnings);
    let found: Vec<_> = issues.map(|issue| (places.line(&issue.field), issue)).collect();
    report(name, &found, verdict.is_valid(), arguments.format)
}

/// Issues, each with the line on which it is.
fn report(name: &str, found: &[(usize, &Issue)], good: bool, format: Format) -> Finding {
    let issues: Vec<_> = found
        .iter()
        .map(|(line, issue)| {
            let mut document = json!(issue);
            document["line"] = json!(line);
            document
        })
        .collect();
    let document = json!({"file": name, "valid": good, "issues": issues});
    let people = || {
        let mut text = String::new();
        for (line, Issue { field, message, code, level, .. }) in found {
            let (level, field, message) = (severity(*level), shown(field), shown(message));
            // Writing to a string cannot fail.
            writeln!(text, "{name}:{line}: {level} {code} {field}: {message}").unwrap_or_default();
        }
        let warnings = found.iter().filter(|(_, issue)| issue.level == Severity::Warning).count();
        let errors = found.len() - warnings;
        writeln!(text, "{name}: {errors} error(s), {warnings} warning(s)").unwrap_or_default();
        text
    };
    Finding { text: format.answer(&document, people), good }
}

const fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "CRITICAL",
        Severity::Error => "ERROR",
        Severity::Warning => "WARNING",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Finding {
        let arguments =
            Validate { file: PathBuf::new(), level: Level::L1, strict: false, format: Format::default() };
        validate("m", text.as_bytes(), &arguments, &Clock::system())
    }

    const LEAD: &str = r#"{"lex": {
  "header": {
    "messageId": "M-1", "messageType": "LEAD", "version": "1.0",
    "timestamp": "2026-01-01T00:00:00Z", "senderId": "PORTAL-001", "receiverId": "LEX-PLATFORM"
  },
  "payload": {"lead": {
    "leadId": "LEAD-000001", "status": "SHOPPING", "source": "OTHER",
    "customer": {"firstName": "Ada",
      "emailAddress": "ada@example.com"},
    "desiredProduct": {"productType": "VEHICLE"}, "metadata": {"countryCode": "US"}
  }}
}}"#;

    #[test]
    fn a_valid_message_is_good_in_json_and_in_xml() {
        let Finding { text, good } = found(LEAD);
        assert!(good && text == "m: 0 error(s), 0 warning(s)\n", "{text}");
        let xml = Message::from_json(LEAD.as_bytes()).unwrap().to_xml();
        assert!(found(&String::from_utf8(xml).unwrap()).good);
    }

    #[test]
    fn each_issue_is_shown_with_its_line() {
        let broken = LEAD.replace("ada@example.com", "nowhere").replace("SHOPPING", "SOON");
        let Finding { text, good } = found(&broken);
        assert!(!good);
        assert!(text.contains("m:7: ERROR INVALID_ENUM_VALUE payload.lead.status: "), "{text}");
        assert!(
            text.contains("m:9: ERROR INVALID_EMAIL_FORMAT payload.lead.customer.emailAddress: "),
            "{text}"
        );
        assert!(found("{").text.starts_with("m:1: CRITICAL INVALID_FORMAT lex: "));
    }
}
