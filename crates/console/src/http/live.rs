//! Pages that bring themselves up to date, as server-sent events (WHATWG HTML §9.2): each message is the whole content
//! of the page as it is then.
//!
//! The next state is made when the last one has been taken, so who reads slowly skips states and keeps nobody busy. The
//! places are few, and one that takes nothing for a minute is given to somebody else. A stream ends with its session,
//! with its page, and after some minutes anyhow, when the browser comes again. Whoever gets no place asks now and then.

use super::stop::Stop;
use super::visit::Visit;
use crate::clients::api::Refusal;
use crate::session;
use actix_web::HttpResponse;
use actix_web::web::Bytes;
use futures_util::stream;
use maud::Markup;
use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Streams of one session at once.
const OF_SESSION: usize = 6;
/// Streams of a process at once.
const IN_ALL: usize = 256;
/// Who has taken nothing for so long may lose the place.
const STUCK: Duration = Duration::from_mins(1);
/// The longest that a stream lasts.
const LONGEST: Duration = Duration::from_mins(10);
/// What a browser waits before it comes again.
const AGAIN: &str = "retry: 3000\n\n";

/// What a page shows at a moment.
pub struct Shown {
    pub content: Markup,
    /// Whether more is to come.
    pub goes_on: bool,
}

/// Who is being kept up to date. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Live(Arc<Mutex<Places>>);

#[derive(Debug, Default)]
struct Places {
    taken: HashMap<u64, Taken>,
    next: u64,
}

#[derive(Debug)]
struct Taken {
    session: [u8; 32],
    /// When the stream was read last.
    read: Instant,
}

impl Live {
    /// A place for a stream of a session, if there is one.
    fn take(&self, session: [u8; 32], now: Instant) -> Option<Place> {
        let mut places = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_full = |places: &Places| {
            let of_session = places.taken.values().filter(|taken| taken.session == session).count();
            of_session >= OF_SESSION || places.taken.len() >= IN_ALL
        };
        if is_full(&places) {
            places.taken.retain(|_, taken| now.duration_since(taken.read) < STUCK);
        }
        if is_full(&places) {
            return None;
        }
        let id = places.next;
        places.next += 1;
        places.taken.insert(id, Taken { session, read: now });
        Some(Place { live: self.clone(), id })
    }
}

/// A place, until it is dropped.
struct Place {
    live: Live,
    id: u64,
}

impl Place {
    /// Notes that the stream is read. False when the place was given away.
    fn is_kept(&self, now: Instant) -> bool {
        let mut places = self.live.0.lock().unwrap_or_else(PoisonError::into_inner);
        places.taken.get_mut(&self.id).map(|taken| taken.read = now).is_some()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.live.0.lock().unwrap_or_else(PoisonError::into_inner).taken.remove(&self.id);
    }
}

struct Stream<F> {
    visit: Visit,
    place: Place,
    show: F,
    every: Duration,
    began: Instant,
    last: String,
}

/// 200 with a stream of what a page shows, at once and then as often as `every`. What is not there, or may not be seen,
/// has no stream.
pub async fn stream<F>(visit: Visit, every: Duration, show: F) -> Result<HttpResponse, Stop>
where
    F: AsyncFn(&Visit) -> Result<Shown, Stop> + 'static,
{
    let began = Instant::now();
    let Some(place) = visit.console.live.take(visit.session.id, began) else {
        let message = "too many pages are open that bring themselves up to date".to_owned();
        return Err(Refusal { status: 429, message, fields: Vec::new(), retry_after: Some(30) }.into());
    };
    let mut beginning = Stream { visit, place, show, every, began, last: String::new() };
    let (first, goes_on) = match (beginning.show)(&beginning.visit).await {
        Ok(shown) => beginning.news(shown),
        Err(stop) if may_pass(&stop) => (String::new(), true),
        Err(stop) => return Err(stop),
    };
    let first = (AGAIN.to_owned() + &first, goes_on.then_some(beginning));
    let body = stream::unfold((Some(first), None), async |(first, stream)| {
        let (message, stream) = match (first, stream) {
            (Some(first), _) => first,
            (None, stream) => Stream::next(stream?).await,
        };
        Some((Ok::<_, Infallible>(Bytes::from(message)), (None, stream)))
    });
    Ok(HttpResponse::Ok()
        .content_type("text/event-stream")
        // Proxies that collect answers are to pass these on as they come.
        .insert_header(("x-accel-buffering", "no"))
        .streaming(Box::pin(body)))
}

