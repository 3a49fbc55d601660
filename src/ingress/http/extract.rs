//! What handlers take from a request beside its body: ids in the path, versions, keys, arrival.

use std::str::FromStr;
use std::sync::Arc;

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{FromRequestParts, Path, Query};
use http::header::{HeaderName, IF_MATCH};
use http::request::Parts;
use http::{HeaderMap, StatusCode};

use super::problem::Problem;
use super::{Doors, Received};
use crate::domain::id::EventId;
use crate::domain::time::Monotonic;
use crate::wire::card_data::number;

/// The longest idempotency key, in characters.
pub const KEY_CHARS_MAX: usize = 255;

/// The `{id}` of the path; what can not be one is 400 `invalid_id`.
pub struct Id<T>(pub T);

impl<T: FromStr, S: Send + Sync> FromRequestParts<S> for Id<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path: Result<Path<String>, PathRejection> =
            Path::from_request_parts(parts, state).await;
        let id = path.ok().and_then(|Path(text)| text.parse().ok());
        id.map(Self).ok_or_else(|| {
            const DETAIL: &str = "the path does not name an object by an id of the expected form";
            Problem::new(StatusCode::BAD_REQUEST, "invalid_id", DETAIL)
        })
    }
}

/// The parameters of the query, percent-decoded; what can not be read is 400 `invalid_query`.
pub struct QueryPairs(pub Vec<(String, String)>);

impl<S: Send + Sync> FromRequestParts<S> for QueryPairs {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let pairs: Result<Query<Vec<(String, String)>>, QueryRejection> =
            Query::from_request_parts(parts, state).await;
        pairs.map(|Query(pairs)| Self(pairs)).map_err(|_| {
            const DETAIL: &str = "the query is names and values, percent-encoded";
            Problem::new(StatusCode::BAD_REQUEST, "invalid_query", DETAIL)
        })
    }
}

/// The version in `If-Match`, quoted or not: what the caller has seen.
pub struct IfMatch(pub i64);

impl<S: Send + Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        let Some(text) = only(&parts.headers, &IF_MATCH) else {
            const DETAIL: &str =
                "a change needs one If-Match header with the version that was read";
            return Err(Problem::new(
                StatusCode::PRECONDITION_REQUIRED,
                "version_required",
                DETAIL,
            ));
        };
        let version = text.map(unquoted).and_then(|version| version.parse().ok());
        version.map(Self).ok_or_else(|| {
            const DETAIL: &str = "If-Match carries one version, such as \"3\"";
            Problem::new(StatusCode::BAD_REQUEST, "invalid_version", DETAIL)
        })
    }
}

/// The `Idempotency-Key`: 1 to 255 visible characters; quoted or not, it is the same key.
pub struct IdempotencyKey(pub String);

impl<S: Send + Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        const NAME: HeaderName = HeaderName::from_static("idempotency-key");
        let Some(text) = only(&parts.headers, &NAME) else {
            const DETAIL: &str = "a call that moves money needs one Idempotency-Key header";
            return Err(Problem::new(StatusCode::BAD_REQUEST, "idempotency_key_required", DETAIL));
        };
        // It is kept: so it must not be what may not be kept.
        let key = text.map(unquoted).filter(|key| is_key(key) && !number::is_in(key));
        key.map(|key| Self(key.to_owned())).ok_or_else(|| {
            const DETAIL: &str =
                "an idempotency key is 1 to 255 visible ASCII characters, and no card number";
            Problem::new(StatusCode::BAD_REQUEST, "invalid_idempotency_key", DETAIL)
        })
    }
}

/// The `Last-Event-ID` of somebody who comes back to a feed; what can not be one is 400 `invalid_id`.
pub struct LastEventId(pub Option<EventId>);

impl<S: Send + Sync> FromRequestParts<S> for LastEventId {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        const NAME: HeaderName = HeaderName::from_static("last-event-id");
        let Some(text) = only(&parts.headers, &NAME) else { return Ok(Self(None)) };
        let id = text.and_then(|text| text.parse().ok());
        id.map(|id| Self(Some(id))).ok_or_else(|| {
            const DETAIL: &str = "Last-Event-ID carries the id of one event";
            Problem::new(StatusCode::BAD_REQUEST, "invalid_id", DETAIL)
        })
    }
}

/// The preference (RFC 7240) for an answer before the decision.
pub const RESPOND_ASYNC: &str = "respond-async";

/// Whether the caller would rather not wait for the decision.
pub struct Later(pub bool);

impl<S: Send + Sync> FromRequestParts<S> for Later {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Self::Rejection> {
        let values = parts.headers.get_all("prefer").iter().filter_map(|value| value.to_str().ok());
        let mut preferences = values.flat_map(|value| value.split(','));
        let asked = |preference: &str| {
            let name = preference.split([';', '=']).next().unwrap_or_default();
            name.trim().eq_ignore_ascii_case(RESPOND_ASYNC)
        };
        Ok(Self(preferences.any(asked)))
    }
}

