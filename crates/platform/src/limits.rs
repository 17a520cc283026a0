//! Rate limits: fixed windows that all replicas share through Redis, several at once, in one round trip.
//!
//! Windows are aligned to the UTC minute, hour and day of the Redis server's clock. A charge is taken from
//! all windows or from none. Charges to the same windows go together: those that arrive at once, and those that
//! gather while one is on its way, so that a busy caller costs Redis little. When Redis does not answer in time, this
//! process counts alone for a moment: requests are never unlimited and never wait. Quotas that must be exact
//! for billing are not for here.

use crate::settings::RedisSettings;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{Client, Script};
use secrecy::ExposeSecret;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::oneshot;

use crate::clock::Clock;

/// KEYS: one per window. ARGV: the cost of a charge, how many such charges, then (length in seconds, limit)
/// per window.
/// Returns: how many of the charges were taken, now in seconds, then the count of each window after them.
const CHARGE: &str = r"
local now = tonumber(redis.call('TIME')[1])
local cost, taken = tonumber(ARGV[1]), tonumber(ARGV[2])
local names, counts = {}, {}
for i, key in ipairs(KEYS) do
  local length = tonumber(ARGV[2 * i + 1])
  names[i] = key .. ':' .. math.floor(now / length)
  counts[i] = tonumber(redis.call('GET', names[i]) or '0')
  local left = tonumber(ARGV[2 * i + 2]) - counts[i]
  if left < 0 then taken = 0 elseif cost > 0 then taken = math.min(taken, math.floor(left / cost)) end
end
local sum = taken * cost
if sum > 0 then
  for i, name in ipairs(names) do
    local length = tonumber(ARGV[2 * i + 1])
    counts[i] = redis.call('INCRBY', name, sum)
    if counts[i] == sum then redis.call('EXPIRE', name, length + 5) end
  end
end
return {taken, now, unpack(counts)}
";

/// How long Redis is left alone after it failed to answer, in milliseconds.
const REST_MILLIS: u64 = 1_000;
/// More windows than this are not remembered while counting alone.
const LOCAL_WINDOWS: usize = 100_000;

/// The length of a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Period {
    Minute,
    Hour,
    Day,
}

impl Period {
    pub const fn seconds(self) -> u64 {
        match self {
            Self::Minute => 60,
            Self::Hour => 3_600,
            Self::Day => 86_400,
        }
    }
}

/// One limit that a request counts against.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Window {
    /// With a hash tag, so that all windows of a request lie on one node: `{organisation}:credential:…`.
    pub key: String,
    pub period: Period,
    pub limit: u64,
}

/// How a window stands after a charge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowState {
    pub period: Period,
    pub limit: u64,
    pub remaining: u64,
    /// Until the window ends, in whole seconds, at least 1.
    pub reset_seconds: u64,
    /// When it ends, in seconds of Unix time.
    pub reset_at: u64,
}

/// The answer to a charge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    pub allowed: bool,
    /// In the order of the windows that were asked for.
    pub windows: Vec<WindowState>,
}

impl Verdict {
    /// The window that is closest to its limit: the one that headers speak of.
    pub fn tightest(&self) -> Option<WindowState> {
        self.windows.iter().copied().min_by_key(|window| (window.remaining, u64::MAX - window.reset_seconds))
    }
}

/// Charges requests to windows.
#[derive(Clone)]
pub struct RateLimiter {
    redis: ConnectionManager,
    inner: Arc<Inner>,
    gathered: Arc<Gathered>,
}

/// Charges of 1 that wait to go together, by their windows.
type Gathered = Mutex<HashMap<Vec<Window>, Vec<oneshot::Sender<Verdict>>>>;

struct Inner {
    client: Client,
    prefix: String,
    timeout: Duration,
    clock: Clock,
    script: Script,
    /// Unix milliseconds until which Redis is not asked.
    resting_until: AtomicU64,
    alone: Mutex<HashMap<String, Counted>>,
}

/// A window that this process counts alone.
#[derive(Clone, Copy, Debug)]
struct Counted {
    count: u64,
    /// In seconds of Unix time.
    ends_at: u64,
}

