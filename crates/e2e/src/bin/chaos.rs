//! Runs chaos, and writes what it found into `target/chaos/<seed>.json` and `.txt`.

#![expect(clippy::print_stdout, reason = "the report goes where its reader looks")]

use e2e::chaos::{Options, run};
use std::fs;
use std::process::ExitCode;

const USAGE: &str = "usage: chaos [cluster] [--seed N] [--writes N] [--faults N]";

#[tokio::main]
async fn main() -> ExitCode {
    platform::lifecycle::install_tls();
    let Some(options) = options(&std::env::args().skip(1).collect::<Vec<_>>()) else {
        println!("{USAGE}");
        return ExitCode::from(2);
    };
    let report = run(options, |line| println!("{line}")).await;
    println!("\n{report}");
    let folder = "target/chaos";
    let name = if options.cluster { "cluster-" } else { "" };
    let file = |kind| format!("{folder}/{name}{}.{kind}", options.seed);
    let written = fs::create_dir_all(folder)
        .and_then(|()| fs::write(file("json"), format!("{:#}\n", report.to_json())))
        .and_then(|()| fs::write(file("txt"), format!("{report}\n")));
    if let Err(error) = written {
        println!("{} cannot be written: {error}", file("json"));
        return ExitCode::FAILURE;
    }
    println!("the whole report: {}", file("json"));
    if report.is_whole() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn options(arguments: &[String]) -> Option<Options> {
    let (cluster, rest) = match arguments {
        [first, rest @ ..] if first == "cluster" => (true, rest),
        all => (false, all),
    };
    let (writes, faults) = if cluster { (5_000, 6) } else { (20_000, 36) };
    let mut options = Options { seed: 1, writes, faults, cluster };
    for pair in rest.chunks(2) {
        let [name, value] = pair else { return None };
        match name.as_str() {
            "--seed" => options.seed = value.parse().ok()?,
            "--writes" => options.writes = value.parse().ok()?,
            "--faults" => options.faults = value.parse().ok()?,
            _ => return None,
        }
    }
    Some(options)
}
