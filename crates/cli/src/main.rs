//! `leadwire`: what an operator does to an installation from outside.
//!
//! These commands connect directly, with an operator's settings; everything else goes through the gateway.

#![expect(clippy::print_stdout, reason = "a command answers on standard output")]

mod audit;
mod automation;
mod backup;
mod bench;
mod bootstrap;
mod clients;
mod deliveries;
mod dlq;
mod doctor;
mod erase;
mod events;
mod http;
mod lex;
mod listen;
mod output;
mod progress;
mod secrets;
mod send;
mod topology;

use anyhow::Context;
use clap::{Args, CommandFactory, Parser, Subcommand};
use contracts::Service;
use output::Format;
use platform::lifecycle::install_tls;
use platform::secrets::SealingKeys;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

/// Operate a Leadwire installation.
#[derive(Debug, Parser)]
#[command(name = "leadwire", version, about, propagate_version = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Bring the database up to date: one role, schema and set of tables per service.
    ///
    /// Forward only, safe to repeat and to run from several places at once.
    Migrate(Migrate),
    /// Look after the broker's exchanges and queues.
    #[command(subcommand)]
    Topology(topology::Topology),
    /// Make the platform's first organisation, client and admin key, and print the key.
    ///
    /// Safe to repeat: organisation and client are made once; each run makes a new key, unless the one given
    /// with --existing-key still works. Prints exactly one line, the key to use; with --json, in its member key.
    Bootstrap(Bootstrap),
    /// Look after the secrets that are stored sealed.
    #[command(subcommand)]
    Secrets(Secrets),
    /// Write automations as YAML files, and look after their runs. Goes through the gateway.
    Automation(automation::Automation),
    /// Remove a person's data from every service and from the broker's dead letters; ids and an audit entry stay.
    ///
    /// Safe to repeat, and to be repeated when a service could not be reached: ends 1 then, and names it.
    Erase(erase::Erase),
    Dlq(dlq::Dlq),
    Doctor(Box<doctor::Doctor>),
    Backup(backup::Backup),
    Restore(backup::Restore),
    Deliveries(deliveries::Deliveries),
    Events(events::Events),
    Listen(listen::Listen),
    Send(send::Send),
    Bench(bench::Bench),
    Lex(lex::Lex),
    /// Print every metric of the services as Markdown, from the program itself.
    Metrics,
    /// Print a script that completes this program's command lines: leadwire completions bash > FILE.
    Completions {
        #[arg(value_enum)]
        shell: clap_complete::Shell,
    },
}

#[derive(Debug, Args)]
struct Database {
    /// PostgreSQL, as a user who may create roles and schemas.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    database_url: SecretString,
}

#[derive(Debug, Args)]
struct Migrate {
    #[command(flatten)]
    database: Database,
    #[command(flatten)]
    format: Format,
}

#[derive(Debug, Args)]
struct Bootstrap {
    #[command(flatten)]
    database: Database,
    /// The gateway's pepper: 32 bytes in base64url.
    #[arg(long, env = "LEADWIRE_GATEWAY__SECRETS__PEPPER", hide_env_values = true)]
    pepper: SecretString,
    /// A key of an earlier run, to be kept when it still works.
    #[arg(long, value_name = "KEY")]
    existing_key: Option<SecretString>,
    #[command(flatten)]
    operator: audit::Operator,
    #[command(flatten)]
    format: Format,
}

#[derive(Debug, Subcommand)]
enum Secrets {
    /// Seal every stored secret anew with the first of the encryption keys, so that older keys can go.
    ///
    /// Beside running services, in any order of interruptions. The order of a change of keys: put the new key
    /// last and restart the services; put it first and restart them; run this; take the old key out and
    /// restart them. Ends 1, and names them, when secrets do not open with the keys given.
    Rotate(Rotate),
}

