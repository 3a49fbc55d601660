//! The admin listener: metrics for whoever watches this process. It has an address of its own, which
//! is not to be reached from outside, and so asks for no key.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{HeaderValue, header};

use super::{Doors, health, with_fallbacks};
use crate::pipeline::LaneStats;
use crate::service::health::Figures;
use crate::telemetry::metrics::Metric;
use crate::telemetry::{broker, cache, metrics, outbox};

/// Prometheus' text format.
const TEXT: HeaderValue = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");

/// How long the scrape waits for what only a store knows.
const BACKLOG_WITHIN: Duration = Duration::from_millis(500);

/// `GET /metrics` and `GET /live`.
pub fn router(doors: Arc<Doors>) -> Router {
    let admin = Router::new().route("/metrics", get(scrape)).route("/live", get(health::live));
    with_fallbacks(admin).with_state(doors)
}

async fn scrape(State(doors): State<Arc<Doors>>) -> Response {
    metrics::take_profile(&doors.profiler.report(doors.clock.now(), metrics::STAGE_MINUTES));
    take_lanes(&doors.pipeline.lane_stats());
    take_caches(&doors);
    take_servers(&doors);
    match doors.health.outbox() {
        Some(outbox) => outbox::stands(outbox.rows, outbox.oldest_us),
        None => outbox::forget_rows(),
    }
    for queue in doors.health.queues() {
        let labels = [("queue", queue.queue.as_str())];
        metrics::set(broker::QUEUE_DEPTH, &labels, queue.messages as f64);
    }
    take_ingest(&doors).await;
    ([(header::CONTENT_TYPE, TEXT)], metrics::render()).into_response()
}

fn take_lanes(lanes: &LaneStats) {
    metrics::count(metrics::LANE_BATCHES, &[], lanes.batches);
    let done = [
        ("settled", lanes.items),
        ("shed", lanes.shed),
        ("stalled", lanes.stalled),
        ("voided", lanes.voids),
        ("retried", lanes.retries),
    ];
    split(metrics::LANE_INTENTS, "what", done);
}

fn take_caches(doors: &Doors) {
    let caches = doors.health.caches();
    for (home, cache) in &caches {
        let home = ("home", *home);
        metrics::set(cache::ENTRIES, &[home], cache.entries as f64);
        let lookups = |level, kind, hits, misses| {
            for (result, total) in [("hit", hits), ("miss", misses)] {
                let labels = [home, ("level", level), ("kind", kind), ("result", result)];
                metrics::count(cache::LOOKUPS, &labels, total);
            }
        };
        lookups("memory", "user", cache.users.hits, cache.users.misses);
        lookups("memory", "card", cache.cards.hits, cache.cards.misses);
        lookups("memory", "limits", cache.limits.hits, cache.limits.misses);
        let reported = cache.transactions;
        lookups("memory", "transaction", reported.hits, reported.misses);
        let Some(shared) = &cache.shared else { continue };
        lookups("shared", "user", shared.users.hits, shared.users.misses);
        lookups("shared", "card", shared.cards.hits, shared.cards.misses);
        lookups("shared", "limits", shared.limits.hits, shared.limits.misses);
        let reported = shared.transactions;
        lookups("shared", "transaction", reported.hits, reported.misses);
        for (result, total) in
            [("kept", shared.filled), ("refused", shared.refused), ("dropped", shared.dropped)]
        {
            metrics::count(cache::FILLS, &[home, ("result", result)], total);
        }
        for (way, total) in [("announced", shared.announced), ("heard", shared.heard)] {
            metrics::count(cache::CHANGES, &[home, ("way", way)], total);
        }
        metrics::set(cache::CHANGES_WAITING, &[home], shared.waiting as f64);
        metrics::count(cache::GAPS, &[home], shared.gaps);
        metrics::count(cache::UNREADABLE, &[home], shared.unreadable);
    }
    // The connection is one for both homes.
    let Some(link) = caches.iter().find_map(|(_, cache)| cache.shared) else { return };
    split(cache::REDIS_UNANSWERED, "why", [("failed", link.failed), ("skipped", link.skipped)]);
    metrics::count(cache::REDIS_OPENED, &[], link.opened);
}

fn take_servers(doors: &Doors) {
    for Figures { name, probe_us, pools } in doors.health.servers() {
        let server = ("server", name);
        let seconds = Duration::from_micros(probe_us).as_secs_f64();
        metrics::set(metrics::PROBE_SECONDS, &[server], seconds);
        for (pool, stats) in pools {
            let states = [("open", stats.open), ("in_use", stats.in_use), ("max", stats.max)];
            for (state, count) in states {
                let labels = [server, ("pool", pool), ("state", state)];
                metrics::set(metrics::POOL_CONNECTIONS, &labels, count as f64);
            }
        }
    }
}

async fn take_ingest(doors: &Doors) {
    let ingest = &doors.service.ingest;
    let stats = ingest.stats();
    let answers =
        [("accepted", stats.accepted), ("repeated", stats.repeated), ("refused", stats.refused)];
    split(metrics::INGEST_RECORDS, "result", answers);
    metrics::count(metrics::INGEST_WRITES, &[], stats.writes);
    let outcomes = [
        ("processed", stats.processed),
        ("retried", stats.retried),
        ("parked", stats.parked),
        ("released", stats.released),
    ];
    split(metrics::INGEST_ATTEMPTS, "outcome", outcomes);
    // A store that is slow must not hold up whoever watches: then the last figure stays.
    let backlog = tokio::time::timeout(BACKLOG_WITHIN, ingest.backlog());
    if let Ok(Ok(backlog)) = backlog.await {
        for (status, count) in [("accepted", backlog.accepted), ("parked", backlog.parked)] {
            metrics::set(metrics::INGEST_BACKLOG, &[("status", status)], count as f64);
        }
    }
}

fn split<const N: usize>(metric: Metric, label: &'static str, totals: [(&'static str, u64); N]) {
    for (value, total) in totals {
        metrics::count(metric, &[(label, value)], total);
    }
}
