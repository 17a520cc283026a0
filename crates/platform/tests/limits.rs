//! Rate limits against a real Redis, against one that hangs, and against none.

#![expect(clippy::unwrap_used, reason = "a test ends where its surroundings fail")]

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::join_all;
use platform::clock::Clock;
use platform::limits::{Period, RateLimiter, Window};
use platform::settings::RedisSettings;
use testkit::proxy::Proxy;

fn window(key: &str, period: Period, limit: u64) -> Window {
    Window { key: format!("{{t}}:{key}"), period, limit }
}

fn clock_at(time: &str) -> Clock {
    Clock::manual(time.parse::<DateTime<Utc>>().unwrap())
}

/// A limiter whose Redis refuses every connection.
fn alone(clock: &Clock) -> RateLimiter {
    let settings = RedisSettings { url: "redis://127.0.0.1:1".into(), ..testkit::redis_settings() };
    RateLimiter::new(&settings, clock.clone()).unwrap()
}

#[tokio::test]
async fn a_window_ends_at_the_edge_of_its_minute_hour_and_day() {
    for (period, before, length) in [
        (Period::Minute, "2026-11-22T10:59:59Z", 60),
        (Period::Hour, "2026-11-22T10:59:59Z", 3_600),
        (Period::Day, "2026-11-22T23:59:59Z", 86_400),
    ] {
        let clock = clock_at(before);
        let limiter = alone(&clock);
        let windows = [window("k", period, 2)];
        let charge = async || {
            let verdict = limiter.charge(&windows, 1).await;
            (verdict.allowed, verdict.windows[0].remaining, verdict.windows[0].reset_seconds)
        };
        assert_eq!(charge().await, (true, 1, 1), "{period:?}");
        assert_eq!(charge().await, (true, 0, 1), "{period:?}");
        assert_eq!(charge().await, (false, 0, 1), "{period:?}");
        clock.advance(TimeDelta::seconds(1));
        assert_eq!(charge().await, (true, 1, length), "{period:?}");
        clock.advance(TimeDelta::seconds(i64::try_from(length).unwrap() - 1));
        assert_eq!(charge().await, (true, 0, 1), "{period:?}");
        assert_eq!(charge().await, (false, 0, 1), "{period:?}");
    }
}

#[tokio::test]
async fn a_charge_is_taken_from_all_windows_or_from_none() {
    let system = Clock::system();
    let shared = RateLimiter::new(&testkit::redis_settings(), system.clone()).unwrap();
    for limiter in [shared, alone(&clock_at("2026-11-22T10:00:00Z"))] {
        let windows = [window("hour", Period::Hour, 100), window("day", Period::Day, 2)];
        let remaining = async |cost| {
            let verdict = limiter.charge(&windows, cost).await;
            (verdict.allowed, verdict.windows[0].remaining, verdict.windows[1].remaining)
        };
        assert_eq!(remaining(0).await, (true, 100, 2));
        assert_eq!(remaining(1).await, (true, 99, 1));
        assert_eq!(remaining(2).await, (false, 99, 1), "more than is left of one");
        assert_eq!(remaining(1).await, (true, 98, 0));
        assert_eq!(remaining(1).await, (false, 98, 0));
        assert_eq!(limiter.charge(&windows, 1).await.tightest().unwrap().period, Period::Day);
    }
}

#[tokio::test]
async fn over_two_replicas_exactly_the_limit_is_allowed() {
    let settings = testkit::redis_settings();
    let replicas =
        [(); 2].map(|()| RateLimiter::new(&settings, Clock::manual(Clock::system().now())).unwrap());
    let windows = [window("k", Period::Day, 100), window("l", Period::Hour, 1_000)];
    let charges = (0..240).map(|turn| replicas[turn % 2].charge(&windows, 1));
    let verdicts = join_all(charges).await;
    let allowed = verdicts.iter().filter(|verdict| verdict.allowed);
    let mut left: Vec<_> = allowed.map(|verdict| verdict.windows[0].remaining).collect();
    left.sort_unstable();
    assert_eq!(left, (0..100).collect::<Vec<_>>(), "each is told what was left after it");
    for verdict in verdicts {
        for (state, period) in verdict.windows.iter().zip([Period::Day, Period::Hour]) {
            assert_eq!(state.reset_at % period.seconds(), 0);
            assert!((1..=period.seconds()).contains(&state.reset_seconds));
        }
    }
}

#[tokio::test]
async fn those_behind_a_charge_that_is_given_up_go_on() {
    let limiter = RateLimiter::new(&testkit::redis_settings(), Clock::system()).unwrap();
    let windows = [window("k", Period::Day, 100)];
    for _ in 0..20 {
        let mut first = Box::pin(limiter.charge(&windows, 1));
        assert!(futures_util::poll!(&mut first).is_pending());
        let others = (0..4).map(|_| limiter.charge(&windows, 1));
        let given_up = async move { drop(first) };
        let (verdicts, ()) = tokio::join!(join_all(others), given_up);
        assert!(verdicts.iter().all(|verdict| verdict.allowed));
    }
}

#[tokio::test]
async fn a_redis_that_hangs_is_left_alone_for_a_moment_and_then_asked_again() {
    let settings = testkit::redis_settings();
    let redis = testkit::address_of(&testkit::required("LEADWIRE_TEST_REDIS_URL")).await;
    let proxy = Proxy::start(redis).await;
    let clock = clock_at("2026-11-22T10:00:00Z");
    let through = RedisSettings {
        url: testkit::redirected(&settings.url, proxy.address()),
        timeout: std::time::Duration::from_millis(200),
        ..settings.clone()
    };
    let limiter = RateLimiter::new(&through, clock.clone()).unwrap();
    let windows = [window("k", Period::Day, 3)];
    let allowed = async || limiter.charge(&windows, 1).await.allowed;
    assert!(allowed().await);
    proxy.freeze();
    // It counts alone and from nothing, but it counts.
    assert_eq!(
        [allowed().await, allowed().await, allowed().await, allowed().await],
        [true, true, true, false]
    );
    proxy.pass();
    assert!(!allowed().await, "still left alone");
    // A clock that is set back does not prolong it.
    clock.advance(TimeDelta::hours(-1));
    let left = testkit::eventually("redis counts again", async || {
        clock.advance(TimeDelta::seconds(2));
        let remaining = limiter.charge(&windows, 0).await.windows[0].remaining;
        (remaining > 0).then_some(remaining)
    })
    .await;
    // The charge that hung may have arrived late.
    assert!((1..=2).contains(&left));
    for _ in 0..left {
        assert!(allowed().await);
    }
    assert!(!allowed().await);
}
