//! Who is behind the URLs that automations post to, and whether a request makes sense at the moment. Kept apart by
//! organisation: nobody waits because of somebody else's receiver, even if both have it at the same host.

use chrono::{DateTime, TimeDelta, Utc};
use contracts::ids::OrganizationId;
use platform::breaker::{Admission, Breaker};
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use url::Url;

/// The pause after the first failure; it doubles with every further one.
const FIRST: Duration = Duration::from_secs(5);
const LONGEST: Duration = Duration::from_mins(5);
/// Requests to one host at once: a slow one leaves room for others.
const AT_ONCE: u32 = 4;
/// For runs that find them taken.
const PAUSE: TimeDelta = TimeDelta::seconds(1);
/// Whoever is not asked for so long is forgotten.
const FORGOTTEN: TimeDelta = TimeDelta::days(1);

/// An organisation's host, with its port.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HostName {
    organization: OrganizationId,
    host: String,
}

impl HostName {
    pub fn of(organization: OrganizationId, url: &Url) -> Self {
        let port = url.port_or_known_default().unwrap_or(0);
        Self { organization, host: format!("{}:{port}", url.host_str().unwrap_or_default()) }
    }
}

/// When there may be room for a request that is not to be sent now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Later {
    pub until: DateTime<Utc>,
    /// What is wrong with the host. `None`: it has enough to do.
    pub error: Option<String>,
}

/// Why a request was not worked on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    pub reason: String,
    /// The pause that was asked for.
    pub wish: Option<Duration>,
}

/// The hosts of this process.
#[derive(Debug, Default)]
pub struct Hosts(Mutex<HashMap<HostName, Host>>);

#[derive(Debug)]
struct Host {
    breaker: Breaker,
    on_their_way: u32,
    asked_at: DateTime<Utc>,
    /// Why its last request failed.
    reason: String,
}

impl Hosts {
    /// Asks for a request. One that is admitted reports back: [`Hosts::answered`], [`Hosts::failed`] or
    /// [`Hosts::unused`].
    ///
    /// # Errors
    /// When it is not to be sent now.
    pub fn admit(&self, name: &HostName, now: DateTime<Utc>) -> Result<(), Later> {
        let mut hosts = self.lock();
        let host = hosts.entry(name.clone()).or_insert_with(|| Host {
            breaker: Breaker::new(FIRST, LONGEST),
            on_their_way: 0,
            asked_at: now,
            reason: String::new(),
        });
        host.asked_at = now;
        let error = || format!("{} does not work at the moment: {}", name.host, host.reason);
        if host.on_their_way >= AT_ONCE {
            return Err(Later { until: now + PAUSE, error: host.breaker.is_failing().then(error) });
        }
        if host.breaker.admit(now) == Admission::None {
            return Err(Later { until: host.breaker.ask_again_at(now), error: Some(error()) });
        }
        host.on_their_way += 1;
        Ok(())
    }

    /// It answered a request that was sent then, whatever it thought of it.
    pub fn answered(&self, name: &HostName, began: DateTime<Utc>, now: DateTime<Utc>) {
        let mut hosts = self.lock();
        let Some(host) = hosts.get_mut(name) else { return };
        host.on_their_way = host.on_their_way.saturating_sub(1);
        let works_again = host.breaker.succeeded(began, now, None);
        if host.on_their_way == 0 && !host.breaker.is_failing() {
            hosts.remove(name);
        }
        if works_again {
            tracing::info!(host = name.host, "a host that automations post to works again");
            show(&hosts);
        }
    }

    /// It did not work on a request that was sent then. Answers when to try again.
    pub fn failed(
        &self,
        name: &HostName,
        began: DateTime<Utc>,
        now: DateTime<Utc>,
        failure: &Failure,
    ) -> DateTime<Utc> {
        let mut hosts = self.lock();
        hosts.retain(|_, host| now - host.asked_at < FORGOTTEN || host.on_their_way > 0);
        let Some(host) = hosts.get_mut(name) else { return now + PAUSE };
        host.on_their_way = host.on_their_way.saturating_sub(1);
        let worked = !host.breaker.is_failing();
        let until = host.breaker.failed(began, now, failure.wish);
        host.reason.clone_from(&failure.reason);
        if worked {
            tracing::warn!(
                host = name.host,
                "a host that automations post to does not work: their runs wait"
            );
            metrics::counter!("leadwire_automation_breakers_opened_total").increment(1);
        }
        show(&hosts);
        until
    }

