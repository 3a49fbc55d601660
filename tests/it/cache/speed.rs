//! What lookups cost. Bars with room for a debug build on a busy machine; the figures are printed.

use std::time::Duration;

use tokio::time::Instant;

use super::shared::{Corner, filled};
use super::world::{Instance, Scripted};

const ROUNDS: u32 = 20_000;

/// Without optimisation everything takes ten times as long.
const MEMORY_MAX: Duration = Duration::from_micros(if cfg!(debug_assertions) { 500 } else { 50 });
const SERVER_P99_MAX: Duration = Duration::from_millis(if cfg!(debug_assertions) { 20 } else { 2 });

async fn warm(instance: &Instance) -> Duration {
    instance.purchase(0).await;
    let started = Instant::now();
    for _ in 0..ROUNDS {
        instance.purchase(0).await;
    }
    started.elapsed() / ROUNDS
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn three_lookups_from_memory_and_from_the_server() {
    let alone = warm(&Instance::alone(&Scripted::with_cards(1))).await;
    let corner = Corner::new().await;
    let shared = warm(&corner.instance().await).await;
    eprintln!("three lookups from memory: {alone:?}; with a server behind it: {shared:?}");
    assert!(alone < MEMORY_MAX, "{alone:?}");
    assert!(shared < MEMORY_MAX, "{shared:?}");

    let filler = corner.instance().await;
    for n in 1..100 {
        filled(&filler, n).await;
    }
    let mut took = Vec::new();
    for _ in 0..20 {
        let fresh = corner.instance().await;
        for n in 1..100 {
            let started = Instant::now();
            fresh.purchase(n).await;
            took.push(started.elapsed());
        }
        assert_eq!(fresh.shared().cards.misses, 0);
    }
    took.sort();
    let (half, p99) = (took[took.len() / 2], took[took.len() * 99 / 100]);
    eprintln!("three lookups in one round trip to the server: p50 {half:?}, p99 {p99:?}");
    assert!(p99 < SERVER_P99_MAX, "{p99:?}");
}
