//! Log lines on their way to standard output: many with one write, because a write per request costs a busy
//! service more than formatting its line does.
//!
//! A line waits [`DELAY`] at most, a warning or an error not at all. Killed, a process loses what waited.

use std::io::{self, Write};
use std::mem;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tracing::{Level, Metadata};
use tracing_subscriber::fmt::MakeWriter;

/// How long lines are gathered.
const DELAY: Duration = Duration::from_millis(20);
/// Whoever brings more than this to wait writes it, and so waits for a reader that is slow.
const MOST: usize = 256 * 1024;

/// Where lines wait. Clones are of the same place.
#[derive(Clone, Debug, Default)]
pub struct LogLines(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    waiting: Mutex<Vec<u8>>,
    some: Condvar,
    /// Held while lines are taken out and written, so that they stay in order.
    writing: Mutex<()>,
}

impl LogLines {
    /// Starts the thread that writes them.
    ///
    /// # Errors
    /// When there can be no more threads.
    pub fn start() -> io::Result<Self> {
        let lines = Self::default();
        let writer = lines.clone();
        std::thread::Builder::new().name("log lines".to_owned()).spawn(move || {
            loop {
                writer.wait_for_some();
                std::thread::sleep(DELAY);
                writer.flush();
            }
        })?;
        Ok(lines)
    }

    /// Writes what waits.
    pub fn flush(&self) {
        let _turn = locked(&self.0.writing);
        let lines = mem::take(&mut *locked(&self.0.waiting));
        // There is nowhere to say that standard output is gone.
        let mut output = io::stdout().lock();
        output.write_all(&lines).and_then(|()| output.flush()).ok();
    }

    fn wait_for_some(&self) {
        let mut waiting = locked(&self.0.waiting);
        while waiting.is_empty() {
            waiting = self.0.some.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<'a> MakeWriter<'a> for LogLines {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Line<'a> {
        Line { lines: self, at_once: false }
    }

    fn make_writer_for(&'a self, metadata: &Metadata<'_>) -> Line<'a> {
        Line { lines: self, at_once: *metadata.level() <= Level::WARN }
    }
}

/// The writer of one line.
#[derive(Debug)]
pub struct Line<'a> {
    lines: &'a LogLines,
    at_once: bool,
}

impl Write for Line<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut waiting = locked(&self.lines.0.waiting);
        let is_first = waiting.is_empty();
        waiting.extend_from_slice(bytes);
        let is_much = waiting.len() > MOST;
        drop(waiting);
        if self.at_once || is_much {
            self.lines.flush();
        } else if is_first {
            self.lines.0.some.notify_one();
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
