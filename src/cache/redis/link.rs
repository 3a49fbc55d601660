//! The way to the server: one connection for everyone, a budget for every call, and a breaker that
//! spares callers the wait while there is no answer.

use std::future::Future;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{AsyncConnectionConfig, Client, ErrorKind, RedisError, RedisResult, TlsCertificates};
use tokio::sync::Notify;

use crate::domain::clock::Clock;
use crate::telemetry::cache::RedisMetrics;

use super::RedisOptions;

/// Failures in a row that open the breaker.
const FAILURES_MAX: u32 = 5;

/// While the breaker is open the server is asked this often whether it is back. Nobody else asks.
const PROBE_EVERY: Duration = Duration::from_millis(200);

/// After so many probes in vain the connection is made anew: it may be waiting for a peer that is
/// gone, or have given up on a password that is right by now.
const PROBES_MAX: u32 = 25;

/// How often the server is asked how much memory it uses.
const MEMORY_EVERY: Duration = Duration::from_secs(15);

/// How long the start waits to hear whether the server lets us in.
const GREETING_MAX: Duration = Duration::from_secs(1);

/// Between two attempts to connect.
const RECONNECT_MIN: Duration = Duration::from_millis(20);
const RECONNECT_MAX: Duration = Duration::from_millis(500);

/// One connection for all, which mends itself.
pub(super) struct Link {
    client: Client,
    options: RedisOptions,
    manager: RwLock<ConnectionManager>,
    /// Since the last answer.
    failures: AtomicU32,
    /// Set while the breaker is open; then only [`Link::keep_watch`] calls. (A breaker that lets
    /// calls through to find out whether the server is back would make all of them wait.)
    open: AtomicBool,
    opening: Notify,
    clock: Arc<dyn Clock>,
    metrics: RedisMetrics,
    failed: AtomicU64,
    skipped: AtomicU64,
    opened: AtomicU64,
}

/// No answer: too late, or no connection. What the server refuses is an answer.
#[derive(Debug)]
struct NoAnswer;

/// How the calls went.
#[derive(Clone, Copy, Debug)]
pub(super) struct LinkStats {
    pub(super) available: bool,
    pub(super) failed: u64,
    pub(super) skipped: u64,
    pub(super) opened: u64,
}

impl Link {
    /// Connects when it is first used; fails only where the URL makes no sense.
    pub(super) fn new(options: RedisOptions, clock: Arc<dyn Clock>) -> RedisResult<Self> {
        let client = client(&options)?;
        let manager = RwLock::new(manager(&client, options.connect)?);
        Ok(Self {
            client,
            options,
            manager,
            failures: AtomicU32::new(0),
            open: AtomicBool::new(false),
            opening: Notify::new(),
            clock,
            metrics: RedisMetrics::new(),
            failed: AtomicU64::new(0),
            skipped: AtomicU64::new(0),
            opened: AtomicU64::new(0),
        })
    }

