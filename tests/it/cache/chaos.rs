//! S-05: what a sick server does to those who ask it. Each test has a server of its own.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::server::OwnRedis;
use super::world::{Instance, Scripted, eventually};

/// The budget is 20 ms; this is the bar for the slowest while the server is sick, on a busy machine.
const BUDGET_AND_A_LITTLE: Duration = Duration::from_millis(150);

/// What nine of ten purchases take once the server has been given up: nobody waits for it any more,
/// and the store of these tests answers at once.
const AT_ONCE: Duration = Duration::from_millis(15);

const RECOVERY: Duration = Duration::from_secs(1);

struct Ward {
    redis: OwnRedis,
    source: Arc<Scripted>,
    instance: Instance,
    next: u128,
}

impl Ward {
    async fn new() -> Self {
        let redis = OwnRedis::start().await;
        let source = Scripted::with_cards(1_000_000);
        let instance = Instance::sharing(&source, &redis.url(), "t:").await;
        Self { redis, source, instance, next: 0 }
    }

    /// A purchase with a card that no memory knows.
    async fn purchase(&mut self) -> Duration {
        let started = Instant::now();
        assert_eq!(self.instance.purchase(self.next).await, Some((1, 1)));
        self.next += 1;
        started.elapsed()
    }

    /// Purchases while the server is sick: at first each waits no longer than it may, then none
    /// waits at all.
    async fn endures(&mut self, sick: Duration) {
        let (began, mut waiting, mut open) = (Instant::now(), Vec::new(), Vec::new());
        while began.elapsed() < sick {
            let is_open = !self.instance.shared().available;
            let took = self.purchase().await;
            if is_open { &mut open } else { &mut waiting }.push(took);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        open.sort();
        let slowest = waiting.iter().chain(&open).max().copied().unwrap_or_default();
        let most = open[open.len() * 9 / 10];
        let (waited, spared) = (waiting.len(), open.len());
        eprintln!(
            "sick for {sick:?}: {waited} waited, {spared} did not, slowest {slowest:?}, \
             nine of ten of those spared {most:?}"
        );
        let shared = self.instance.shared();
        assert!(shared.opened >= 1 && !shared.available, "the breaker is open: {shared:?}");
        assert!(waited <= 6, "five failures open it: {waited}");
        assert!(slowest <= BUDGET_AND_A_LITTLE, "{slowest:?}");
        assert!(most <= AT_ONCE, "{most:?}");
    }

    /// Back to hits: what one instance fills, the next lookup of another finds.
    async fn recovers(&mut self, since: Instant) {
        let shared = || self.instance.shared();
        eventually("in step again", RECOVERY, || shared().available && shared().in_step).await;
        let filled = shared().filled;
        let n = self.next;
        self.purchase().await;
        eventually("filled again", RECOVERY, || self.instance.shared().filled >= filled + 4).await;
        eprintln!("recovered after {:?}", since.elapsed());
        assert!(since.elapsed() <= RECOVERY, "{:?}", since.elapsed());
        let other = Instance::sharing(&self.source, &self.redis.url(), "t:").await;
        let before = self.source.reads();
        assert_eq!(other.purchase(n).await, Some((1, 1)));
        assert_eq!(self.source.reads(), before, "a hit");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn a_killed_server_costs_no_more_than_the_budget() {
    let mut ward = Ward::new().await;
    ward.purchase().await;
    ward.redis.kill();
    ward.endures(Duration::from_secs(2)).await;
    ward.redis.restart().await;
    ward.recovers(Instant::now()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn a_frozen_server_costs_no_more_than_the_budget() {
    let mut ward = Ward::new().await;
    ward.purchase().await;
    ward.redis.freeze();
    ward.endures(Duration::from_secs(2)).await;
    ward.redis.thaw();
    ward.recovers(Instant::now()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn a_paused_server_costs_no_more_than_the_budget() {
    let mut ward = Ward::new().await;
    ward.purchase().await;
    let mut raw = ward.redis.raw().await.unwrap();
    let mut pause = redis::cmd("CLIENT");
    let () = pause.arg("PAUSE").arg(1_500).arg("ALL").query_async(&mut raw).await.unwrap();
    let paused = Instant::now();
    ward.endures(Duration::from_millis(1_200)).await;
    tokio::time::sleep(Duration::from_millis(1_500).saturating_sub(paused.elapsed())).await;
    ward.recovers(Instant::now()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn a_server_that_comes_later_is_used_when_it_comes() {
    let mut redis = OwnRedis::down();
    let source = Scripted::with_cards(1_000);
    let started = Instant::now();
    let instance = Instance::starting(&source, &redis.url(), "t:");
    assert!(started.elapsed() < Duration::from_millis(50), "{:?}", started.elapsed());
    for n in 0..50 {
        let asked = Instant::now();
        assert_eq!(instance.purchase(n).await, Some((1, 1)));
        assert!(asked.elapsed() <= BUDGET_AND_A_LITTLE, "{:?}", asked.elapsed());
        instance.update_card(&source, 500).await;
    }
    redis.restart().await;
    let back = Instant::now();
    eventually("in step", RECOVERY, || instance.shared().in_step).await;
    instance.until("what waited has been told", |shared| shared.waiting == 0).await;
    eprintln!("used after {:?}", back.elapsed());
    instance.purchase(999).await;
    instance.until("filled", |shared| shared.filled >= 4).await;
}

/// What was changed while the server was away is known to everyone once it is back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn changes_made_while_the_server_is_frozen_are_told_later() {
    let ward = Ward::new().await;
    let other = Instance::sharing(&ward.source, &ward.redis.url(), "t:").await;
    assert_eq!(
        (other.purchase(7).await, ward.instance.purchase(7).await),
        (Some((1, 1)), Some((1, 1)))
    );
    ward.redis.freeze();
    let asked = Instant::now();
    ward.instance.update_card(&ward.source, 7).await;
    assert!(asked.elapsed() <= BUDGET_AND_A_LITTLE, "acknowledged anyway: {:?}", asked.elapsed());
    assert_eq!(ward.instance.card_version(7).await, Some(2));
    tokio::time::sleep(Duration::from_millis(500)).await;
    ward.redis.thaw();
    let card = super::world::card_token(7);
    let took = eventually("known elsewhere", RECOVERY, || other.cache.card(&card).is_none()).await;
    eprintln!("told {took:?} after the server was back");
    assert_eq!(other.card_version(7).await, Some(2));
}

/// All subscribers are cut off, again and again, while changes are made.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn a_cut_subscriber_misses_nothing_for_long() {
    let ward = Ward::new().await;
    let other = Instance::sharing(&ward.source, &ward.redis.url(), "t:").await;
    let mut raw = ward.redis.raw().await.unwrap();
    let mut slowest = Duration::ZERO;
    for n in 0..20 {
        other.purchase(n).await;
        let mut kill = redis::cmd("CLIENT");
        let cut: i64 =
            kill.arg("KILL").arg("TYPE").arg("pubsub").query_async(&mut raw).await.unwrap();
        ward.instance.update_card(&ward.source, n).await;
        let card = super::world::card_token(n);
        let took = eventually("known elsewhere", RECOVERY, || other.cache.card(&card).is_none());
        slowest = slowest.max(took.await);
        assert_eq!(other.card_version(n).await, Some(2), "{cut} subscribers were cut");
    }
    eprintln!("known elsewhere after at most {slowest:?} although everyone was cut off");
}

/// A server without room refuses to keep anything: it still answers, so it is still asked.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn a_full_server_is_asked_and_told_later() {
    let mut ward = Ward::new().await;
    let mut raw = ward.redis.raw().await.unwrap();
    let () = config(&mut raw, "maxmemory", "1").await;
    for _ in 0..100 {
        assert!(ward.purchase().await <= BUDGET_AND_A_LITTLE);
    }
    // The very first is let through: it begins with a deletion.
    for n in [3, 4] {
        ward.instance.update_card(&ward.source, n).await;
        assert_eq!(ward.instance.card_version(n).await, Some(2));
    }
    let shared = ward.instance.shared();
    assert!(shared.available && shared.failed > 0 && shared.waiting == 1, "{shared:?}");
    let () = config(&mut raw, "maxmemory", "0").await;
    eventually("told", RECOVERY, || ward.instance.shared().waiting == 0).await;
    ward.recovers(Instant::now()).await;
}

/// A server that makes room by throwing away what it likes, floors among it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn what_is_evicted_is_only_missed() {
    let ward = Ward::new().await;
    let other = Instance::sharing(&ward.source, &ward.redis.url(), "t:").await;
    let mut raw = ward.redis.raw().await.unwrap();
    let () = config(&mut raw, "maxmemory-policy", "allkeys-random").await;
    let () = config(&mut raw, "maxmemory", "1500000").await;
    for n in 0..600 {
        assert_eq!(ward.instance.purchase(n).await, Some((1, 1)));
        ward.instance.update_card(&ward.source, n).await;
        assert_eq!(ward.instance.purchase(n).await, Some((2, 2)), "at once where it was changed");
    }
    tokio::time::sleep(Duration::from_millis(700)).await;
    for n in 0..600 {
        let seen = other.purchase(n).await.unwrap();
        assert_eq!(seen, (2, 2), "elsewhere within a second");
    }
}

async fn config(raw: &mut redis::aio::MultiplexedConnection, name: &str, value: &str) {
    let mut set = redis::cmd("CONFIG");
    set.arg("SET").arg(name).arg(value).query_async::<()>(raw).await.unwrap();
}