    /// What was admitted was not sent.
    pub fn unused(&self, name: &HostName) {
        if let Some(host) = self.lock().get_mut(name) {
            host.on_their_way = host.on_their_way.saturating_sub(1);
            host.breaker.unused();
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<HostName, Host>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Without names: there are as many as strangers like.
fn show(hosts: &HashMap<HostName, Host>) {
    let failing = hosts.values().filter(|host| host.breaker.is_failing()).count();
    metrics::gauge!("leadwire_automation_breakers_open")
        .set(f64::from(u32::try_from(failing).unwrap_or(u32::MAX)));
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn name(organization: u128, url: &str) -> HostName {
        HostName::of(OrganizationId::new(Uuid::from_u128(organization)), &url.parse().unwrap())
    }

    fn failure(seconds: Option<u64>) -> Failure {
        Failure { reason: "answered 503".to_owned(), wish: seconds.map(Duration::from_secs) }
    }

    fn down(until: DateTime<Utc>) -> Later {
        Later { until, error: Some("a.example:443 does not work at the moment: answered 503".to_owned()) }
    }

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds)
    }

    #[test]
    fn a_host_is_a_name_with_a_port_of_one_organisation() {
        let a = name(1, "https://a.example/one");
        assert_eq!(a, name(1, "https://A.example:443/two?three"));
        for other in
            [name(2, "https://a.example/one"), name(1, "http://a.example/"), name(1, "https://b.example/")]
        {
            assert_ne!(a, other);
        }
    }

    #[test]
    fn a_host_that_fails_is_spared_and_others_are_not() {
        let (hosts, a, b) = (Hosts::default(), name(1, "https://a.example/"), name(2, "https://a.example/"));
        hosts.admit(&a, at(0)).unwrap();
        assert_eq!(hosts.failed(&a, at(0), at(1), &failure(None)), at(6));
        assert_eq!(hosts.admit(&a, at(5)), Err(down(at(6))));
        hosts.admit(&b, at(5)).unwrap();
        hosts.admit(&a, at(6)).unwrap();
        assert_eq!(hosts.admit(&a, at(6)), Err(down(at(11))), "one finds out");
        hosts.unused(&a);
        hosts.admit(&a, at(6)).unwrap();
        hosts.answered(&a, at(6), at(7));
        hosts.admit(&a, at(7)).unwrap();
        hosts.admit(&a, at(7)).unwrap();
        assert_eq!(hosts.failed(&a, at(7), at(7), &failure(Some(60))), at(67), "as it asked");
    }

    #[test]
    fn a_slow_host_gets_a_few_requests_at_once() {
        let (hosts, a) = (Hosts::default(), name(1, "https://a.example/"));
        for _ in 0..AT_ONCE {
            hosts.admit(&a, at(0)).unwrap();
        }
        assert_eq!(hosts.admit(&a, at(0)), Err(Later { until: at(1), error: None }));
        hosts.answered(&a, at(0), at(9));
        hosts.admit(&a, at(9)).unwrap();
    }

    #[test]
    fn only_hosts_that_fail_or_work_are_kept_and_none_for_ever() {
        let (hosts, a, b) = (Hosts::default(), name(1, "https://a.example/"), name(1, "https://b.example/"));
        hosts.admit(&a, at(0)).unwrap();
        hosts.answered(&a, at(0), at(0));
        assert!(hosts.lock().is_empty());
        hosts.admit(&a, at(0)).unwrap();
        hosts.failed(&a, at(0), at(0), &failure(None));
        let later = at(0) + FORGOTTEN;
        hosts.admit(&b, later).unwrap();
        hosts.failed(&b, later, later, &failure(None));
        assert_eq!(hosts.lock().keys().collect::<Vec<_>>(), [&b]);
    }
}