impl<F: AsyncFn(&Visit) -> Result<Shown, Stop>> Stream<F> {
    /// The next message, and the stream if it goes on behind it.
    async fn next(mut self) -> (String, Option<Self>) {
        let shutdown = self.visit.console.shutdown.clone();
        let runs = self.place.is_kept(Instant::now()) && shutdown.sleep(self.every).await;
        if !runs || self.began.elapsed() > LONGEST {
            return (AGAIN.to_owned(), None);
        }
        match session::lasts(&self.visit.console, &self.visit.session).await {
            Ok(true) => {}
            Ok(false) => return (message("end", ""), None),
            Err(_) => return (still(), Some(self)),
        }
        match (self.show)(&self.visit).await {
            Ok(shown) => {
                let (news, goes_on) = self.news(shown);
                (news, goes_on.then_some(self))
            }
            Err(stop) if may_pass(&stop) => (still(), Some(self)),
            Err(_) => (message("end", ""), None),
        }
    }

    /// What there is to say of a state, and whether another one follows.
    fn news(&mut self, Shown { content, goes_on }: Shown) -> (String, bool) {
        let content = content.into_string();
        let news = if content == self.last { still() } else { message("state", &content) };
        self.last = content;
        if goes_on { (news, true) } else { (news + &message("end", ""), false) }
    }
}

/// Whether it may work again soon.
fn may_pass(stop: &Stop) -> bool {
    matches!(stop, Stop::Refused(refusal) if matches!(refusal.status, 429 | 500..))
}

/// Says nothing, and finds out whether somebody is there.
fn still() -> String {
    ":\n\n".to_owned()
}

fn message(kind: &str, data: &str) -> String {
    let mut message = format!("event: {kind}\n");
    // Without a line of data a message would not be told.
    for line in data.lines().chain(data.is_empty().then_some("")) {
        message.extend(["data: ", line, "\n"]);
    }
    message + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_has_so_many_places_and_one_that_takes_nothing_loses_its_own() {
        let (live, now) = (Live::default(), Instant::now());
        let places: Vec<_> = (0..OF_SESSION).map(|_| live.take([1; 32], now).unwrap()).collect();
        assert!(live.take([1; 32], now).is_none());
        assert!(live.take([2; 32], now).is_some(), "another session has its own");
        assert!(places[1..].iter().all(|place| place.is_kept(now + STUCK)));
        assert!(live.take([1; 32], now + STUCK).is_some());
        assert!(!places[0].is_kept(now + STUCK));
        drop(places);
        assert!(live.0.lock().unwrap().taken.is_empty());
    }

    #[test]
    fn there_are_so_many_places_in_all() {
        let (live, now) = (Live::default(), Instant::now());
        let session = |number: usize| [u8::try_from(number / OF_SESSION).unwrap(); 32];
        let places: Vec<_> = (0..IN_ALL).map(|number| live.take(session(number), now).unwrap()).collect();
        assert!(live.take([255; 32], now).is_none());
        drop(places);
        assert!(live.take([255; 32], now).is_some());
    }

    #[test]
    fn a_message_of_several_lines_stays_one() {
        assert_eq!(message("state", "<p>\n</p>"), "event: state\ndata: <p>\ndata: </p>\n\n");
        assert_eq!(message("end", ""), "event: end\ndata: \n\n");
    }
}
