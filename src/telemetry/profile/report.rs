//! What the profiler answers, as it is written to JSON. Durations are microseconds.

use std::collections::BTreeMap;

use serde::Serialize;
use serde::ser::SerializeMap;

use crate::telemetry::alerts::AlertReport;

/// The whole profile.
#[derive(Clone, Debug, Serialize)]
pub struct ProfileReport {
    /// When recording began (RFC 3339).
    pub started_at: String,
    /// When this was read (RFC 3339).
    pub at: String,
    /// Everything since then.
    pub since_start: WindowReport,
    /// How many minutes `recent` covers, the running one included.
    pub recent_minutes: usize,
    /// The last minutes.
    pub recent: WindowReport,
    /// Every alert that was raised since the start.
    pub alerts: Vec<AlertReport>,
}

/// One stretch of time.
#[derive(Clone, Debug, Serialize)]
pub struct WindowReport {
    /// Both doors together.
    #[serde(flatten)]
    pub all: PathReport,
    /// Each door alone.
    pub doors: BTreeMap<&'static str, PathReport>,
}

/// How requests ended and how long they took.
#[derive(Clone, Debug, Serialize)]
pub struct PathReport {
    /// Requests.
    pub count: u64,
    /// Approved ones.
    pub approved: u64,
    /// Declined ones.
    pub declined: u64,
    /// Those without a decision.
    pub unavailable: u64,
    /// Approved among the decided, 0 to 1; absent where nothing was decided.
    pub approval_rate: Option<f64>,
    /// Declined ones by the platform's reason.
    pub reasons: BTreeMap<&'static str, u64>,
    /// Durations by stage, in corridor order, `total` last.
    #[serde(serialize_with = "in_order")]
    pub stages: Vec<(&'static str, StageReport)>,
}

/// How long one stage took.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct StageReport {
    /// Times it ran.
    pub count: u64,
    /// Exact mean.
    pub average_us: f64,
    /// Exact.
    pub min_us: u64,
    /// Exact.
    pub max_us: u64,
    /// Half took no longer. Quantiles have three significant digits.
    pub p50_us: u64,
    /// 95 of 100 took no longer.
    pub p95_us: u64,
    /// 99 of 100 took no longer.
    pub p99_us: u64,
    /// 999 of 1000 took no longer.
    pub p999_us: u64,
}

fn in_order<S: serde::Serializer>(
    stages: &[(&'static str, StageReport)],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(stages.len()))?;
    for (name, stage) in stages {
        map.serialize_entry(name, stage)?;
    }
    map.end()
}
