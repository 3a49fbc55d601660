//! Access to the REST routes: who calls, whether the caller may, and how often. Deny by default: a
//! route without a row in `scopes` is nobody's. (Who may spend is `decision`'s affair.)

mod act;
mod bearer;
pub mod bound;
pub mod lockout;
pub mod rate;
pub mod refused;
pub mod token;

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{FromRequestParts, MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use secrecy::SecretString;

use super::error::ApiError;
use super::problem::Problem;
use super::scopes::{self, Need, Row};
use super::webhooks::networks::Networks;
use super::{Doors, Peer};
use crate::domain::access::{Caller, Reach, Scopes};
use crate::domain::clock::Clock;
use crate::service::error::Error;
use crate::service::keys::ring::KeyRing;
use crate::telemetry::metrics;

use lockout::Lockout;
use rate::{Exceeded, Left, Rates};
use refused::{Attempt, Refusals};
use token::Tokens;

pub(super) use act::Recorded;

const RATE_LIMITED: &str = "too many requests; see Retry-After and the RateLimit headers";
const LOCKED_OUT: &str = "too many bad credentials have come from this address; see Retry-After";

/// What callers are recognised and limited by.
pub struct Gate {
    /// The keys of the settings: the program's, with every scope.
    pub admin_keys: Vec<SecretString>,
    /// Keys that were issued.
    pub keys: Arc<KeyRing>,
    /// Scopes that give anything here.
    pub scopes: Scopes,
    /// Tokens of an identity provider, where they are accepted.
    pub tokens: Option<Tokens>,
    /// How often each may call.
    pub rates: Rates,
    /// Who has sent too many bad credentials.
    pub lockout: Lockout,
    /// Proxies that say where a call comes from.
    pub proxies: Networks,
    /// What is told of callers that may not.
    pub refusals: Refusals,
}

impl Gate {
    /// Who calls, with the scopes that count here; `None`: nobody that is known.
    async fn recognise(&self, headers: &HeaderMap) -> Result<Option<Caller>, Error> {
        let known = self.whose(headers).await?;
        let counts =
            |caller: Caller| Caller { scopes: caller.scopes.within(self.scopes), ..caller };
        Ok(known.map(counts))
    }

    /// Whether whoever sends these credentials is still this caller, with the same rights.
    pub(super) async fn is_still(
        &self,
        caller: &Caller,
        credentials: &HeaderMap,
    ) -> Result<bool, Error> {
        Ok(self.recognise(credentials).await?.as_ref() == Some(caller))
    }

    async fn whose(&self, headers: &HeaderMap) -> Result<Option<Caller>, Error> {
        let Some(given) = bearer::bearer(headers) else { return Ok(None) };
        if bearer::is_known(given, &self.admin_keys) {
            let key = "admin".into();
            return Ok(Some(Caller { key, scopes: Scopes::ALL, reach: Reach::Program }));
        }
        let Ok(text) = str::from_utf8(given) else { return Ok(None) };
        if let Some(caller) = self.keys.recognise(text).await? {
            return Ok(Some(caller));
        }
        Ok(self.tokens.as_ref().and_then(|tokens| tokens.recognise(text)))
    }

    /// Where a call comes from. What a trusted proxy says and nobody understands counts as the proxy's.
    fn origin(&self, request: &Request) -> Option<IpAddr> {
        let Peer(peer) = request.extensions().get::<Peer>()?;
        let peer = peer.to_canonical();
        Some(self.proxies.origin(peer, request.headers()).unwrap_or(peer))
    }

    /// Forgets callers that have been silent, once a minute and for ever.
    pub async fn forget_for_ever(&self, clock: Arc<dyn Clock>) {
        loop {
            tokio::time::sleep(std::time::Duration::from_secs(60)).await;
            self.rates.forget_silent();
            self.lockout.forget_old(clock.monotonic());
        }
    }
}

/// Lets a request pass whose caller is known and may call the route, as often as it may. All that are
/// not known get the same answer.
pub async fn admit(State(doors): State<Arc<Doors>>, request: Request, next: Next) -> Response {
    let (gate, now) = (&doors.gate, doors.clock.monotonic());
    let address = gate.origin(&request);
    if let Some(wait_s) = address.and_then(|address| gate.lockout.is_locked(address, now)) {
        let failures_max = gate.lockout.failures_max();
        return exceeded("locked_out", LOCKED_OUT, Exceeded { limit: failures_max, wait_s });
    }
    let by_address =
        address.map(|address| gate.rates.address(lockout::network(address))).transpose();
    let left = match by_address {
        Ok(left) => left.flatten(),
        Err(found) => return exceeded("rate_limited", RATE_LIMITED, found),
    };
    let caller = match gate.recognise(request.headers()).await {
        Ok(Some(caller)) => caller,
        Ok(None) => {
            let tried = request.headers().contains_key(header::AUTHORIZATION);
            address.filter(|_| tried).iter().for_each(|address| gate.lockout.failed(*address, now));
            return told(unauthorized(), left);
        }
        Err(error) => return told(ApiError::from(error).into_response(), left),
    };
    let left = match gate.rates.key(&caller.key) {
        Ok(by_key) => by_key.or(left),
        Err(found) => return exceeded("rate_limited", RATE_LIMITED, found),
    };
    let attempt = Attempt::of(&caller, &request);
    let told_by = Arc::clone(&doors);
    let answer = match may_call(&caller, &request) {
        Ok(row) => act::run(doors, caller, row, request, next).await,
        Err(refused) => refused.into_response(),
    };
    // Not only here: what a caller may do to an object is known where the object is.
    if answer.status() == StatusCode::FORBIDDEN {
        told_by.gate.refusals.tell(&attempt, told_by.clock.now());
    }
    told(answer, left)
}

fn may_call(caller: &Caller, request: &Request) -> Result<&'static Row, Problem> {
    let path = request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str);
    let Some(row) = scopes::row(request.method(), path) else {
        tracing::error!(route = path, "a route without scopes was called and refused");
        return Err(forbidden());
    };
    match row.need {
        Need::Open | Need::Platform => Ok(row),
        Need::AnyOf { scopes, program_only } => {
            let reaches = !program_only || caller.reach == Reach::Program;
            if reaches && caller.scopes.any_of(scopes) { Ok(row) } else { Err(forbidden()) }
        }
    }
}

fn told(mut answer: Response, left: Option<Left>) -> Response {
    left.iter().for_each(|left| left.tell(answer.headers_mut()));
    answer
}

fn unauthorized() -> Response {
    metrics::access_refused("unauthorized");
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

/// What is used up is told in the same headers, be it calls or bad credentials.
fn exceeded(reason: &'static str, detail: &'static str, exceeded: Exceeded) -> Response {
    metrics::access_refused(reason);
    let problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", detail);
    let mut refused = problem.into_response();
    refused.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(exceeded.wait_s));
    exceeded.tell(refused.headers_mut());
    refused
}

/// The caller that the access layer has recognised.
impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        parts.extensions.get::<Self>().cloned().ok_or_else(forbidden)
    }
}
