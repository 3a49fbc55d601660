//! The stage profile, with the lanes' and the cache's figures beside it.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::get;
use http::StatusCode;
use serde::{Deserialize, Serialize};

use super::Doors;
use super::problem::Problem;
use crate::pipeline::LaneStats;
use crate::telemetry::profile::ProfileReport;

/// `GET /api/v1/profile?minutes=5`.
pub fn router() -> Router<Arc<Doors>> {
    Router::new().route("/api/v1/profile", get(profile))
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

#[derive(Serialize)]
struct Profile {
    #[serde(flatten)]
    profile: ProfileReport,
    lanes: LaneStats,
    details: serde_json::Value,
}

async fn profile(
    State(doors): State<Arc<Doors>>,
    asked: Result<Query<Asked>, axum::extract::rejection::QueryRejection>,
) -> Result<Response, Problem> {
    let Query(asked) = asked.map_err(|_| {
        const DETAIL: &str = "the only parameter is minutes, from 1 to 60";
        Problem::new(StatusCode::BAD_REQUEST, "invalid_query", DETAIL)
    })?;
    let profile = Profile {
        profile: doors.profiler.report(doors.clock.now(), asked.minutes),
        lanes: doors.pipeline.lane_stats(),
        details: doors.health.details(),
    };
    Ok(Json(profile).into_response())
}
