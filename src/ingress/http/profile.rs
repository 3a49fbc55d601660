//! The stage profile, with the lanes' and the cache's figures beside it.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Query, State};
use axum::response::{IntoResponse, Json, Response};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Doors;
use super::problem::Problem;
use crate::pipeline::LaneStats;
use crate::telemetry::profile::ProfileReport;
use crate::wire::v1::terms;

/// `GET /api/v1/profile?minutes=5`.
pub fn router() -> OpenApiRouter<Arc<Doors>> {
    OpenApiRouter::new().routes(routes!(profile))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    /// How far back `recent` reaches.
    #[serde(default = "five")]
    minutes: usize,
}

const fn five() -> usize {
    5
}

/// How long decisions have taken, and how they ended.
#[derive(ToSchema)]
#[schema(as = Profile)]
#[expect(dead_code, reason = "stands for `Profile` in the document")]
struct ProfileShape {
    /// When recording began.
    #[schema(value_type = terms::Timestamp)]
    started_at: (),
    /// When this was read.
    #[schema(value_type = terms::Timestamp)]
    at: (),
    since_start: WindowShape,
    /// How many minutes `recent` covers.
    recent_minutes: u64,
    recent: WindowShape,
    /// Every alert that was raised since the start.
    alerts: Vec<AlertShape>,
    /// How the lanes have been doing: batches, items, shed, stalled, voids, retries.
    lanes: BTreeMap<String, u64>,
    /// Figures of the servers, queues and caches.
    #[schema(value_type = Object)]
    details: (),
}

/// One alert, and its latest case.
#[derive(ToSchema)]
#[schema(as = ProfileAlert)]
#[expect(dead_code, reason = "stands for `telemetry::alerts::AlertReport` in the document")]
struct AlertShape {
    /// `total`, `stage`, `card_testing` or `clock_skew`.
    kind: String,
    /// `warning` or `critical`.
    level: String,
    /// The stage that took the time (`total`, `stage`).
    stage: Option<String>,
    /// How long the request took (`total`, `stage`).
    total_us: Option<u64>,
    /// How much of it that stage took (`total`, `stage`).
    stage_us: Option<u64>,
    /// The end of the merchant's id (`card_testing`), or the server (`clock_skew`).
    about: Option<String>,
    /// Cases since the start.
    count: u64,
    /// When the latest case was.
    #[schema(value_type = terms::Timestamp)]
    last_at: (),
    /// Whether it is not over.
    active: bool,
}

/// One stretch of time: both doors together, and each alone.
#[derive(ToSchema)]
#[schema(as = ProfileWindow)]
#[expect(dead_code, reason = "stands for `telemetry::profile::WindowReport` in the document")]
struct WindowShape {
    #[serde(flatten)]
    all: PathShape,
    doors: BTreeMap<String, PathShape>,
}

/// How requests ended and how long they took.
#[derive(ToSchema)]
#[schema(as = ProfilePath)]
#[expect(dead_code, reason = "stands for `telemetry::profile::PathReport` in the document")]
struct PathShape {
    count: u64,
    approved: u64,
    declined: u64,
    /// Those without a decision.
    unavailable: u64,
    /// Approved among the decided, 0 to 1.
    #[schema(required)]
    approval_rate: Option<f64>,
    /// Declined ones by the card platform's reason.
    reasons: BTreeMap<String, u64>,
    /// By stage, in order, `total` last.
    stages: BTreeMap<String, StageShape>,
}

/// How long one stage took, in microseconds.
#[derive(ToSchema)]
#[schema(as = ProfileStage)]
#[expect(dead_code, reason = "stands for `telemetry::profile::StageReport` in the document")]
struct StageShape {
    count: u64,
    average_us: f64,
    min_us: u64,
    max_us: u64,
    p50_us: u64,
    p95_us: u64,
    p99_us: u64,
    p999_us: u64,
}

#[derive(Serialize)]
struct Profile {
    #[serde(flatten)]
    profile: ProfileReport,
    lanes: LaneStats,
    details: serde_json::Value,
}

/// Reads how long decisions have taken, stage by stage, and how they ended.
#[utoipa::path(
    get,
    path = "/api/v1/profile",
    tag = "Operations",
    operation_id = "read_profile",
    params(
        ("minutes" = Option<terms::Minutes>, Query, description = "How far back `recent` reaches; 5 where it is absent."),
    ),
    responses(
        (status = 200, description = "The profile.", body = ProfileShape),
    ),
)]
async fn profile(
    State(doors): State<Arc<Doors>>,
    asked: Result<Query<Asked>, axum::extract::rejection::QueryRejection>,
) -> Result<Response, Problem> {
    let asked = asked.ok().filter(|Query(asked)| (1..=60).contains(&asked.minutes));
    let Query(asked) = asked.ok_or_else(|| {
        const DETAIL: &str = "the only parameter is minutes, from 1 to 60";
        Problem::new(StatusCode::BAD_REQUEST, "invalid_query", DETAIL)
    })?;
    let mut report = doors.profiler.report(doors.clock.now(), asked.minutes);
    report.alerts.extend(doors.health.clocks());
    let profile = Profile {
        profile: report,
        lanes: doors.pipeline.lane_stats(),
        details: doors.health.details(),
    };
    Ok(Json(profile).into_response())
}
