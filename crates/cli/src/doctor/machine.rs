//! Clocks, and the disks of this machine.

use super::Findings;
use chrono::{DateTime, TimeDelta, Utc};
use std::path::Path;

/// A clock that was read between two looks at ours.
pub fn skew(
    what: &str,
    before: DateTime<Utc>,
    theirs: DateTime<Utc>,
    after: DateTime<Utc>,
    findings: &mut Findings,
) {
    // Anything between the two looks is no difference.
    let apart = if theirs < before { before - theirs } else { (theirs - after).max(TimeDelta::zero()) };
    findings.judge(
        what,
        format!("{} ms from this machine's", apart.num_milliseconds()),
        seconds(apart),
        (2.0, 5.0),
        "Tokens between services live for a minute and forgive 5 s: let NTP set every machine's clock.",
    );
}

/// A length of time in seconds.
pub fn seconds(time: TimeDelta) -> f64 {
    time.as_seconds_f64()
}

/// How full a file system is.
pub async fn look(directory: &Path, findings: &mut Findings) {
    let what = format!("disk of {}", directory.display());
    let output = tokio::process::Command::new("df").arg("-Pk").arg(directory).output().await;
    let text = output.ok().filter(|output| output.status.success()).map(|output| output.stdout);
    let used = text.and_then(|text| share(&String::from_utf8_lossy(&text)));
    match used {
        Some(used) => findings.judge(
            &what,
            format!("{used:.0} % full"),
            used,
            (80.0, 95.0),
            "A full disk stops PostgreSQL and RabbitMQ alike: make room, or add some.",
        ),
        None => findings.warn(&what, "cannot be looked at", "Is there such a directory?"),
    }
}

/// The column `Capacity` of `df -P`.
fn share(text: &str) -> Option<f64> {
    text.lines().nth(1)?.split_whitespace().nth(4)?.trim_end_matches('%').parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_of_a_disk_is_read() {
        let text = "Filesystem 1024-blocks Used Available Capacity Mounted on\n/dev/sda1 100 81 19 81% /\n";
        assert_eq!(share(text), Some(81.0));
        assert_eq!(share(""), None);
    }

    #[test]
    fn only_what_is_outside_of_the_two_looks_is_a_difference() {
        let at = |second: i64| DateTime::from_timestamp(second, 0).unwrap();
        for (theirs, level) in [(10, "ok"), (11, "ok"), (14, "warning"), (4, "broken"), (30, "broken")] {
            let mut findings = Findings::default();
            skew("clock", at(10), at(theirs), at(11), &mut findings);
            assert_eq!(findings.worst().word(), level, "{theirs}");
        }
    }
}
