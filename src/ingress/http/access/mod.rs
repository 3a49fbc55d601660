//! Access to the REST routes: who calls, whether the caller may, and how often. Deny by default: a
//! route without a row in `scopes` is nobody's. (Who may spend is `decision`'s affair.)

mod bearer;

use std::sync::Arc;

use axum::extract::{FromRequestParts, MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use secrecy::SecretString;

use super::Doors;
use super::problem::Problem;
use super::scopes::{self, Need};
use crate::domain::access::{Caller, Reach, Scopes};

/// What callers are recognised by.
pub struct Gate {
    /// The keys of the settings: the program's, with every scope.
    pub admin_keys: Vec<SecretString>,
}

impl Gate {
    /// Who calls; `None`: nobody that is known.
    async fn recognise(&self, headers: &HeaderMap) -> Option<Caller> {
        let given = bearer::bearer(headers)?;
        if bearer::is_known(given, &self.admin_keys) {
            return Some(Caller {
                key: "admin".into(),
                scopes: Scopes::ALL,
                reach: Reach::Program,
            });
        }
        None
    }
}

/// Lets a request pass whose caller is known and may call the route. All that are not known get the
/// same answer.
pub async fn admit(State(doors): State<Arc<Doors>>, mut request: Request, next: Next) -> Response {
    let Some(caller) = doors.gate.recognise(request.headers()).await else {
        return unauthorized();
    };
    if let Err(refused) = may_call(&caller, &request) {
        return refused.into_response();
    }
    request.extensions_mut().insert(caller);
    next.run(request).await
}

fn may_call(caller: &Caller, request: &Request) -> Result<(), Problem> {
    let path = request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str);
    let row = scopes::row(request.method(), path);
    match row.map(|row| row.need) {
        Some(Need::Open | Need::Platform) => Ok(()),
        Some(Need::AnyOf { scopes, program_only }) => {
            let reaches = !program_only || caller.reach == Reach::Program;
            if reaches && caller.scopes.any_of(scopes) { Ok(()) } else { Err(forbidden()) }
        }
        None => {
            tracing::error!(route = path, "a route without scopes was called and refused");
            Err(forbidden())
        }
    }
}

fn unauthorized() -> Response {
    const DETAIL: &str = "send Authorization: Bearer with a key or a token that is valid here";
    let mut refused =
        Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", DETAIL).into_response();
    let challenge = HeaderValue::from_static("Bearer");
    refused.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
    refused
}

fn forbidden() -> Problem {
    const DETAIL: &str = "this key is valid, and may not call this route";
    Problem::new(StatusCode::FORBIDDEN, "forbidden", DETAIL)
}

/// The caller that the access layer has recognised.
impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        parts.extensions.get::<Self>().cloned().ok_or_else(forbidden)
    }
}