/// When the request's header was complete.
pub struct Arrival(pub Monotonic);

impl FromRequestParts<Arc<Doors>> for Arrival {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(
        parts: &mut Parts,
        doors: &Arc<Doors>,
    ) -> Result<Self, Self::Rejection> {
        let received = parts.extensions.get::<Received>().map(|received| received.0);
        Ok(Self(received.unwrap_or_else(|| doors.clock.monotonic())))
    }
}

/// `None`: no such header. `Some(None)`: one that is not text, or several.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<Option<&'a str>> {
    let mut values = headers.get_all(name).iter();
    let first = values.next()?;
    let single = values.next().is_none();
    Some(first.to_str().ok().filter(|_| single))
}

/// The text without one pair of quotes around it.
fn unquoted(text: &str) -> &str {
    let inner = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    inner.unwrap_or(text)
}

fn is_key(key: &str) -> bool {
    let visible = key.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"');
    (1..=KEY_CHARS_MAX).contains(&key.len()) && visible
}

#[cfg(test)]
mod tests {
    use http::{HeaderValue, Request};

    use super::*;

    async fn read<T: FromRequestParts<(), Rejection = Problem>>(
        name: &str,
        values: &[&[u8]],
    ) -> Result<T, &'static str> {
        let (mut parts, ()) = Request::new(()).into_parts();
        for value in values {
            let name: HeaderName = name.parse().unwrap();
            parts.headers.append(name, HeaderValue::from_bytes(value).unwrap());
        }
        T::from_request_parts(&mut parts, &()).await.map_err(|problem| problem.code)
    }

    #[tokio::test]
    async fn a_version_may_be_quoted_and_must_be_one() {
        let version = async |values: &[&[u8]]| {
            read::<IfMatch>("if-match", values).await.map(|version| version.0)
        };
        assert_eq!(version(&[b"\"3\""]).await, Ok(3));
        assert_eq!(version(&[b"3"]).await, Ok(3));
        assert_eq!(version(&[]).await, Err("version_required"));
        for bad in [&b"\"three\""[..], b"*", b"W/\"3\"", b"\"3", b""] {
            assert_eq!(version(&[bad]).await, Err("invalid_version"));
        }
        assert_eq!(version(&[b"\"3\"", b"\"4\""]).await, Err("invalid_version"));
    }

    #[tokio::test]
    async fn whoever_would_rather_not_wait_says_so_among_other_preferences() {
        let later = async |value: &str| {
            let (mut parts, ()) =
                Request::builder().header("prefer", value).body(()).unwrap().into_parts();
            let Ok(Later(later)) = Later::from_request_parts(&mut parts, &()).await;
            later
        };
        for yes in ["respond-async", "wait=5, Respond-Async", "respond-async; x=1"] {
            assert!(later(yes).await, "{yes}");
        }
        for no in ["wait=5", "respond-asynchronously", "x=respond-async"] {
            assert!(!later(no).await, "{no}");
        }
    }

    #[tokio::test]
    async fn whoever_comes_back_names_one_event_or_none() {
        let last = async |values: &[&[u8]]| {
            let read = read::<LastEventId>("last-event-id", values).await;
            read.map(|LastEventId(last)| last.map(|id| id.to_string()))
        };
        let id = "evt_01901234567878ab8def0123456789ab";
        assert_eq!(last(&[]).await, Ok(None));
        assert_eq!(last(&[id.as_bytes()]).await, Ok(Some(id.to_owned())));
        for bad in [&b""[..], b"7", b"evt_\xff"] {
            assert_eq!(last(&[bad]).await, Err("invalid_id"), "{bad:?}");
        }
        assert_eq!(last(&[id.as_bytes(), id.as_bytes()]).await, Err("invalid_id"));
    }

    #[tokio::test]
    async fn both_spellings_of_a_key_are_one_key() {
        let key = async |values: &[&[u8]]| {
            read::<IdempotencyKey>("idempotency-key", values).await.map(|key| key.0)
        };
        assert_eq!(key(&[b"\"top-up 1\""]).await, Err("invalid_idempotency_key"));
        assert_eq!(key(&[b"\"top-up-1\""]).await, key(&[b"top-up-1"]).await);
        assert_eq!(key(&[&[b'k'; 255]]).await.map(|key| key.len()), Ok(255));
        assert_eq!(key(&[]).await, Err("idempotency_key_required"));
        for bad in
            [&b""[..], b"\"\"", &[b'k'; 256], b"a\tb", b"a\xffb", b"\"a", b"4111111111111111"]
        {
            assert_eq!(key(&[bad]).await, Err("invalid_idempotency_key"), "{bad:?}");
        }
        assert_eq!(key(&[b"a", b"b"]).await, Err("invalid_idempotency_key"));
    }
}
