//! A yardstick: the JIT route behind the same accept loop, with nothing behind it. What the service
//! costs beyond this is its own.

use axum::Router;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use bytes::Bytes;
use http::{HeaderValue, header};

const ANSWER: &[u8] =
    br#"{"jit_funding":{"token":"yardstick","method":"pgfs.authorization","amount":1.00}}"#;

/// Reads the body and answers the same bytes every time.
pub fn empty_router() -> Router {
    Router::new().route("/api/v1/marqeta/jit", post(answer))
}

async fn answer(_body: Bytes) -> Response {
    let json = HeaderValue::from_static("application/json");
    ([(header::CONTENT_TYPE, json)], ANSWER).into_response()
}
