//! Every metric of the service: its name, unit and meaning. What is counted anyway (cache, lanes,
//! profile) is read when somebody looks; only what nothing else keeps is recorded as it happens.

use std::sync::OnceLock;
use std::time::Duration;

use metrics::{Gauge, Histogram, Label, Unit};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

use crate::domain::id::Home;

use super::card_data::{Place, What};
use super::profile::ProfileReport;
use super::{broker, doors};

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
/// Cache lookups, by `level` (memory, shared), `kind` and `result` (hit, miss).
pub const CACHE_LOOKUPS: Metric = metric(
    "tollgate_cache_lookups_total",
    Unit::Count,
    "Lookups of policy facts by level of the cache, kind and result",
);
/// Entries in memory.
pub const CACHE_ENTRIES: Metric =
    metric("tollgate_cache_entries", Unit::Count, "Entries that the memory level keeps");
/// Fills of the shared cache, by `result`: kept, refused, dropped.
pub const CACHE_FILLS: Metric =
    metric("tollgate_cache_fills_total", Unit::Count, "Entries written to the shared cache");
/// Changes of policy, by `way`: announced, heard.
pub const CACHE_CHANGES: Metric = metric(
    "tollgate_cache_changes_total",
    Unit::Count,
    "Changes of policy that instances told each other of",
);
/// Changes that wait to be announced.
pub const CACHE_CHANGES_WAITING: Metric = metric(
    "tollgate_cache_changes_waiting",
    Unit::Count,
    "Changes of policy that could not be announced yet",
);
/// Times that changes had been missed.
pub const CACHE_GAPS: Metric = metric(
    "tollgate_cache_gaps_total",
    Unit::Count,
    "Times that announced changes had been missed and all were read again",
);
/// Values of the shared cache that could not be read.
pub const CACHE_UNREADABLE: Metric = metric(
    "tollgate_cache_unreadable_total",
    Unit::Count,
    "Values of the shared cache that could not be read and counted as misses",
);
/// Calls to the shared cache that did not answer, by `why`: failed, skipped.
pub const REDIS_UNANSWERED: Metric = metric(
    "tollgate_redis_unanswered_total",
    Unit::Count,
    "Calls to the shared cache that failed or were too late, or were not made (breaker open)",
);
/// Times the breaker has opened.
pub const REDIS_OPENED: Metric = metric(
    "tollgate_redis_breaker_opened_total",
    Unit::Count,
    "Times that the shared cache was given up for a while",
);
/// 1 while the shared cache is being asked.
pub const REDIS_AVAILABLE: Metric = metric(
    "tollgate_redis_available",
    Unit::Count,
    "1 while the shared cache is asked, 0 while its breaker is open",
);
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
/// Memory that the shared cache uses.
pub const REDIS_MEMORY: Metric = metric(
    "tollgate_redis_memory_bytes",
    Unit::Bytes,
    "Memory that the shared cache's server uses",
);
/// How long calls to the shared cache take.
pub const REDIS_CALL_SECONDS: Metric = metric(
    "tollgate_redis_call_seconds",
    Unit::Seconds,
    "Duration of calls to the shared cache, those without an answer included",
);
/// Notifications of the card platform, by `family` and `status`: received, duplicate, conflict, applied,
/// ignored, parked.
pub const WEBHOOKS: Metric =
    metric("tollgate_webhooks_total", Unit::Count, "Notifications of the card platform");
/// Steps that notifications took and that are worth a second look, by `flag`.
pub const WEBHOOK_FLAGS: Metric = metric(
    "tollgate_webhook_flags_total",
    Unit::Count,
    "Movements told by the card platform that are worth a second look",
);
/// Authorizations whose answer the platform has not waited for.
pub const PLATFORM_TIMEOUTS: Metric = metric(
    "tollgate_platform_timeouts_total",
    Unit::Count,
    "Authorizations whose answer came too late for the card platform",
);

