//! Who may notify: Basic credentials, from an address that may call. Looked at before the body is read.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::request::Parts;

use super::super::marqeta::access::{admits, unauthorized};
use super::super::problem::Problem;
use super::super::{Doors, Peer};

/// The caller may notify.
pub(super) struct WebhookAccess;

impl FromRequestParts<Arc<Doors>> for WebhookAccess {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, doors: &Arc<Doors>) -> Result<Self, Response> {
        let door = &doors.webhooks;
        let peer = parts.extensions.get::<Peer>().map(|Peer(address)| *address);
        if !door.networks.admit(peer, &parts.headers) {
            let address =
                peer.and_then(|peer| door.networks.origin(peer.to_canonical(), &parts.headers));
            let now = doors.clock.now();
            doors.gate.refusals.tell_of_address(address, &parts.extensions, now);
            const DETAIL: &str = "this address may not notify";
            return Err(Problem::new(StatusCode::FORBIDDEN, "forbidden", DETAIL).into_response());
        }
        if admits(&parts.headers, &door.credentials, None) {
            return Ok(Self);
        }
        Err(unauthorized("webhooks"))
    }
}