    /// Connects once, to hear whether the server lets us in; fails only where it says that it does not. One
    /// that does not answer in time is told of: it is connected to in the background.
    pub(super) async fn greet(&self) -> RedisResult<()> {
        match self.connect_once().await {
            Err(error) if is_refusal(&error) => Err(error),
            Err(error) => {
                self.metrics.unreached(&error);
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }

    async fn connect_once(&self) -> RedisResult<()> {
        let patience = Some(self.options.connect.min(GREETING_MAX));
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(patience)
            .set_response_timeout(patience);
        let connecting = self.client.get_multiplexed_async_connection_with_config(&config);
        redis::cmd("PING").query_async(&mut connecting.await?).await
    }

    /// Runs a query within the budget. `None`: no answer, or the server refuses, or the breaker is
    /// open and nothing was asked.
    pub(super) async fn call<T, Q>(&self, query: impl FnOnce(ConnectionManager) -> Q) -> Option<T>
    where
        Q: Future<Output = RedisResult<T>>,
    {
        if !self.is_available() {
            self.skipped.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        let answer = self.timed(query(self.connection())).await;
        match &answer {
            Ok(_) => self.failures.store(0, Ordering::Relaxed),
            Err(NoAnswer) => self.count_failure(),
        }
        let answer = answer.ok()?;
        if answer.is_err() {
            self.failed.fetch_add(1, Ordering::Relaxed);
        }
        answer.ok()
    }

    /// What is under a key. `None`: nobody says; `Some(None)`: nothing.
    pub(super) async fn get(&self, key: &str) -> Option<Option<Vec<u8>>> {
        let mut get = redis::cmd("GET");
        get.arg(key);
        self.call(|mut to| async move { get.query_async(&mut to).await }).await
    }

    /// Whether calls are made at all.
    pub(super) fn is_available(&self) -> bool {
        !self.open.load(Ordering::Acquire)
    }

    /// How long a call may take.
    pub(super) fn budget(&self) -> Duration {
        self.options.budget
    }

    /// The server, for connections of one's own.
    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    /// How long connecting may take.
    pub(super) fn connect_max(&self) -> Duration {
        self.options.connect
    }

    /// How the calls went.
    pub(super) fn stats(&self) -> LinkStats {
        LinkStats {
            available: self.is_available(),
            failed: self.failed.load(Ordering::Relaxed),
            skipped: self.skipped.load(Ordering::Relaxed),
            opened: self.opened.load(Ordering::Relaxed),
        }
    }

    /// Connects, then waits for the breaker to open, and closes it once the server is back. For
    /// ever.
    pub(super) async fn keep_watch(&self) {
        // Without a budget: nobody waits for this, and it carries the first connection to its end.
        let mut connection = self.connection();
        let _answer = redis::cmd("PING").query_async::<()>(&mut connection).await;
        loop {
            self.opening.notified().await;
            let mut probes = 0;
            while !self.is_available() {
                tokio::time::sleep(PROBE_EVERY).await;
                if self.probe().await {
                    self.failures.store(0, Ordering::Relaxed);
                    self.open.store(false, Ordering::Release);
                    self.metrics.breaker_closed();
                } else {
                    probes += 1;
                    if probes % PROBES_MAX == 0 {
                        self.connect_anew();
                    }
                }
            }
        }
    }

    /// Records how much memory the server uses, for ever. One that does not tell us goes without.
    pub(super) async fn watch_memory(&self) {
        let mut asked = redis::cmd("INFO");
        asked.arg("memory");
        let mut told_before = false;
        loop {
            tokio::time::sleep(MEMORY_EVERY).await;
            if !self.is_available() {
                if std::mem::take(&mut told_before) {
                    self.metrics.forget_bytes();
                }
                continue;
            }
            // Without the budget, and no matter for the breaker: nobody waits for this.
            let mut connection = self.connection();
            let asking = asked.query_async::<String>(&mut connection);
            let answer = tokio::time::timeout(self.options.connect, asking).await;
            if let Ok(Ok(told)) = answer
                && let Some(bytes) = used_memory(&told)
            {
                self.metrics.uses_bytes(bytes);
                told_before = true;
            }
        }
    }

    async fn probe(&self) -> bool {
        let mut connection = self.connection();
        let ping = redis::cmd("PING");
        let answer = self.timed(async { ping.query_async::<()>(&mut connection).await });
        matches!(answer.await, Ok(Ok(())))
    }

    async fn timed<T>(
        &self,
        query: impl Future<Output = RedisResult<T>>,
    ) -> Result<RedisResult<T>, NoAnswer> {
        let started = self.clock.monotonic();
        let answer = tokio::time::timeout(self.options.budget, query).await;
        self.metrics.took_us(self.clock.monotonic().since(started));
        match answer {
            Err(_elapsed) => Err(NoAnswer),
            Ok(Err(error)) if !is_answer(&error) => Err(NoAnswer),
            Ok(answer) => Ok(answer),
        }
    }

    fn count_failure(&self) {
        self.failed.fetch_add(1, Ordering::Relaxed);
        let failures = self.failures.fetch_add(1, Ordering::Relaxed) + 1;
        if failures >= FAILURES_MAX && !self.open.swap(true, Ordering::AcqRel) {
            self.opened.fetch_add(1, Ordering::Relaxed);
            self.metrics.breaker_opened();
            self.opening.notify_one();
        }
    }

    fn connection(&self) -> ConnectionManager {
        self.manager.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn connect_anew(&self) {
        if let Ok(fresh) = manager(&self.client, self.options.connect) {
            *self.manager.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        }
    }
}

fn client(options: &RedisOptions) -> RedisResult<Client> {
    let url = options.url.as_str();
    match &options.authority {
        None => Client::open(url),
        Some(authority) => {
            let root_cert = Some(authority.clone().into_bytes());
            Client::build_with_tls(url, TlsCertificates { client_tls: None, root_cert })
        }
    }
}

fn manager(client: &Client, connect: Duration) -> RedisResult<ConnectionManager> {
    let config = ConnectionManagerConfig::new()
        .set_min_delay(RECONNECT_MIN)
        .set_max_delay(RECONNECT_MAX)
        .set_connection_timeout(Some(connect))
        .set_response_timeout(None); // ours is shorter
    ConnectionManager::new_lazy_with_config(client.clone(), config)
}

fn used_memory(told: &str) -> Option<u64> {
    let used = told.lines().find_map(|line| line.strip_prefix("used_memory:"));
    used?.trim().parse().ok()
}

/// Whether the server has said that it lets nobody in who comes like this.
fn is_refusal(error: &RedisError) -> bool {
    matches!(error.kind(), ErrorKind::AuthenticationFailed)
        || matches!(error.code(), Some("NOAUTH" | "NOPERM" | "WRONGPASS"))
}

/// Whether this was said by the server, in answer to what it was asked.
fn is_answer(error: &RedisError) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Server(_) | ErrorKind::Extension | ErrorKind::UnexpectedReturnType
    )
}

#[cfg(test)]
mod tests {
    use super::used_memory;

    #[test]
    fn the_memory_in_use_is_read_from_what_the_server_tells() {
        let told = "# Memory\r\nused_memory:1048576\r\nused_memory_human:1.00M\r\n";
        assert_eq!(used_memory(told), Some(1_048_576));
        assert_eq!(used_memory("# Memory\r\n"), None);
    }
}