impl RateLimiter {
    /// Connects when it is first used; a Redis that is down at start is no error.
    ///
    /// # Errors
    /// When the URL is malformed.
    pub fn new(settings: &RedisSettings, clock: Clock) -> redis::RedisResult<Self> {
        metrics::describe_counter!(
            "leadwire_rate_limit_degraded_total",
            "charges that this process counted alone, because redis did not answer"
        );
        let client = Client::open(settings.url.expose_secret())?;
        let redis = connection(&client, settings.timeout)?;
        let inner = Arc::new(Inner {
            client,
            prefix: settings.prefix.clone(),
            timeout: settings.timeout,
            clock,
            script: Script::new(CHARGE),
            resting_until: AtomicU64::new(0),
            alone: Mutex::default(),
        });
        Ok(Self { redis, inner, gathered: Arc::default() })
    }

    /// The same limiter on a connection of its own, which is driven by the thread that uses it first: for a
    /// worker thread, which then waits for no other.
    ///
    /// # Errors
    /// When the client cannot be set up, as with [`RateLimiter::new`].
    pub fn on_own_connection(&self) -> redis::RedisResult<Self> {
        let redis = connection(&self.inner.client, self.inner.timeout)?;
        Ok(Self { redis, inner: self.inner.clone(), gathered: Arc::default() })
    }

    /// Takes `cost` from every window, or from none when one of them has less left. A cost of 0 only looks.
    pub async fn charge(&self, windows: &[Window], cost: u64) -> Verdict {
        // One that is not answered was given up, because the process is about to end.
        if cost == 1
            && let Ok(verdict) = self.line_up(windows).await
        {
            return verdict;
        }
        only(self.charge_many(windows, cost, 1).await)
    }

    /// A place in the next charge to these windows.
    #[expect(clippy::disallowed_methods, reason = "it ends as soon as nobody waits for it")]
    fn line_up(&self, windows: &[Window]) -> oneshot::Receiver<Verdict> {
        let (sender, receiver) = oneshot::channel();
        let mut gathered = self.gathered.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(waiting) = gathered.get_mut(windows) {
            waiting.push(sender);
            return receiver;
        }
        gathered.insert(windows.to_vec(), vec![sender]);
        drop(gathered);
        // A worker thread takes it up after all that is ready to run, so that what arrives together goes together.
        tokio::spawn(self.clone().charge_gathered(windows.to_vec()));
        receiver
    }

    /// Those that lined up; without any, the next one begins a line of its own.
    fn lined_up(&self, windows: &[Window]) -> Vec<oneshot::Sender<Verdict>> {
        let mut gathered = self.gathered.lock().unwrap_or_else(PoisonError::into_inner);
        let waiting = gathered.get_mut(windows).map(std::mem::take).unwrap_or_default();
        if waiting.is_empty() {
            gathered.remove(windows);
        }
        waiting
    }

    /// Charges those that lined up, and then those that did so meanwhile.
    async fn charge_gathered(self, windows: Vec<Window>) {
        loop {
            let waiting = self.lined_up(&windows);
            if waiting.is_empty() {
                return;
            }
            let verdicts = self.charge_many(&windows, 1, waiting.len()).await;
            for (sender, verdict) in waiting.into_iter().zip(verdicts) {
                sender.send(verdict).ok();
            }
        }
    }

    /// So many charges of the same cost, one after the other as if each had come alone.
    async fn charge_many(&self, windows: &[Window], cost: u64, charges: usize) -> Vec<Verdict> {
        let now = u64::try_from(self.inner.clock.now().timestamp_millis()).unwrap_or(0);
        // A clock that was set back must not let Redis rest for as long as it was set back.
        let rests = (now + 1..=now + REST_MILLIS).contains(&self.inner.resting_until.load(Ordering::Relaxed));
        if !rests {
            match self.inner.ask_redis(self.redis.clone(), windows, cost, charges).await {
                Ok(verdicts) => return verdicts,
                Err(error) => {
                    self.inner.resting_until.store(now + REST_MILLIS, Ordering::Relaxed);
                    tracing::warn!(%error, "rate limits: redis does not answer, this process counts alone");
                }
            }
        }
        metrics::counter!("leadwire_rate_limit_degraded_total").increment(charges as u64);
        (0..charges).map(|_| self.inner.count_alone(windows, cost, now / 1000)).collect()
    }

