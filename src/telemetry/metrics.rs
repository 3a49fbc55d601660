//! Every metric of the service, with its unit and meaning, and how they are exported; those of the broker,
//! the caches, the doors, the feed, notifications and the outbox are named in files of their own. What is
//! counted anyway (cache, lanes, profile) is read when somebody looks; only what nothing else keeps is
//! recorded as it happens.

#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_rules;

use std::sync::OnceLock;
use std::time::Duration;

use metrics::{Label, Unit};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

use super::card_data::{Place, What};
use super::profile::ProfileReport;
use super::{broker, cache, doors, feed, outbox, webhooks};

/// One metric.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    /// As it is exported. Ends in its unit; `_total`: a count that only grows.
    pub name: &'static str,
    /// Of its values.
    pub unit: Unit,
    /// What it says.
    pub help: &'static str,
}

pub(super) const fn metric(name: &'static str, unit: Unit, help: &'static str) -> Metric {
    Metric { name, unit, help }
}

/// Requests, by `door` and `outcome`.
pub const REQUESTS: Metric =
    metric("tollgate_requests_total", Unit::Count, "Authorization requests by door and outcome");
/// Calls of the REST routes that were refused for who has called, or how often, by `reason`: unauthorized,
/// forbidden, rate_limited, locked_out; and notifications from where nobody may notify: address.
pub const ACCESS_REFUSED: Metric = metric(
    "tollgate_access_refused_total",
    Unit::Count,
    "Calls of the REST routes that were refused for who has called, or how often, and of the door for notifications for its address",
);
/// Declined requests, by the platform's `reason`.
pub const DECLINES: Metric =
    metric("tollgate_declines_total", Unit::Count, "Declined requests by the platform's reason");
/// Durations of the last minutes, by `stage` and `quantile`.
pub const STAGE_SECONDS: Metric = metric(
    "tollgate_stage_seconds",
    Unit::Seconds,
    "Duration of each stage of a request over the last five minutes, by quantile",
);
/// What has raised an alert, by `kind`, `level` and, for those of one stage, `stage`: each request that was too
/// slow, each merchant with too many declines.
pub const ALERTS: Metric = metric(
    "tollgate_alerts_total",
    Unit::Count,
    "Cases of each alert: requests that were too slow, others",
);
/// Whether an alert is active, labelled alike.
pub const ALERT_ACTIVE: Metric =
    metric("tollgate_alert_active", Unit::Count, "1 while an alert is active, else 0");
/// How far the clock of a `server` is ahead of this process's; below zero: behind.
pub const CLOCK_SKEW: Metric = metric(
    "tollgate_clock_skew_seconds",
    Unit::Seconds,
    "How far a database's clock is ahead of this process's, half the round trip taken off",
);
/// How long a `server` took to answer the latest health check.
pub const PROBE_SECONDS: Metric = metric(
    "tollgate_probe_seconds",
    Unit::Seconds,
    "How long a server took to answer the latest health check",
);
/// Connections to a `server`, by `pool` (reads, writes; MongoDB has one for all calls) and `state`: open, in_use,
/// max.
pub const POOL_CONNECTIONS: Metric = metric(
    "tollgate_pool_connections",
    Unit::Count,
    "Connections outside the lanes: those that are open, those in use, and how many there may be",
);
/// Batches of the lanes.
pub const LANE_BATCHES: Metric =
    metric("tollgate_lane_batches_total", Unit::Count, "Batches that lanes have committed");
/// What lanes did, by `what`: settled, shed, stalled, voided, retried.
pub const LANE_INTENTS: Metric =
    metric("tollgate_lane_intents_total", Unit::Count, "Intents by what lanes did with them");