/// Card data where none may be, by `place` (body, target, header, notification, message) and `what`
/// (number, secret, identifier).
pub const PAN_SEEN: Metric = metric(
    "tollgate_pan_seen_total",
    Unit::Count,
    "Card numbers, security codes and the like that came in where none may be, and were not kept",
);

/// Events that relays have published, by `home`.
pub const EVENTS_PUBLISHED: Metric = metric(
    "tollgate_events_published_total",
    Unit::Count,
    "Events that the broker has confirmed, each as often as it was published",
);
/// Events whose publishing has failed, by `home`.
pub const EVENTS_FAILED: Metric = metric(
    "tollgate_events_failed_total",
    Unit::Count,
    "Attempts to publish an event that the broker did not confirm; each is tried again",
);
/// Events that were given up, by `home`: each is a dead letter.
pub const EVENTS_SET_ASIDE: Metric = metric(
    "tollgate_events_set_aside_total",
    Unit::Count,
    "Events that the broker has refused, or that could not be read, again and again: dead letters now",
);
/// Events that were dropped unpublished, where no relay is configured.
pub const EVENTS_DROPPED: Metric = metric(
    "tollgate_events_dropped_total",
    Unit::Count,
    "Events that nobody relays and that were dropped after outbox.retention_s: each is lost",
);
/// Notices of this process that reached nobody.
pub const NOTICES_DROPPED: Metric = metric(
    "tollgate_notices_dropped_total",
    Unit::Count,
    "Alerts and errors of this process that could not be published as events",
);
/// Events that wait for a relay.
pub const OUTBOX_ROWS: Metric =
    metric("tollgate_outbox_rows", Unit::Count, "Events that wait for a relay");
/// How long the oldest of them has waited.
pub const OUTBOX_OLDEST_SECONDS: Metric = metric(
    "tollgate_outbox_oldest_seconds",
    Unit::Seconds,
    "How long the oldest event has waited for a relay",
);
/// Shards that relays of this process have leased, by `home`.
pub const OUTBOX_SHARDS: Metric =
    metric("tollgate_outbox_shards", Unit::Count, "Shards of the outbox that this process relays");
/// Events that relays of this process can not read, by `home`; of a shard that can not be read at all, one.
pub const OUTBOX_UNREADABLE: Metric = metric(
    "tollgate_outbox_unreadable",
    Unit::Count,
    "Events that relays of this process can not read, and that hold up those behind them",
);
/// Holds that the sweeper of this process has let expire.
pub const HOLDS_EXPIRED: Metric =
    metric("tollgate_holds_expired_total", Unit::Count, "Holds that this process has let expire");
/// Readers of the live feed.
pub const FEEDS: Metric =
    metric("tollgate_feeds", Unit::Count, "Live feeds that are open at this process");
/// Whether it hears.
pub const FEED_HEARS: Metric = metric(
    "tollgate_feed_hears",
    Unit::Count,
    "1 while the live feed of this process hears events from the broker, else 0",
);
/// What it could not read.
pub const FEED_UNREADABLE: Metric = metric(
    "tollgate_feed_unreadable_total",
    Unit::Count,
    "Messages of the exchange of events that are none of ours and that no live feed was told",
);
/// What they were sent.
pub const FEED_EVENTS: Metric =
    metric("tollgate_feed_events_total", Unit::Count, "Events that were sent to live feeds");
/// Gaps that they were told of, by `reason`: not_kept, too_slow, not_heard.
pub const FEED_GAPS: Metric = metric(
    "tollgate_feed_gaps_total",
    Unit::Count,
    "Times that a live feed was told that events may be missing",
);
/// Feeds that were ended from here, by `why`: stopped (the process), refused (the key is not valid any
/// more), unchecked (the store did not say whether it is), untaken (nobody has read for 45 s).
pub const FEEDS_ENDED: Metric = metric(
    "tollgate_feeds_ended_total",
    Unit::Count,
    "Live feeds that were ended by this process and not by their reader",
);

