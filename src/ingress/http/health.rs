//! For probes: is the process alive, is it well, may traffic come? Nothing here waits for a store.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Json, Response};
use axum::routing::get;
use http::StatusCode;
use serde_json::json;

use super::{Doors, OutageAnswer};
use crate::service::health::State as Condition;

/// `/live`, `/health`, `/ready`. No key is needed.
pub fn router() -> Router<Arc<Doors>> {
    Router::new()
        .route("/live", get(live))
        .route("/health", get(health))
        .route("/ready", get(ready))
}

pub(super) async fn live() -> Response {
    Json(json!({ "status": "alive" })).into_response()
}

async fn health(State(doors): State<Arc<Doors>>) -> Response {
    let report = doors.health.report(doors.clock.now());
    let healthy = report.status != Condition::Unhealthy;
    (status(healthy), Json(report)).into_response()
}

/// While nothing can be decided, a fast decline is still an answer: only where outages are to be
/// errors does the platform do better elsewhere.
async fn ready(State(doors): State<Arc<Doors>>) -> Response {
    let report = doors.health.report(doors.clock.now());
    let can_decide = report.status != Condition::Unhealthy;
    let ready = doors.health.is_serving() && (can_decide || doors.outage == OutageAnswer::Decline);
    let body = json!({ "ready": ready, "phase": doors.health.phase(), "checks": report });
    (status(ready), Json(body)).into_response()
}

const fn status(good: bool) -> StatusCode {
    if good { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }
}
