//! `leadwire send` to `leadwire listen`, as two programs.

#![expect(clippy::unwrap_used, reason = "a test ends where its surroundings fail")]

use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::time::{Duration, Instant};

const SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

/// A listener that runs beside the test.
struct Listening {
    program: Child,
    url: String,
    lines: BufReader<ChildStdout>,
}

impl Listening {
    fn start(arguments: &[&str]) -> Self {
        let mut program = Command::new(env!("CARGO_BIN_EXE_leadwire"))
            .args(["listen", "--bind", "127.0.0.1:0", "--json"])
            .args(arguments)
            .env("LEADWIRE_WEBHOOK_SECRET", SECRET)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(program.stderr.take().unwrap()).read_line(&mut line).unwrap();
        let url = line.trim().strip_prefix("listening on ").unwrap().to_owned();
        let lines = BufReader::new(program.stdout.take().unwrap());
        Self { program, url, lines }
    }

    /// The next request, as the listener shows it.
    fn next(&mut self) -> Value {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap()
    }

    /// Waits for its end; its exit code.
    fn end(mut self) -> i32 {
        self.program.wait().unwrap().code().unwrap()
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.program.kill().unwrap_or_default();
    }
}

fn send(url: &str, arguments: &[&str]) -> (Output, Value) {
    let output = Command::new(env!("CARGO_BIN_EXE_leadwire"))
        .args(["send", url, "--json"])
        .args(arguments)
        .env("LEADWIRE_WEBHOOK_SECRET", SECRET)
        .output()
        .unwrap();
    let answer = serde_json::from_slice(&output.stdout).unwrap_or_default();
    (output, answer)
}

#[test]
fn what_is_sent_is_verified_for_every_family() {
    let mut listening = Listening::start(&["-n", "3"]);
    for (family, kind) in [("partner", "lead.created"), ("platform", "lead.created"), ("lex", "LEAD")] {
        let (output, answer) = send(&format!("{}/hooks", listening.url), &["--family", family]);
        assert!(output.status.success(), "{output:?}");
        assert_eq!((&answer["status"], &answer["accepted"]), (&200.into(), &true.into()));
        let shown = listening.next();
        assert_eq!(shown["schemes"], serde_json::json!([family, "standard webhooks"]));
        assert_eq!((&shown["verified"], &shown["family"]), (&true.into(), &family.into()));
        assert_eq!((&shown["eventType"], &shown["path"]), (&kind.into(), &"/hooks".into()));
        assert_eq!(shown["webhookId"], answer["webhookId"]);
        assert!(shown["body"].is_object());
    }
    assert_eq!(listening.end(), 0);
}

#[test]
fn what_was_tampered_with_is_refused_and_it_is_said_why() {
    let mut listening = Listening::start(&["-n", "4"]);
    for (tamper, family, why) in [
        ("body", "partner", "partner: the signature does not match"),
        ("secret", "lex", "lex: the signature does not match"),
        ("time", "platform", "platform: the signed timestamp is too far from now"),
        ("unsigned", "platform", "there is no signature header"),
    ] {
        let (output, answer) = send(&listening.url, &["--family", family, "--tamper", tamper]);
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        assert_eq!(answer["status"], 401);
        assert!(answer["body"].as_str().unwrap().contains(why), "{answer}");
        let shown = listening.next();
        assert_eq!(shown["verified"], false);
        assert!(shown["problems"][0].as_str().unwrap().starts_with(why), "{shown}");
    }
    assert_eq!(listening.end(), 1);
}

#[test]
fn answers_come_as_they_were_told_and_in_their_time() {
    let mut listening = Listening::start(&["-n", "4", "--answer", "500,503,200", "--delay", "200ms"]);
    let began = Instant::now();
    for (status, times) in [(500, 1), (503, 2), (200, 3), (200, 4)] {
        let (output, answer) = send(&listening.url, &["--family", "partner", "--id", "msg_1_2"]);
        assert_eq!(output.status.success(), status == 200);
        assert_eq!(answer["status"], status);
        assert_eq!(listening.next()["times"], times);
    }
    assert!(began.elapsed() >= Duration::from_millis(800));
    assert_eq!(listening.end(), 0);
}

#[test]
fn what_fits_is_passed_on_with_its_signatures_and_the_answer_comes_back() {
    let mut behind = Listening::start(&["-n", "1", "--answer", "202"]);
    let target = behind.url.clone();
    let mut before = Listening::start(&["-n", "2", "--forward", &target]);
    let (_, refused) = send(&before.url, &["--family", "lex", "--tamper", "body"]);
    assert_eq!(refused["status"], 401);
    let (_, answer) = send(&before.url, &["--family", "lex"]);
    assert_eq!(answer["status"], 202);
    before.next();
    assert_eq!(before.next()["answered"], 202);
    assert_eq!(behind.next()["verified"], true);
    assert_eq!(behind.end(), 0);
    assert_eq!(before.end(), 1);
}

#[test]
fn a_url_that_does_not_answer_ends_with_an_error_that_does_not_show_its_query() {
    let (output, _) = send("http://127.0.0.1:9/hooks?token=hunter2", &["--family", "partner"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(said.contains("does not answer") && !said.contains("hunter2"), "{said}");
}

#[test]
fn a_bench_counts_every_answer_and_ends_one_unless_all_are_good() {
    let listening = Listening::start(&["--lenient", "--answer", "200,500,200", "-n", "75"]);
    let bench = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_leadwire"))
            .args(["bench", &listening.url, "--method", "POST", "--rate", "100", "--json"])
            .args(arguments)
            .output()
            .unwrap();
        (output.status.code(), serde_json::from_slice::<Value>(&output.stdout).unwrap_or_default())
    };
    let (code, seen) = bench(&["--for", "500ms"]);
    assert_eq!((code, &seen["sent"]), (Some(1), &Value::from(50)), "{seen}");
    assert_eq!((&seen["answers"]["200"], &seen["answers"]["500"]), (&Value::from(49), &Value::from(1)));
    let (code, seen) = bench(&["--for", "250ms", "--connections", "2"]);
    assert_eq!((code, &seen["answers"]["200"]), (Some(0), &Value::from(25)), "{seen}");
}
