//! Answers of the resource routes: an object with its version as `ETag`, for a later `If-Match`.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;

use super::error::ApiError;

/// What a handler answers.
pub type Answer = Result<Response, ApiError>;

/// 201 with the new object.
pub fn created(version: i64, object: impl Serialize) -> Answer {
    Ok(versioned(StatusCode::CREATED, version, object))
}

/// 200 with the object.
pub fn found(version: i64, object: impl Serialize) -> Answer {
    Ok(versioned(StatusCode::OK, version, object))
}

fn versioned(status: StatusCode, version: i64, object: impl Serialize) -> Response {
    let mut response = (status, Json(object)).into_response();
    if let Ok(tag) = HeaderValue::try_from(format!("\"{version}\"")) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}
