//! Bodies: size, type and structure are checked before anything is read from them.

use axum::extract::{FromRequest, Request};
use bytes::Bytes;

use super::problem::Problem;

/// The largest body, in bytes.
pub const BODY_BYTES_MAX: usize = 64 * 1024;

/// A body that is one well-formed JSON object: content type and encoding are right, at most
/// [`BODY_BYTES_MAX`] bytes, and it has passed `wire::scan`.
pub struct ScannedBody(pub Bytes);

impl<S: Send + Sync> FromRequest<S> for ScannedBody {
    type Rejection = Problem;

    async fn from_request(_request: Request, _state: &S) -> Result<Self, Problem> {
        unimplemented!()
    }
}

/// A scanned body, read into one of our own shapes; unknown fields are refused.
pub struct JsonBody<T>(pub T);

impl<S: Send + Sync, T: serde::de::DeserializeOwned> FromRequest<S> for JsonBody<T> {
    type Rejection = Problem;

    async fn from_request(_request: Request, _state: &S) -> Result<Self, Problem> {
        unimplemented!()
    }
}
