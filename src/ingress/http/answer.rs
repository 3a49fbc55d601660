//! Answers of the resource routes: an object with its version as `ETag`, for a later `If-Match`.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;

use super::error::ApiError;
use crate::service::lists::Listed;
use crate::wire::v1::transaction::Page;

/// 200 with a page of a list.
pub fn page<T, S: Serialize>(listed: Listed<T>, shape: impl FnMut(T) -> S) -> Answer {
    let items = listed.items.into_iter().map(shape).collect();
    Ok(Json(Page::<S> { items, next: listed.next }).into_response())
}

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