#[derive(Debug, Args)]
struct Rotate {
    #[command(flatten)]
    database: Database,
    /// The gateway's `id:key,id:key`, as in its settings.
    #[arg(long, env = "LEADWIRE_GATEWAY__SECRETS__ENCRYPTION_KEYS", hide_env_values = true)]
    gateway_keys: SecretString,
    /// The webhook-dispatcher's `id:key,id:key`, as in its settings.
    #[arg(long, env = "LEADWIRE_WEBHOOK_DISPATCHER__SECRETS__ENCRYPTION_KEYS", hide_env_values = true)]
    dispatcher_keys: SecretString,
    /// Only say what would be done, and whether every secret opens.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    operator: audit::Operator,
    #[command(flatten)]
    format: Format,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    install_tls();
    match Cli::parse().command {
        Command::Migrate(arguments) => migrate(&arguments).await,
        Command::Topology(command) => answer(topology::topology(command).await?),
        Command::Secrets(Secrets::Rotate(arguments)) => rotate(arguments).await,
        Command::Automation(arguments) => {
            print!("{}", automation::automation(arguments).await?);
            Ok(())
        }
        Command::Erase(arguments) => {
            print!("{}", erase::erase(arguments).await?);
            Ok(())
        }
        Command::Dlq(arguments) => answer(dlq::dlq(arguments).await?),
        Command::Backup(arguments) => {
            print!("{}", backup::backup(arguments).await?);
            Ok(())
        }
        Command::Restore(arguments) => {
            print!("{}", backup::restore(arguments).await?);
            Ok(())
        }
        Command::Doctor(arguments) => {
            let (text, code) = doctor::doctor(*arguments).await;
            print!("{text}");
            if code == 0 { Ok(()) } else { std::process::exit(code) }
        }
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "leadwire", &mut std::io::stdout());
            Ok(())
        }
        Command::Deliveries(arguments) => answer(deliveries::deliveries(arguments).await?),
        Command::Events(arguments) => answer(events::events(arguments).await?),
        Command::Listen(arguments) => answer(listen::listen(arguments).await?),
        Command::Send(arguments) => answer(send::send(arguments).await?),
        Command::Bench(arguments) => answer(bench::bench(arguments).await?),
        Command::Metrics => {
            print!("{}", platform::figures::markdown());
            Ok(())
        }
        Command::Lex(arguments) => {
            let lex::Finding { text, good } = lex::lex(arguments)?;
            answer(dlq::Answer { text, good })
        }
        Command::Bootstrap(arguments) => {
            let key = bootstrap::admin_key(
                arguments.database.database_url.expose_secret(),
                &arguments.pepper,
                arguments.existing_key.as_ref().map(ExposeSecret::expose_secret),
                &arguments.operator,
            );
            let key = key.await.context("there is no admin key")?;
            print!("{}", arguments.format.answer(&json!({"key": key}), || key.clone()));
            Ok(())
        }
    }
}

/// Prints what a command found, and ends 1 when that is not good.
fn answer(dlq::Answer { text, good }: dlq::Answer) -> anyhow::Result<()> {
    print!("{text}");
    if good { Ok(()) } else { std::process::exit(1) }
}

async fn rotate(arguments: Rotate) -> anyhow::Result<()> {
    let gateway = SealingKeys::parse(&arguments.gateway_keys).context("the gateway's keys")?;
    let dispatcher =
        SealingKeys::parse(&arguments.dispatcher_keys).context("the webhook-dispatcher's keys")?;
    let url = arguments.database.database_url.expose_secret();
    let rotated = secrets::rotate(url, &gateway, &dispatcher, arguments.dry_run, &arguments.operator).await?;
    print!("{}", arguments.format.answer(&rotated.document(), || rotated.lines.join("\n")));
    Ok(())
}

async fn migrate(arguments: &Migrate) -> anyhow::Result<()> {
    let (url, mut done) = (arguments.database.database_url.expose_secret(), Vec::new());
    for service in Service::ALL {
        let schema = service.schema();
        platform_pg::migrations::migrate(url, service)
            .await
            .with_context(|| format!("schema {schema} was not migrated"))?;
        if !arguments.format.json {
            println!("{schema}: up to date");
        }
        done.push(schema);
    }
    print!("{}", arguments.format.answer(&json!({"upToDate": done}), String::new));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    /// The commands below one that do something, by their words.
    fn commands(below: &clap::Command, words: &str) -> Vec<(String, clap::Command)> {
        let named = |command: &clap::Command| format!("{words} {}", command.get_name()).trim().to_owned();
        let below = below.get_subcommands().filter(|command| command.get_name() != "help");
        below
            .flat_map(|command| {
                let name = named(command);
                if command.has_subcommands() {
                    commands(command, &name)
                } else {
                    vec![(name, command.clone())]
                }
            })
            .collect()
    }

    #[test]
    fn every_command_answers_with_json_when_it_is_asked_to() {
        let mut program = Cli::command();
        program.build();
        let without = commands(&program, "").into_iter();
        let without =
            without.filter(|(_, one)| one.get_arguments().all(|argument| argument.get_id() != "json"));
        let names: Vec<_> = without.map(|(name, _)| name).collect();
        // NDJSON in any case, a page of documentation, and a script for the shell.
        assert_eq!(names, ["dlq export", "metrics", "completions"]);
    }

    #[test]
    fn secrets_on_the_command_line_are_not_printed() {
        let cli = Cli::parse_from(["leadwire", "migrate", "--database-url", "postgres://u:hunter2@h/d"]);
        assert!(!format!("{cli:?}").contains("hunter2"));
    }
}
