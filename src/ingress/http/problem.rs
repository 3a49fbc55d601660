//! Errors as `application/problem+json` (RFC 9457): a stable code, a request id, never the value.

use std::borrow::Cow;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use utoipa::ToSchema;

/// An error answer. The request id is filled in by the edge, which also sets the header.
#[derive(Clone, Debug)]
pub struct Problem {
    /// The HTTP status.
    pub status: StatusCode,
    /// The stable code: `unknown_field`, `token_reused`.
    pub code: &'static str,
    /// One sentence for a person: the cause and the cure, never the value.
    pub detail: Cow<'static, str>,
    /// A JSON pointer to the field at fault.
    pub pointer: Option<String>,
}

/// An error (RFC 9457). It never repeats what was sent.
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub(super) struct Shape<'a> {
    /// The page of the code.
    r#type: String,
    /// The status in words.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// The stable code: what programs should look at.
    code: &'static str,
    /// One sentence for a person: the cause and the cure.
    detail: &'a str,
    /// A JSON pointer to the field at fault.
    #[serde(skip_serializing_if = "Option::is_none")]
    pointer: Option<&'a str>,
    /// What the answer's `X-Request-Id` says, for whoever looks it up.
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
}

impl Problem {
    /// A problem with the whole request.
    pub fn new(
        status: StatusCode,
        code: &'static str,
        detail: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self { status, code, detail: detail.into(), pointer: None }
    }

    /// The same problem, blamed on one field.
    #[must_use]
    pub fn at(mut self, pointer: impl Into<String>) -> Self {
        self.pointer = Some(pointer.into());
        self
    }

    /// The body, as text.
    pub(super) fn text(&self, request_id: Option<&str>) -> Vec<u8> {
        let shape = Shape {
            r#type: format!("/docs/errors/{}", self.code),
            title: self.status.canonical_reason().unwrap_or("Error"),
            status: self.status.as_u16(),
            code: self.code,
            detail: &self.detail,
            pointer: self.pointer.as_deref(),
            request_id,
        };
        serde_json::to_vec(&shape).unwrap_or_default()
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(self.text(None)));
        *response.status_mut() = self.status;
        let problem_json = HeaderValue::from_static("application/problem+json");
        response.headers_mut().insert(header::CONTENT_TYPE, problem_json);
        response.extensions_mut().insert(self);
        response
    }
}

/// Writes the request id into the body of a problem; other answers stay as they are.
pub(super) fn name_request(response: &mut Response, request_id: &HeaderValue) {
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        *response.body_mut() = Body::from(problem.text(request_id.to_str().ok()));
        response.headers_mut().remove(header::CONTENT_LENGTH); // it was the old body's
    }
}
