//! `POST /api/v1/marqeta/webhooks`: what the card platform notifies of. Answered 200 once it is kept, and
//! only then: anything else makes the platform send the whole body again.

mod access;
pub mod networks;
pub mod signature;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::Serialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::body::{check_headers, read_within};
use super::problem::Problem;
use super::{Doors, JitCredentials, card_watch};
use crate::service::error::Error;
use crate::service::webhooks::{Receipt, Webhooks};
use crate::telemetry::card_data::Place;
use crate::telemetry::webhooks;
use crate::wire::marqeta::document::{WebhookAnswer, WebhookRequest};
use crate::wire::marqeta::notification::{self, EnvelopeError};
use crate::wire::scan::scan;

use access::WebhookAccess;
use networks::Networks;
use signature::{Rules, SignatureError};

/// The largest body, in bytes.
const BODY_BYTES_MAX: usize = 256 * 1024;

/// How long the store may take. The platform waits a little longer, and sends again what is not
/// acknowledged.
const KEEP_MAX: Duration = Duration::from_secs(5);

/// What the door is made of.
pub struct WebhookDoor {
    /// Keeps what comes in.
    pub handler: Arc<Webhooks>,
    /// The Basic credentials that are accepted.
    pub credentials: Vec<JitCredentials>,
    /// How bodies are signed.
    pub signatures: Rules,
    /// Who may call.
    pub networks: Networks,
}

/// The routes.
pub fn router() -> OpenApiRouter<Arc<Doors>> {
    OpenApiRouter::new().routes(routes!(notified))
}

/// Takes what the card platform notifies of: arrays of events by family.
///
/// Answered once it is kept. Everything else makes the platform send it again. `event_conflict` is the answer
/// where all that the body holds contradicts what is kept; otherwise its `conflicts` are counted.
#[utoipa::path(
    post,
    path = "/api/v1/marqeta/webhooks",
    tag = "Card platform",
    operation_id = "webhooks",
    params(
        ("X-Marqeta-Signature" = Option<String>, Header, description = "The signature over the body, where the program has one."),
    ),
    request_body(
        content = WebhookRequest,
        example = json!({
            "transactions": [{"type": "authorization", "token": "t-0001", "state": "PENDING"}],
        }),
    ),
    responses(
        (status = 200, description = "It is kept. A lone ping is echoed, unless it holds card data.", body = WebhookAnswer),
        (status = 400, description = "ambiguous_signature"),
        (status = 401, description = "invalid_signature stale"),
        (status = 409, description = "event_conflict"),
        (status = 413, description = "too_many_events"),
    ),
)]
async fn notified(
    State(doors): State<Arc<Doors>>,
    _access: WebhookAccess,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let body = match check_headers(&parts.headers) {
        Ok(()) => read_within(body, BODY_BYTES_MAX).await,
        Err(problem) => Err(problem),
    };
    match body {
        Ok(body) => take(&doors, &parts.headers, body).await,
        Err(problem) => problem.into_response(),
    }
}

async fn take(doors: &Doors, headers: &HeaderMap, body: Bytes) -> Response {
    let door = &doors.webhooks;
    // Over the bytes as they came, before anything is read from them.
    if let Err(error) = door.signatures.verify(headers, &body, doors.clock.now()) {
        card_watch::look_at_untaken(Place::Notification, &body);
        return refused(error);
    }
    let envelope = match notification::open(&body) {
        Ok(envelope) => envelope,
        Err(error) => {
            card_watch::look_at_untaken(Place::Notification, &body);
            return unreadable(error);
        }
    };
    card_watch::tell_of(Place::Notification, &envelope.names);
    match tokio::time::timeout(KEEP_MAX, door.handler.keep(&envelope.elements)).await {
        Ok(Ok(receipt)) => acknowledged(&receipt, &body),
        Ok(Err(error)) => not_kept(&error),
        Err(_late) => not_kept(&Error::Unavailable),
    }
}

/// What the platform is told. It looks at the status alone.
#[derive(Serialize)]
struct Acknowledged {
    status: &'static str,
    accepted: usize,
    duplicates: usize,
    ignored: usize,
    parked: usize,
    conflicts: usize,
}

fn acknowledged(receipt: &Receipt, body: &Bytes) -> Response {
    let Receipt { accepted, duplicates, ignored, parked, conflicts, pings } = *receipt;
    let kept = accepted + duplicates + ignored + parked + conflicts;
    if pings > 0 && kept == 0 && may_be_echoed(body) {
        return json(body.clone());
    }
    // Beside others it is counted: everything is kept, and would be sent again because of it.
    if conflicts > 0 && conflicts == kept {
        const DETAIL: &str = "another notification was kept under the same token and state";
        return Problem::new(StatusCode::CONFLICT, "event_conflict", DETAIL).into_response();
    }
    let status = match (accepted, duplicates, ignored, parked) {
        (0, 1.., 0, 0) => "duplicate",
        (0, _, 1.., 0) => "ignored",
        (0, _, _, 1..) => "parked",
        _ => "accepted",
    };
    let told = Acknowledged { status, accepted, duplicates, ignored, parked, conflicts };
    json(serde_json::to_vec(&told).unwrap_or_default().into())
}

/// Whether no card data would go out with it, not even as an identifier.
fn may_be_echoed(body: &Bytes) -> bool {
    scan(body).is_ok_and(|found| !found.was_seen())
}

fn json(body: Bytes) -> Response {
    const JSON: HeaderValue = HeaderValue::from_static("application/json");
    (StatusCode::OK, [(header::CONTENT_TYPE, JSON)], body).into_response()
}

fn not_kept(error: &Error) -> Response {
    tracing::warn!(%error, "notifications were not kept; the platform sends them again");
    const DETAIL: &str = "not kept; the same notifications may be sent again";
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", DETAIL).into_response()
}

fn unreadable(error: EnvelopeError) -> Response {
    webhooks::count("unread", error.code);
    tracing::warn!(code = error.code, "a notification could not be read");
    let status = if error == notification::TOO_MANY {
        StatusCode::PAYLOAD_TOO_LARGE
    } else {
        StatusCode::BAD_REQUEST
    };
    Problem::new(status, error.code, error.detail).into_response()
}

fn refused(error: SignatureError) -> Response {
    tracing::warn!(%error, "a notification's signature was refused");
    webhooks::count("unread", "refused");
    match error {
        SignatureError::Ambiguous => {
            const DETAIL: &str = "a notification carries at most one signature";
            Problem::new(StatusCode::BAD_REQUEST, "ambiguous_signature", DETAIL)
        }
        SignatureError::Invalid => {
            const DETAIL: &str = "the signature is missing, or not the body's";
            Problem::new(StatusCode::UNAUTHORIZED, "invalid_signature", DETAIL)
        }
        SignatureError::Stale => {
            const DETAIL: &str = "the signed time is more than 300 s away";
            Problem::new(StatusCode::UNAUTHORIZED, "stale", DETAIL)
        }
    }
    .into_response()
}
