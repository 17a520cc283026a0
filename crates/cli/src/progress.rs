//! Bars for work that takes a while: on standard error, and only when that is a terminal.

use indicatif::{ProgressBar, ProgressStyle};
use std::time::Duration;

/// A bar for so many things.
pub fn bar(total: u64, what: &'static str) -> ProgressBar {
    let bar = ProgressBar::new(total);
    let style =
        ProgressStyle::with_template("{prefix} {wide_bar} {human_pos}/{human_len} {per_sec} eta {eta}");
    if let Ok(style) = style {
        bar.set_style(style);
    }
    bar.set_prefix(what);
    bar
}

/// A sign of life while something goes on whose end nobody knows.
pub fn sign(what: &'static str) -> ProgressBar {
    let sign = ProgressBar::new_spinner().with_message(what);
    sign.enable_steady_tick(Duration::from_millis(200));
    sign
}
