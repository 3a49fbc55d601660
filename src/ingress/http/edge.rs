//! The edge: what happens to every request before its route and to every answer after it. Request
//! id, exactly one host, panics, and the headers that all answers carry.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use http::{HeaderMap, HeaderValue, Request, StatusCode, header};
use hyper::body::Incoming;
use tower::Service;

use crate::domain::clock::Clock;
use crate::domain::time::Monotonic;
use crate::telemetry::doors::{Door, DoorMetrics};

use super::Received;
use super::card_watch;
use super::endless::{Endless, EndlessBody};
use super::host;
use super::imports;
use super::problem::{Problem, name_request};
use super::pulse::Pulse;
use super::refusal;
use super::request_id::{REQUEST_ID, RequestId, RequestIds};
use super::timed_body::TimedBody;

/// What all requests of a listener share.
pub(super) struct Edge {
    pub(super) router: Router,
    pub(super) ids: RequestIds,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) body_timeout: Duration,
    pub(super) doors: DoorMetrics,
}

impl Edge {
    /// Answers one request. Dropped when its connection goes away.
    pub(super) async fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
        pulse: Arc<Pulse>,
    ) -> Response {
        let started = self.clock.monotonic();
        let (received, door) = (Received(started), Door::of(request.uri().path()));
        let mut timed = Timed { edge: &self, door: Some(door), started };
        pulse.begin();
        let id = self.ids.of(request.headers());
        card_watch::look_at_head(request.uri(), request.headers());
        let mut response = if let Some(status) = in_doubt(&pulse, request.headers()) {
            // Where its body ends is not known: nothing more is read.
            pulse.leave_unread();
            refusal::problem(status).into_response()
        } else if host::is_clear(request.version(), request.headers()) {
            let body_pulse = Arc::clone(&pulse);
            let patient = request.uri().path() == imports::PATH;
            let mut request = request.map(|body| {
                let body = TimedBody::new(body, self.body_timeout, body_pulse);
                Body::new(if patient { body.patient() } else { body })
            });
            request.extensions_mut().insert(received);
            request.extensions_mut().insert(RequestId(id.clone()));
            self.route(request).await
        } else {
            const DETAIL: &str = "a request carries exactly one Host header: a name or an address, and perhaps a port";
            Problem::new(StatusCode::BAD_REQUEST, "invalid_host", DETAIL).into_response()
        };
        name_request(&mut response, &id);
        dress(response.headers_mut(), id);
        if response.status() == StatusCode::SERVICE_UNAVAILABLE {
            const SOON: HeaderValue = HeaderValue::from_static("1");
            response.headers_mut().entry(header::RETRY_AFTER).or_insert(SOON);
        }
        if pulse.has_unread() {
            // Told, so that nobody sends the next request into a connection that is going away.
            const CLOSE: HeaderValue = HeaderValue::from_static("close");
            response.headers_mut().insert(header::CONNECTION, CLOSE);
        }
        if response.extensions_mut().remove::<Endless>().is_some() {
            timed.door = None; // it has begun, and nobody knows when it ends
            let clock = Arc::clone(&self.clock);
            return response.map(|body| Body::new(EndlessBody::new(body, pulse, clock)));
        }
        pulse.end(self.clock.monotonic());
        response
    }

    /// The answer to a request that was refused before it came here.
    pub(super) fn refusal(&self, status: StatusCode) -> Vec<u8> {
        refusal::in_full(status, self.ids.of(&HeaderMap::new()))
    }

    async fn route(&self, request: Request<Body>) -> Response {
        let answered = AssertUnwindSafe(self.router.clone().call(request)).catch_unwind().await;
        match answered {
            Ok(Ok(response)) => response,
            Err(_panic) => {
                tracing::error!("a handler panicked; its caller got 500");
                const DETAIL: &str = "something went wrong on our side; it is logged";
                Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", DETAIL).into_response()
            }
        }
    }
}

/// Measures a request when it is dropped: one whose caller has gone away has taken its time, too.
struct Timed<'a> {
    edge: &'a Edge,
    door: Option<Door>,
    started: Monotonic,
}

impl Drop for Timed<'_> {
    fn drop(&mut self) {
        if let Some(door) = self.door {
            let took_us = self.edge.clock.monotonic().since(self.started);
            self.edge.doors.took(door, took_us);
        }
    }
}

/// Header bytes of one request at most, names and values together.
const HEADER_BYTES_MAX: usize = 64 * 1024;

/// What hyper lets through and we do not: a length beside chunks or beside a length, a transfer encoding
/// beside chunks, and more of a header than it was told to keep (it reads ahead). `None`: nothing of the
/// kind.
fn in_doubt(pulse: &Pulse, headers: &HeaderMap) -> Option<StatusCode> {
    if pulse.is_doubtful() {
        return Some(StatusCode::BAD_REQUEST);
    }
    let mut encodings = headers.get_all(header::TRANSFER_ENCODING).iter();
    if let Some(encoding) = encodings.next() {
        let chunked = encoding.as_bytes().eq_ignore_ascii_case(b"chunked");
        if !chunked || encodings.next().is_some() {
            return Some(StatusCode::BAD_REQUEST);
        }
    }
    let bytes = headers.iter().map(|(name, value)| name.as_str().len() + value.len());
    let too_much = bytes.sum::<usize>() > HEADER_BYTES_MAX;
    too_much.then_some(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE)
}

/// What all answers carry. A page may bring a policy of its own.
pub(super) fn dress(headers: &mut HeaderMap, id: HeaderValue) {
    const NOTHING: HeaderValue =
        HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");
    headers.insert(REQUEST_ID, id);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(NOTHING);
}
