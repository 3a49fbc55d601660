//! For probes: is the process alive, is it well, may traffic come? Nothing here waits for a store.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Json, Response};
use http::StatusCode;
use serde_json::json;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Doors, OutageAnswer};
use crate::service::health::State as Condition;
use crate::wire::v1::terms;

/// A sign of life.
#[derive(ToSchema)]
#[expect(dead_code, reason = "stands for what `live` answers in the document")]
struct Alive {
    /// `alive`
    status: String,
}

/// How the service is doing.
#[derive(ToSchema)]
#[schema(as = HealthReport)]
#[expect(dead_code, reason = "stands for `service::health::HealthReport` in the document")]
struct HealthShape {
    /// `unhealthy` where no card can be decided, `degraded` where anything does not answer as it should.
    status: Doing,
    /// When this was asked.
    #[schema(value_type = terms::Timestamp)]
    timestamp: (),
    /// Each server.
    services: BTreeMap<String, Doing>,
    /// Figures.
    #[schema(value_type = Object)]
    details: (),
}

/// How a part is doing.
#[derive(ToSchema)]
#[schema(as = HealthState, rename_all = "snake_case")]
#[expect(dead_code, reason = "stands for `service::health::State` in the document")]
enum Doing {
    /// As it should.
    Healthy,
    /// Slow, but it answers; or not everything does.
    Degraded,
    /// It does not answer.
    Unhealthy,
}

/// Whether requests should be sent here.
#[derive(ToSchema)]
#[expect(dead_code, reason = "stands for what `ready` answers in the document")]
struct Readiness {
    ready: bool,
    /// `starting`, `serving` or `draining`
    phase: String,
    checks: HealthShape,
}

/// `/live`, `/health`, `/ready`. No key is needed.
pub fn router() -> OpenApiRouter<Arc<Doors>> {
    OpenApiRouter::new().routes(routes!(live)).routes(routes!(health)).routes(routes!(ready))
}

/// Answers while the process does. Nothing is asked of any server.
#[utoipa::path(
    get,
    path = "/live",
    tag = "Health",
    operation_id = "live",
    responses(
        (status = 200, description = "It answers.", body = Alive),
    ),
)]
pub(super) async fn live() -> Response {
    Json(json!({ "status": "alive" })).into_response()
}

/// Reports how the service and its servers are doing, from checks that are at most 2 s old.
#[utoipa::path(
    get,
    path = "/health",
    tag = "Health",
    operation_id = "health",
    responses(
        (
            status = 200,
            description = "It works, if perhaps not as well as it should.",
            body = HealthShape,
        ),
        (status = 503, description = "No card can be decided.", body = HealthShape),
    ),
)]
async fn health(State(doors): State<Arc<Doors>>) -> Response {
    let report = doors.health.report(doors.clock.now());
    let healthy = report.status != Condition::Unhealthy;
    (status(healthy), Json(report)).into_response()
}

/// Tells whether requests should be sent here.
#[utoipa::path(
    get,
    path = "/ready",
    tag = "Health",
    operation_id = "ready",
    responses(
        (status = 200, description = "They should.", body = Readiness),
        (
            status = 503,
            description = "They should not: it is starting or stopping, or nothing can be decided.",
            body = Readiness,
        ),
    ),
)]
async fn ready(State(doors): State<Arc<Doors>>) -> Response {
    let report = doors.health.report(doors.clock.now());
    // While nothing can be decided, a fast decline is still an answer: only where outages are to be
    // errors does the platform do better elsewhere.
    let can_decide = report.status != Condition::Unhealthy;
    let ready =
        doors.health.phase().is_serving() && (can_decide || doors.outage == OutageAnswer::Decline);
    let body = json!({ "ready": ready, "phase": doors.health.phase().as_str(), "checks": report });
    (status(ready), Json(body)).into_response()
}

const fn status(good: bool) -> StatusCode {
    if good { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }
}
