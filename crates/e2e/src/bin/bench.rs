//! The benchmarks behind `./dev bench [SCENARIO]`: a table, and `target/bench/<scenario>.json`. `crm` takes the number
//! of its products as a further argument, `growth` that of the stored leads,
//! `console` that of the deliveries.

#![expect(clippy::print_stdout, reason = "it is there to be read")]

use e2e::bench::{
    accept, backlog, console, crm, end_to_end, gateway, group_commit, growth, ingest, isolation, latency,
    lex, memory, outbox_claim, relay,
};
use std::fs;
use std::process::ExitCode;

const SCENARIOS: [&str; 15] = [
    "group-commit",
    "relay",
    "outbox-claim",
    "gateway",
    "accept",
    "end-to-end",
    "latency",
    "backlog",
    "isolation",
    "ingest",
    "crm",
    "lex",
    "memory",
    "growth",
    "console",
];
/// The benchmark starts itself with this, as the server that it measures the way to.
const UPSTREAM: &str = "serve-upstream";

#[tokio::main]
async fn main() -> ExitCode {
    platform::lifecycle::install_tls();
    let wanted = std::env::args().nth(1);
    if wanted.as_deref() == Some(UPSTREAM) {
        return serve_upstream().await;
    }
    if let Some(name) = wanted.as_deref()
        && !SCENARIOS.contains(&name)
    {
        println!("there is no scenario {name}: there are {}", SCENARIOS.join(", "));
        return ExitCode::from(2);
    }
    let rows: Option<u32> = std::env::args().nth(2).and_then(|rows| rows.parse().ok());
    let mut all_reached = true;
    for scenario in SCENARIOS.iter().filter(|name| wanted.as_deref().is_none_or(|wanted| wanted == **name)) {
        let report = match *scenario {
            "group-commit" => group_commit::run().await,
            "relay" => relay::run().await,
            "gateway" => gateway::run().await,
            "accept" => Box::pin(accept::run()).await,
            "ingest" => Box::pin(ingest::run()).await,
            "crm" => Box::pin(crm::run(rows.unwrap_or(crm::ROWS))).await,
            "end-to-end" => Box::pin(end_to_end::run()).await,
            "latency" => Box::pin(latency::run()).await,
            "backlog" => Box::pin(backlog::run()).await,
            "isolation" => Box::pin(isolation::run()).await,
            "memory" => Box::pin(memory::run()).await,
            "growth" => Box::pin(growth::run(rows.unwrap_or(growth::ROWS))).await,
            "console" => Box::pin(console::run(rows.unwrap_or(console::ROWS))).await,
            "lex" => Box::pin(lex::run()).await,
            _ => outbox_claim::run().await,
        };
        println!("{report}\n");
        all_reached &= report.reached;
        let written = fs::create_dir_all("target/bench")
            .and_then(|()| fs::write(format!("target/bench/{scenario}.json"), report.to_json().to_string()));
        if let Err(error) = written {
            println!("target/bench/{scenario}.json cannot be written: {error}");
            return ExitCode::FAILURE;
        }
    }
    if all_reached { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

async fn serve_upstream() -> ExitCode {
    match gateway::serve_upstream().await {
        Ok(address) => println!("{address}"),
        Err(error) => {
            println!("{error}");
            return ExitCode::FAILURE;
        }
    }
    std::future::pending().await
}
