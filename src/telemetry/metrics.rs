//! Every metric of the service: its name, unit and meaning. What is counted anyway (cache, lanes,
//! profile) is read when somebody looks; only what nothing else keeps is recorded as it happens.

use std::sync::OnceLock;

use metrics::{Gauge, Histogram, Unit};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

use crate::domain::id::Home;

/// How long calls to the shared cache take. Histogram, seconds.
pub const REDIS_CALL_SECONDS: &str = "tollgate_redis_call_seconds";
/// 1 while the shared cache is being asked, 0 while its breaker is open.
pub const REDIS_AVAILABLE: &str = "tollgate_redis_available";

/// Upper bounds of the histogram's buckets, in seconds. The budget is usually 0.02.
const BUCKETS: [f64; 11] =
    [0.000_1, 0.000_2, 0.000_5, 0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1];

/// The exporter of this process. The first call installs it: handles made before would count into
/// the void.
pub fn exporter() -> &'static PrometheusHandle {
    static EXPORTER: OnceLock<PrometheusHandle> = OnceLock::new();
    EXPORTER.get_or_init(|| {
        let builder = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Full(REDIS_CALL_SECONDS.to_owned()), &BUCKETS);
        let recorder = builder.expect("there are buckets").build_recorder();
        let handle = recorder.handle();
        // An error only says that someone else has installed another one: then this one is empty.
        drop(metrics::set_global_recorder(recorder));
        describe();
        handle
    })
}

fn describe() {
    metrics::describe_histogram!(
        REDIS_CALL_SECONDS,
        Unit::Seconds,
        "Duration of calls to the shared cache, those without an answer included"
    );
    metrics::describe_gauge!(
        REDIS_AVAILABLE,
        Unit::Count,
        "1 while the shared cache is asked, 0 while its breaker is open"
    );
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
        let available = metrics::gauge!(REDIS_AVAILABLE);
        available.set(1.0);
        Self { call_seconds: metrics::histogram!(REDIS_CALL_SECONDS), available }
    }

    /// One call took so long.
    pub fn took_us(&self, us: u64) {
        self.call_seconds.record(std::time::Duration::from_micros(us));
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