/// Reported transactions at the door, by `result`: accepted, repeated, refused.
pub const INGEST_RECORDS: Metric = metric(
    "tollgate_ingest_records_total",
    Unit::Count,
    "Reported transactions by what was answered",
);
/// Writes that kept them.
pub const INGEST_WRITES: Metric = metric(
    "tollgate_ingest_writes_total",
    Unit::Count,
    "Writes in which reported transactions were kept, many at a time",
);
/// Attempts to process them, by `outcome`: processed, retried, parked, released.
pub const INGEST_ATTEMPTS: Metric = metric(
    "tollgate_ingest_attempts_total",
    Unit::Count,
    "Attempts to process reported transactions by what came of them",
);
/// Those that are not processed, by `status`: accepted, parked.
pub const INGEST_BACKLOG: Metric = metric(
    "tollgate_ingest_backlog",
    Unit::Count,
    "Reported transactions that wait to be processed, or for somebody to look at them",
);
/// What the last reconciliation found, by `kind`: missing, extra, different, unreadable.
pub const RECONCILE_DIFFERENCES: Metric = metric(
    "tollgate_reconcile_differences",
    Unit::Count,
    "Purchases that differed from the platform's list at the last reconciliation",
);
/// 1 if the last reconciliation could not be done.
pub const RECONCILE_FAILED: Metric = metric(
    "tollgate_reconcile_failed",
    Unit::Count,
    "1 if the last reconciliation with the platform could not be done, else 0",
);
/// When the platform's list was last compared with our books.
pub const RECONCILE_LAST_RUN: Metric = metric(
    "tollgate_reconcile_last_run_timestamp_seconds",
    Unit::Seconds,
    "When the last reconciliation with the platform ended, in seconds since 1970",
);
/// Card data where none may be, by `place` (body, target, header, notification, message) and `what`
/// (number, secret, identifier).
pub const PAN_SEEN: Metric = metric(
    "tollgate_pan_seen_total",
    Unit::Count,
    "Card numbers, security codes and the like that came in where none may be, and were not kept",
);
/// Notices of this process that reached nobody.
pub const NOTICES_DROPPED: Metric = metric(
    "tollgate_notices_dropped_total",
    Unit::Count,
    "Alerts and errors of this process that could not be published as events",
);
/// Holds that the sweeper of this process has let expire.
pub const HOLDS_EXPIRED: Metric =
    metric("tollgate_holds_expired_total", Unit::Count, "Holds that this process has let expire");

const COUNTERS: &[Metric] = &[
    REQUESTS,
    ACCESS_REFUSED,
    DECLINES,
    ALERTS,
    LANE_BATCHES,
    LANE_INTENTS,
    cache::LOOKUPS,
    cache::FILLS,
    cache::CHANGES,
    cache::GAPS,
    cache::UNREADABLE,
    cache::REDIS_UNANSWERED,
    cache::REDIS_OPENED,
    outbox::PUBLISHED,
    outbox::FAILED,
    outbox::SET_ASIDE,
    outbox::DROPPED,
    NOTICES_DROPPED,
    HOLDS_EXPIRED,
    webhooks::NOTIFICATIONS,
    webhooks::FLAGS,
    webhooks::PLATFORM_TIMEOUTS,
    PAN_SEEN,
    broker::PUBLISHED,
    broker::CONSUMED,
    broker::DIVERTED,
    broker::EXPIRED,
    broker::LOST,
    INGEST_RECORDS,
    INGEST_WRITES,
    INGEST_ATTEMPTS,
    feed::UNREADABLE,
    feed::EVENTS,
    feed::GAPS,
    feed::ENDED,
];
const GAUGES: &[Metric] = &[
    STAGE_SECONDS,
    ALERT_ACTIVE,
    CLOCK_SKEW,
    PROBE_SECONDS,
    POOL_CONNECTIONS,
    cache::ENTRIES,
    cache::CHANGES_WAITING,
    cache::REDIS_AVAILABLE,
    cache::REDIS_MEMORY,
    outbox::ROWS,
    outbox::OLDEST_SECONDS,
    outbox::SHARDS,
    outbox::UNREADABLE,
    broker::AVAILABLE,
    broker::QUEUE_DEPTH,
    INGEST_BACKLOG,
    RECONCILE_DIFFERENCES,
    RECONCILE_FAILED,
    RECONCILE_LAST_RUN,
    feed::OPEN,
    feed::HEARS,
];
const HISTOGRAMS: &[Metric] = &[
    cache::REDIS_CALL_SECONDS,
    broker::PUBLISH_SECONDS,
    broker::CONSUME_SECONDS,
    doors::REQUEST_SECONDS,
];

/// Upper bounds of the histograms' buckets, in seconds. Every target is one of them.
const BUCKETS: [f64; 14] =
    [0.000_1, 0.000_2, 0.000_5, 0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.5, 1.0];

/// How many minutes [`STAGE_SECONDS`] covers.
pub const STAGE_MINUTES: usize = 5;

/// Names and values that tell the series of one metric apart.
pub type Labels<'a> = &'a [(&'static str, &'a str)];

/// Sets a count that is kept elsewhere to what it is by now.
pub fn count(metric: Metric, labels: Labels<'_>, total: u64) {
    exporter();
    metrics::counter!(metric.name, owned(labels)).absolute(total);
}

/// Sets a value that goes up and down.
pub fn set(metric: Metric, labels: Labels<'_>, value: f64) {
    exporter();
    metrics::gauge!(metric.name, owned(labels)).set(value);
}

/// Nobody can say now what this value is: better none than an old one.
pub fn forget(metric: Metric, labels: Labels<'_>) {
    set(metric, labels, f64::NAN);
}