const COUNTERS: &[Metric] = &[
    REQUESTS,
    ACCESS_REFUSED,
    DECLINES,
    ALERTS,
    LANE_BATCHES,
    LANE_INTENTS,
    CACHE_LOOKUPS,
    CACHE_FILLS,
    CACHE_CHANGES,
    CACHE_GAPS,
    CACHE_UNREADABLE,
    REDIS_UNANSWERED,
    REDIS_OPENED,
    EVENTS_PUBLISHED,
    EVENTS_FAILED,
    EVENTS_SET_ASIDE,
    EVENTS_DROPPED,
    NOTICES_DROPPED,
    HOLDS_EXPIRED,
    WEBHOOKS,
    WEBHOOK_FLAGS,
    PLATFORM_TIMEOUTS,
    PAN_SEEN,
    broker::PUBLISHED,
    broker::CONSUMED,
    broker::DIVERTED,
    broker::EXPIRED,
    broker::LOST,
    INGEST_RECORDS,
    INGEST_WRITES,
    INGEST_ATTEMPTS,
    FEED_UNREADABLE,
    FEED_EVENTS,
    FEED_GAPS,
    FEEDS_ENDED,
];
const GAUGES: &[Metric] = &[
    STAGE_SECONDS,
    ALERT_ACTIVE,
    CLOCK_SKEW,
    PROBE_SECONDS,
    POOL_CONNECTIONS,
    CACHE_ENTRIES,
    CACHE_CHANGES_WAITING,
    REDIS_AVAILABLE,
    REDIS_MEMORY,
    OUTBOX_ROWS,
    OUTBOX_OLDEST_SECONDS,
    OUTBOX_SHARDS,
    OUTBOX_UNREADABLE,
    broker::AVAILABLE,
    broker::QUEUE_DEPTH,
    INGEST_BACKLOG,
    RECONCILE_DIFFERENCES,
    RECONCILE_FAILED,
    RECONCILE_LAST_RUN,
    FEEDS,
    FEED_HEARS,
];
const HISTOGRAMS: &[Metric] =
    &[REDIS_CALL_SECONDS, broker::PUBLISH_SECONDS, broker::CONSUME_SECONDS, doors::REQUEST_SECONDS];

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

/// Nobody can say how the outbox stands.
pub fn forget_outbox() {
    forget(OUTBOX_ROWS, &[]);
    forget(OUTBOX_OLDEST_SECONDS, &[]);
}

/// Takes over how the outbox stands.
pub fn take_outbox(rows: u64, oldest_us: u64) {
    set(OUTBOX_ROWS, &[], rows as f64);
    set(OUTBOX_OLDEST_SECONDS, &[], Duration::from_micros(oldest_us).as_secs_f64());
}

/// A notification was kept, or has come to an end.
pub fn webhook(family: &str, status: &str) {
    add_one(WEBHOOKS, &[("family", family), ("status", status)]);
}

/// A notification moved something in a way that is worth a second look.
pub fn flagged(flag: &str) {
    add_one(WEBHOOK_FLAGS, &[("flag", flag)]);
}

/// A call was refused for who has called, or how often.
pub fn access_refused(reason: &str) {
    add_one(ACCESS_REFUSED, &[("reason", reason)]);
}

/// The platform has not waited for an answer.
pub fn platform_timeout() {
    add_one(PLATFORM_TIMEOUTS, &[]);
}

/// So many live feeds are open.
pub fn feeds(open: usize) {
    set(FEEDS, &[], open as f64);
}

/// Whether they are told what is told.
pub fn feed_hears(hears: bool) {
    set(FEED_HEARS, &[], f64::from(u8::from(hears)));
}

/// Something was heard that could not be read.
pub fn feed_unreadable() {
    add_one(FEED_UNREADABLE, &[]);
}

