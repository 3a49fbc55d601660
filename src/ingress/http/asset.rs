//! What a browser is given: pages, their styles and scripts, each with its type and the policy of its page.
//! The headers that all answers carry come later, at the edge.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::HeaderValue;
use http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};

pub(super) const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");
pub(super) const CSS: HeaderValue = HeaderValue::from_static("text/css; charset=utf-8");
pub(super) const SCRIPT: HeaderValue = HeaderValue::from_static("text/javascript; charset=utf-8");

/// Answers it. The policy is what the browser holds it to.
pub(super) fn shown(kind: HeaderValue, policy: HeaderValue, body: impl Into<Body>) -> Response {
    let headers = [(CONTENT_TYPE, kind), (CONTENT_SECURITY_POLICY, policy)];
    (headers, body.into()).into_response()
}