/// Takes over the profiler's figures.
pub fn take_profile(report: &ProfileReport) {
    for (door, path) in &report.since_start.doors {
        let outcomes = [
            ("approved", path.approved),
            ("declined", path.declined),
            ("unavailable", path.unavailable),
        ];
        for (outcome, total) in outcomes {
            count(REQUESTS, &[("door", *door), ("outcome", outcome)], total);
        }
    }
    for (reason, total) in &report.since_start.all.reasons {
        count(DECLINES, &[("reason", *reason)], *total);
    }
    for (stage, took) in &report.recent.all.stages {
        let quantiles = [
            ("0.5", took.p50_us),
            ("0.95", took.p95_us),
            ("0.99", took.p99_us),
            ("0.999", took.p999_us),
        ];
        for (quantile, us) in quantiles {
            let seconds = Duration::from_micros(us).as_secs_f64();
            set(STAGE_SECONDS, &[("stage", *stage), ("quantile", quantile)], seconds);
        }
    }
    for alert in &report.alerts {
        let Some(slow) = alert.slow else { continue }; // whoever raises others counts them
        // What took the time of a slow request differs from case to case.
        let stage = if alert.kind == "stage" { slow.stage } else { "" };
        let labels = [("kind", alert.kind), ("level", alert.level), ("stage", stage)];
        count(ALERTS, &labels, alert.count);
        set(ALERT_ACTIVE, &labels, f64::from(u8::from(alert.active)));
    }
}

/// An alert was raised, and not by how long a request took.
pub(super) fn alert(kind: &str, level: &str) {
    add_one(ALERTS, &alert_labels(kind, level));
}

/// Whether such an alert is active.
pub(super) fn alert_active(kind: &str, level: &str, active: bool) {
    set(ALERT_ACTIVE, &alert_labels(kind, level), f64::from(u8::from(active)));
}

/// Those of every alert, of which this one has no stage.
fn alert_labels<'a>(kind: &'a str, level: &'a str) -> [(&'static str, &'a str); 3] {
    [("kind", kind), ("level", level), ("stage", "")]
}

/// A call was refused for who has called, or how often.
pub fn access_refused(reason: &str) {
    add_one(ACCESS_REFUSED, &[("reason", reason)]);
}

/// Card data was seen so often.
pub(super) fn pan_seen(place: &str, what: &str, times: u64) {
    add(PAN_SEEN, &[("place", place), ("what", what)], times);
}

/// Counts one case.
pub(super) fn add_one(metric: Metric, labels: Labels<'_>) {
    add(metric, labels, 1);
}

/// Counts so many cases.
pub(super) fn add(metric: Metric, labels: Labels<'_>, times: u64) {
    exporter();
    metrics::counter!(metric.name, owned(labels)).increment(times);
}

/// Everything, as Prometheus reads it.
pub fn render() -> String {
    exporter().render()
}

/// To be called every few seconds: histograms gather their samples until then.
pub fn keep_up() {
    exporter().run_upkeep();
}

/// The exporter of this process. The first call installs it: handles made before would count into
/// the void.
pub(super) fn exporter() -> &'static PrometheusHandle {
    static EXPORTER: OnceLock<PrometheusHandle> = OnceLock::new();
    EXPORTER.get_or_init(|| {
        let mut builder = PrometheusBuilder::new();
        for metric in HISTOGRAMS {
            let of = Matcher::Full(metric.name.to_owned());
            builder = builder.set_buckets_for_metric(of, &BUCKETS).expect("there are buckets");
        }
        let recorder = builder.build_recorder();
        let handle = recorder.handle();
        // An error only says that someone else has installed another one: then this one is empty.
        drop(metrics::set_global_recorder(recorder));
        describe();
        begin();
        handle
    })
}

fn describe() {
    for Metric { name, unit, help } in COUNTERS {
        metrics::describe_counter!(*name, *unit, *help);
    }
    for Metric { name, unit, help } in GAUGES {
        metrics::describe_gauge!(*name, *unit, *help);
    }
    for Metric { name, unit, help } in HISTOGRAMS {
        metrics::describe_histogram!(*name, *unit, *help);
    }
}

/// What alert rules ask to have grown is there from the start: to them, what first appears with a case in it
/// has not grown.
fn begin() {
    for place in Place::ALL {
        for what in What::ALL {
            let labels = owned(&[("place", place.as_str()), ("what", what.as_str())]);
            metrics::counter!(PAN_SEEN.name, labels).increment(0);
        }
    }
}

fn owned(labels: Labels<'_>) -> Vec<Label> {
    labels.iter().map(|(name, value)| Label::new(*name, (*value).to_owned())).collect()
}
