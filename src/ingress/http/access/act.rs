//! Administrative acts: each leaves an entry in the audit log before it is answered, also where nobody
//! waits for the answer any more. What is not done in the log's own store is told before it is done, too:
//! resources by [`crate::store::ahead`], the rest by its handlers.

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::{FromRequestParts, Request};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::request::Parts;

use super::super::Doors;
use super::super::error::ApiError;
use super::super::request_id::RequestId;
use super::super::scopes::Row;
use crate::domain::access::Caller;
use crate::domain::audit::{Record, Recording};

/// Runs a route for a caller that may call it.
pub(super) async fn run(
    doors: Arc<Doors>,
    caller: Caller,
    row: &Row,
    mut request: Request,
    next: Next,
) -> Response {
    if !row.audited {
        request.extensions_mut().insert(caller);
        return next.run(request).await;
    }
    let what = format!("{} {}", row.method, row.path);
    let object = named(row.path, request.uri().path());
    let record = doors.audit.begin(&caller, what, object, request_id(&request));
    request.extensions_mut().insert(caller);
    request.extensions_mut().insert(Arc::clone(&record));
    // In a task of its own: a caller that goes away does not come between the act and its entry.
    let acted = tokio::spawn(async move {
        let answer = next.run(request).await;
        if !answer.status().is_success() {
            // Any other answer does not say that nothing was done: that it was begun is all that is known.
            let is_refused = answer.status().is_client_error();
            if is_refused && doors.audit.fail(&record).await.is_err() {
                tracing::error!(
                    "an act was begun and has failed; the audit log says that it was begun"
                );
            }
            return answer;
        }
        match doors.audit.settle(&record).await {
            Ok(()) => answer,
            Err(error) => {
                tracing::error!("an act was done, and could not be written to the audit log");
                ApiError::from(error).into_response()
            }
        }
    });
    match acted.await {
        Ok(answer) => answer,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_stopped) => {
                ApiError::from(crate::service::error::Error::Unavailable).into_response()
            }
        },
    }
}

fn request_id(request: &Request) -> String {
    let id = request.extensions().get::<RequestId>();
    id.and_then(|RequestId(id)| id.to_str().ok()).unwrap_or_default().to_owned()
}

/// The part of the path that stands where the route has `{id}`.
fn named(route: &str, path: &str) -> Option<String> {
    let at = route.split('/').position(|part| part == "{id}")?;
    path.split('/').nth(at).map(str::to_owned)
}

/// The record that the request's act has to leave, if any.
pub(in crate::ingress::http) struct Recorded(pub(in crate::ingress::http) Recording);

impl Recorded {
    /// Says that the act is begun, before it is done where no transaction writes its entry.
    pub(in crate::ingress::http) async fn ahead(&self, doors: &Doors) -> Result<(), ApiError> {
        Ok(doors.audit.ahead(&self.0).await?)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Recorded {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        Ok(Self(parts.extensions.get::<Arc<Record>>().cloned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_named_by_its_place_in_the_path() {
        let named = |route, path| named(route, path);
        assert_eq!(named("/api/v1/cards/{id}", "/api/v1/cards/crd_1").as_deref(), Some("crd_1"));
        assert_eq!(named("/a/{id}/revoke", "/a/key_1/revoke").as_deref(), Some("key_1"));
        assert_eq!(named("/api/v1/cards", "/api/v1/cards"), None);
    }
}