/// So many events were sent to one.
pub fn feed_sent(events: u64) {
    if events > 0 {
        add(FEED_EVENTS, &[], events);
    }
}

/// One was told that events may be missing.
pub fn feed_gap(reason: &str) {
    add_one(FEED_GAPS, &[("reason", reason)]);
}

/// One was ended from here.
pub fn feed_ended(why: &str) {
    add_one(FEEDS_ENDED, &[("why", why)]);
}

/// So many events were dropped unpublished.
pub fn events_dropped(rows: u64) {
    add(EVENTS_DROPPED, &[], rows);
}

/// Card data was seen so often.
pub(super) fn pan_seen(place: &str, what: &str, times: u64) {
    add(PAN_SEEN, &[("place", place), ("what", what)], times);
}

fn add_one(metric: Metric, labels: Labels<'_>) {
    add(metric, labels, 1);
}

fn add(metric: Metric, labels: Labels<'_>, times: u64) {
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

/// What the connection to the shared cache records. The handles are looked up once.
pub struct RedisMetrics {
    call_seconds: Histogram,
    available: Gauge,
}

impl Default for RedisMetrics {
    fn default() -> Self {
        Self::new()
    }
}

impl RedisMetrics {
    /// Handles of this process's exporter.
    pub fn new() -> Self {
        exporter();
        let available = metrics::gauge!(REDIS_AVAILABLE.name);
        available.set(1.0);
        Self { call_seconds: metrics::histogram!(REDIS_CALL_SECONDS.name), available }
    }

    /// One call took so long.
    pub fn took_us(&self, us: u64) {
        self.call_seconds.record(Duration::from_micros(us));
    }

    /// The server uses so much memory.
    pub fn uses_bytes(&self, bytes: u64) {
        set(REDIS_MEMORY, &[], bytes as f64);
    }

    /// It does not say any more how much.
    pub fn forget_bytes(&self) {
        forget(REDIS_MEMORY, &[]);
    }

    /// The shared cache was not reached at the start.
    pub fn unreached(&self, error: &dyn std::error::Error) {
        let why = error.to_string().replace('\n', " ");
        tracing::warn!(server = "redis", why, "could not reach the shared cache; trying again");
    }

    /// The shared cache does not answer, and is not asked any more.
    pub fn breaker_opened(&self) {
        self.available.set(0.0);
        tracing::warn!("the shared cache does not answer: going on without it");
    }

    /// The shared cache answers again.
    pub fn breaker_closed(&self) {
        self.available.set(1.0);
        tracing::info!("the shared cache answers again");
    }

    /// Announcements of other instances had been missed.
    pub fn missed_changes(home: Home) {
        tracing::info!(home = home.as_str(), "missed changes of policy and read all of them again");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_metric_says_what_it_is_and_ends_in_what_it_counts() {
        for metric in COUNTERS {
            assert!(metric.name.ends_with("_total"), "{}", metric.name);
        }
        for metric in COUNTERS.iter().chain(GAUGES).chain(HISTOGRAMS) {
            assert!(metric.name.starts_with("tollgate_") && !metric.help.is_empty());
            let seconds = metric.name.ends_with("_seconds");
            assert_eq!(seconds, metric.unit == Unit::Seconds, "{}", metric.name);
        }
    }

    #[test]
    fn rules_name_only_metrics_that_there_are() {
        let rules = include_str!("../../deploy/prometheus/tollgate.rules.yml");
        let words = rules.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let named: Vec<&str> = words.filter(|word| word.starts_with("tollgate_")).collect();
        assert!(named.len() > 15, "{named:?}");
        let is_of = |word: &str, metric: &Metric, suffixes: &[&str]| {
            let suffix = word.strip_prefix(metric.name);
            suffix.is_some_and(|suffix| suffixes.contains(&suffix))
        };
        for word in named {
            let mut single = COUNTERS.iter().chain(GAUGES);
            let known = single.any(|metric| is_of(word, metric, &[""]))
                || HISTOGRAMS
                    .iter()
                    .any(|metric| is_of(word, metric, &["_bucket", "_sum", "_count"]));
            assert!(known, "{word} is no metric");
        }
    }

    /// By what the series of metrics that rules name are told apart.
    const LABELS: [(Metric, &[&str]); 17] = [
        (PROBE_SECONDS, &["server"]),
        (POOL_CONNECTIONS, &["server", "pool", "state"]),
        (CACHE_LOOKUPS, &["home", "level", "kind", "result"]),
        (REDIS_CALL_SECONDS, &[]),
        (REDIS_MEMORY, &[]),
        (broker::PUBLISH_SECONDS, &[]),
        (broker::CONSUME_SECONDS, &["queue"]),
        (broker::QUEUE_DEPTH, &["queue"]),
        (STAGE_SECONDS, &["stage", "quantile"]),
        (REQUESTS, &["door", "outcome"]),
        (doors::REQUEST_SECONDS, &["door"]),
        (ALERT_ACTIVE, &["kind", "level", "stage"]),
        (PAN_SEEN, &["place", "what"]),
        (OUTBOX_UNREADABLE, &["home"]),
        (EVENTS_SET_ASIDE, &["home"]),
        (FEED_HEARS, &[]),
        (FEEDS, &[]),
    ];

    /// The names at the beginning of what stands behind each `open`, up to `close`, between commas.
    fn names_in<'a>(text: &'a str, open: &str, close: char) -> Vec<&'a str> {
        let lists = text.split(open).skip(1).map(|rest| rest.split(close).next().unwrap());
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let names = lists.flat_map(|list| list.split(',')).map(str::trim_start);
        names.map(|name| name.split(|c| !is_name(c)).next().unwrap()).collect()
    }

    #[test]
    fn rules_name_only_labels_that_their_metrics_have() {
        let rules = include_str!("../../deploy/prometheus/tollgate.rules.yml");
        for rule in rules.split("- alert: ").skip(1) {
            let named: Vec<_> =
                LABELS.iter().filter(|(metric, _)| rule.contains(metric.name)).collect();
            assert!(!named.is_empty(), "no metric that is listed here: {rule}");
            let mut labels = names_in(rule, "by (", ')');
            labels.extend(names_in(rule, "$labels.", ' '));
            for (metric, _) in &named {
                for suffix in ["", "_bucket", "_sum", "_count"] {
                    labels.extend(names_in(rule, &format!("{}{suffix}{{", metric.name), '}'));
                }
            }
            for label in labels {
                let known = named.iter().any(|(_, labels)| labels.contains(&label));
                assert!(known || ["instance", "le"].contains(&label), "{label}: {rule}");
            }
        }
    }

    #[test]
    fn counts_that_rules_ask_to_have_grown_are_there_before_their_first_case() {
        let text = render();
        for place in ["body", "target", "header", "notification", "message"] {
            for what in ["number", "secret", "identifier"] {
                let line = format!("tollgate_pan_seen_total{{place=\"{place}\",what=\"{what}\"}} ");
                assert!(text.contains(&line), "{line} in {text}");
            }
        }
    }

    #[test]
    fn what_is_counted_and_recorded_is_rendered() {
        let redis = RedisMetrics::new();
        count(CACHE_LOOKUPS, &[("level", "memory"), ("kind", "test"), ("result", "hit")], 7);
        redis.took_us(150);
        keep_up();
        let text = render();
        let line = r#"tollgate_cache_lookups_total{level="memory",kind="test",result="hit"} 7"#;
        assert!(text.contains(line), "{text}");
        assert!(text.contains(r#"tollgate_redis_call_seconds_bucket{le="0.0002"}"#), "{text}");
        assert!(text.contains("# TYPE tollgate_redis_available gauge"), "{text}");
    }
}
