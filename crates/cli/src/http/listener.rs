//! The server behind `leadwire listen`.

use crate::clients::webhook::Poster;
use crate::listen::{Plan, Verdict, verify};
use crate::output::shown;
use actix_web::http::StatusCode;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use anyhow::Context;
use platform::clock::Clock;
use platform::lifecycle::Shutdown;
use serde_json::{Value, json};
use signing::Secret;
use std::collections::HashMap;
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Larger than anything that is delivered.
const LARGEST: usize = 16 * 1024 * 1024;
/// What the next hop makes for itself.
const NOT_PASSED_ON: [&str; 6] =
    ["host", "content-length", "connection", "transfer-encoding", "expect", "accept-encoding"];

/// A receiver and what it is told to do.
#[derive(Debug)]
pub struct Listener {
    pub clock: Clock,
    pub secrets: Vec<Secret>,
    pub plan: Plan,
    pub forward: Option<Poster>,
    pub lenient: bool,
    pub bodies: bool,
    pub limit: Option<usize>,
    pub json: bool,
    pub shutdown: Shutdown,
    pub books: Mutex<Books>,
}

/// What has come so far.
#[derive(Debug, Default)]
pub struct Books {
    requests: usize,
    /// Answers that were planned.
    planned: usize,
    refused: usize,
    /// How often each webhook-id came.
    seen: HashMap<String, usize>,
}

/// What a request is answered with.
struct Reply {
    status: u16,
    body: String,
}

/// Serves until the shutdown begins. Says how many requests were refused.
///
/// # Errors
/// When the address cannot be bound.
pub async fn serve(bind: SocketAddr, listener: Listener, shutdown: Shutdown) -> anyhow::Result<usize> {
    let shared = web::Data::new(listener);
    let data = shared.clone();
    let server = HttpServer::new(move || {
        App::new()
            .app_data(data.clone())
            .app_data(web::PayloadConfig::new(LARGEST))
            .default_service(web::to(receive))
    });
    let server = server.workers(1).disable_signals().shutdown_timeout(5);
    let server = server.bind(bind).with_context(|| format!("cannot listen on {bind}"))?;
    for address in server.addrs() {
        writeln!(io::stderr(), "listening on http://{address}")?;
    }
    let server = server.run();
    let handle = server.handle();
    let ending = async {
        shutdown.begun().await;
        handle.stop(true).await;
    };
    let (served, ()) = tokio::join!(server, ending);
    served.context("the server broke")?;
    let refused = shared.lock().refused;
    Ok(refused)
}

async fn receive(request: HttpRequest, body: web::Bytes, listener: web::Data<Listener>) -> HttpResponse {
    let now = u64::try_from(listener.clock.now().timestamp()).unwrap_or(0);
    let header = |name: &str| request.headers().get(name)?.to_str().ok();
    let verdict = verify(header, &body, &listener.secrets, now);
    let id = header(signing::standard::ID_HEADER).unwrap_or_default().to_owned();
    let (times, planned) = listener.lock().enter(&id, &verdict, listener.lenient);
    listener.shutdown.sleep(listener.plan.delay).await;
    let reply = match planned {
        None => Reply { status: 401, body: format!("{}\n", verdict.line()) },
        Some(before) => listener.reply(before, &request, &body).await,
    };
    if let Err(error) = listener.show(&request, &body, &verdict, times, reply.status) {
        // Whoever reads this has gone: there is nobody to receive for.
        drop(error);
        listener.shutdown.begin();
    }
    let answered = listener.lock().leave();
    if listener.limit.is_some_and(|limit| answered >= limit) {
        listener.shutdown.begin();
    }
    let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    HttpResponse::build(status).content_type("text/plain; charset=utf-8").body(reply.body)
}

impl Books {
    /// Notes a request. Says how often its id came with it, and after how many planned answers it is answered;
    /// `None`: it is refused.
    fn enter(&mut self, id: &str, verdict: &Verdict, lenient: bool) -> (usize, Option<usize>) {
        let times = self.seen.entry(id.to_owned()).or_default();
        *times += 1;
        let times = *times;
        self.refused += usize::from(!verdict.is_good());
        if !verdict.is_good() && !lenient {
            return (times, None);
        }
        self.planned += 1;
        (times, Some(self.planned - 1))
    }

    fn leave(&mut self) -> usize {
        self.requests += 1;
        self.requests
    }
}

impl Listener {
    fn lock(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn reply(&self, before: usize, request: &HttpRequest, body: &[u8]) -> Reply {
        let passed_on = match &self.forward {
            Some(poster) => Some(pass_on(poster, request, body).await),
            None => None,
        };
        match (self.plan.status(before), passed_on) {
            (Some(status), _) => Reply { status, body: String::new() },
            (None, Some(reply)) => reply,
            (None, None) => Reply { status: 200, body: "ok\n".to_owned() },
        }
    }

    fn show(
        &self,
        request: &HttpRequest,
        body: &[u8],
        verdict: &Verdict,
        times: usize,
        answered: u16,
    ) -> io::Result<()> {
        let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
        let at = self.clock.now().to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
        let document: Option<Value> = serde_json::from_slice(body).ok();
        let family = verdict.family.map_or("-", crate::listen::name);
        let id = header(signing::standard::ID_HEADER).unwrap_or("-");
        let kind = document.as_ref().and_then(event_type).unwrap_or("-");
        let trace = header("traceparent").and_then(|parent| parent.split('-').nth(1));
        let mut output = io::stdout().lock();
        if self.json {
            let text = || Value::from(String::from_utf8_lossy(body).into_owned());
            let shown_body = if self.bodies { document.clone().unwrap_or_else(text) } else { Value::Null };
            let line = json!({
                "at": at, "path": request.path(), "webhookId": id, "times": times, "family": family,
                "eventType": kind, "verified": !verdict.unchecked && verdict.is_good(),
                "checked": !verdict.unchecked, "schemes": verdict.verified, "problems": verdict.problems,
                "traceId": trace, "answered": answered, "body": shown_body,
            });
            writeln!(output, "{line}")?;
            return output.flush();
        }
        let again = if times > 1 { format!(" (time {times})") } else { String::new() };
        let line = format!("{at}  {answered}  {family}  {kind}  {id}{again}  {}", verdict.line());
        writeln!(output, "{}", shown(&line))?;
        if let Some(trace) = trace {
            writeln!(output, "  trace {}", shown(trace))?;
        }
        if self.bodies {
            let text = document.map_or_else(
                || String::from_utf8_lossy(body).into_owned(),
                |document| format!("{document:#}"),
            );
            for line in text.lines() {
                writeln!(output, "  {}", shown(line))?;
            }
        }
        output.flush()
    }
}

/// The type of an event, wherever its family says it.
fn event_type(document: &Value) -> Option<&str> {
    let places = ["/event", "/eventType", "/lex/header/messageType"];
    places.into_iter().find_map(|place| document.pointer(place)?.as_str())
}

async fn pass_on(poster: &Poster, request: &HttpRequest, body: &[u8]) -> Reply {
    let headers = request.headers().iter().filter_map(|(name, value)| {
        let passes = !NOT_PASSED_ON.contains(&name.as_str());
        passes.then(|| Some((name.to_string(), value.to_str().ok()?.to_owned()))).flatten()
    });
    match poster.post(&headers.collect::<Vec<_>>(), body.to_vec()).await {
        Ok(answered) => Reply { status: answered.status, body: answered.body },
        Err(error) => Reply { status: 502, body: format!("{error:#}\n") },
    }
}
