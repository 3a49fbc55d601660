//! Errors as `application/problem+json` (RFC 9457): a stable code, a request id, never the value.

use std::borrow::Cow;

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};

/// An error answer. The request id is filled in by the outermost layer, which also sets the header.
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
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut body = serde_json::json!({
            "type": format!("/docs/errors/{}", self.code),
            "title": self.status.canonical_reason().unwrap_or("Error"),
            "status": self.status.as_u16(),
            "code": self.code,
            "detail": self.detail,
        });
        if let Some(pointer) = self.pointer {
            body["pointer"] = pointer.into();
        }
        let mut response = (self.status, body.to_string()).into_response();
        response
            .headers_mut()
            .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        response
    }
}
