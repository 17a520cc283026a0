//! Bars for work that takes a while: on standard error, and only when that is a terminal.

use indicatif::{ProgressBar, ProgressStyle};

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