    /// Whether Redis answers.
    ///
    /// # Errors
    /// What it said instead, or that it said nothing in time.
    pub async fn ping(&self) -> Result<(), String> {
        let mut redis = self.redis.clone();
        let ping = async move { redis::cmd("PING").query_async::<()>(&mut redis).await };
        match tokio::time::timeout(self.inner.timeout * 2, ping).await {
            Ok(answer) => answer.map_err(|error| error.to_string()),
            Err(_) => Err("no answer in time".to_owned()),
        }
    }
}

/// The verdict of a charge that went alone.
fn only(verdicts: Vec<Verdict>) -> Verdict {
    verdicts.into_iter().next().unwrap_or(Verdict { allowed: false, windows: Vec::new() })
}

fn connection(client: &Client, timeout: Duration) -> redis::RedisResult<ConnectionManager> {
    let config = ConnectionManagerConfig::new()
        .set_connection_timeout(Some(timeout))
        .set_response_timeout(Some(timeout))
        .set_number_of_retries(1)
        .set_max_delay(Duration::from_millis(100));
    ConnectionManager::new_lazy_with_config(client.clone(), config)
}

impl std::fmt::Debug for RateLimiter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RateLimiter").field("prefix", &self.inner.prefix).finish_non_exhaustive()
    }
}

impl Inner {
    async fn ask_redis(
        &self,
        mut redis: ConnectionManager,
        windows: &[Window],
        cost: u64,
        charges: usize,
    ) -> redis::RedisResult<Vec<Verdict>> {
        let mut call = self.script.prepare_invoke();
        call.arg(cost).arg(charges);
        for window in windows {
            call.key(self.name(window)).arg(window.period.seconds()).arg(window.limit);
        }
        let answer = tokio::time::timeout(self.timeout, call.invoke_async::<Vec<u64>>(&mut redis)).await;
        let Ok(answer) = answer else {
            return Err(redis::RedisError::from((redis::ErrorKind::Io, "no answer in time")));
        };
        let answer = answer?;
        let [taken, now, counts @ ..] = answer.as_slice() else {
            return Err(redis::RedisError::from((redis::ErrorKind::UnexpectedReturnType, "script answer")));
        };
        let verdict = |charge: u64| {
            // What those behind this one took was not yet counted when it was its turn.
            let later = taken.saturating_sub(charge + 1) * cost;
            let windows = windows
                .iter()
                .zip(counts)
                .map(|(window, count)| state(window, count.saturating_sub(later), *now));
            Verdict { allowed: charge < *taken, windows: windows.collect() }
        };
        Ok((0..charges as u64).map(verdict).collect())
    }

    fn count_alone(&self, windows: &[Window], cost: u64, now: u64) -> Verdict {
        let mut alone = self.alone.lock().unwrap_or_else(PoisonError::into_inner);
        if alone.len() > LOCAL_WINDOWS {
            alone.retain(|_, counted| counted.ends_at > now);
        }
        if alone.len() > LOCAL_WINDOWS {
            alone.clear();
        }
        let names: Vec<_> = windows
            .iter()
            .map(|window| format!("{}:{}", self.name(window), now / window.period.seconds()))
            .collect();
        let count_of =
            |alone: &HashMap<String, Counted>, name| alone.get(name).map_or(0, |counted| counted.count);
        let allowed =
            windows.iter().zip(&names).all(|(window, name)| count_of(&alone, name) + cost <= window.limit);
        if allowed {
            for (window, name) in windows.iter().zip(&names) {
                let ends_at = state(window, 0, now).reset_at;
                alone.entry(name.clone()).or_insert(Counted { count: 0, ends_at }).count += cost;
            }
        }
        let windows = windows
            .iter()
            .zip(&names)
            .map(|(window, name)| state(window, count_of(&alone, name), now))
            .collect();
        Verdict { allowed, windows }
    }

    fn name(&self, window: &Window) -> String {
        format!("{}rl:{}:{}", self.prefix, window.key, window.period.seconds())
    }
}

fn state(window: &Window, count: u64, now: u64) -> WindowState {
    let length = window.period.seconds();
    let reset_at = (now / length + 1) * length;
    WindowState {
        period: window.period,
        limit: window.limit,
        remaining: window.limit.saturating_sub(count),
        reset_seconds: reset_at - now,
        reset_at,
    }
}
