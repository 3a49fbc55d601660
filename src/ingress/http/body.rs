//! Bodies: size, type and structure are checked before anything is read from them.

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use hyper::body::Body as _;

use super::card_watch;
use super::problem::Problem;
use super::timed_body::{is_timeout, next_piece};
use crate::telemetry::card_data::Place;
use crate::wire::card_data::CardData;
use crate::wire::scan::{ScanError, scan};
use crate::wire::v1::field::Invalid;

/// The largest body, in bytes.
pub const BODY_BYTES_MAX: usize = 64 * 1024;

/// A body that is one well-formed JSON object: content type and encoding are right, at most
/// [`BODY_BYTES_MAX`] bytes, and it has passed `wire::scan`. Card data that it held has been taken
/// out: it is as if it had not been sent.
pub struct ScannedBody(pub Bytes);

impl<S: Send + Sync> FromRequest<S> for ScannedBody {
    type Rejection = Problem;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Problem> {
        let (bytes, found) = scanned(request).await?;
        Ok(Self(if found.must_go() { found.removed_from(&bytes).into() } else { bytes }))
    }
}

async fn scanned(request: Request) -> Result<(Bytes, CardData), Problem> {
    let (parts, body) = request.into_parts();
    check_headers(&parts.headers)?;
    let bytes = read_within(body, BODY_BYTES_MAX).await?;
    let found = watched(&bytes)?;
    Ok((bytes, found))
}

fn watched(bytes: &[u8]) -> Result<CardData, Problem> {
    match scan(bytes) {
        Ok(found) => {
            card_watch::tell_of(Place::Body, &found);
            Ok(found)
        }
        Err(error) => {
            card_watch::look_at_refused(Place::Body, bytes);
            Err(malformed(&error))
        }
    }
}

/// The same, and refused if it holds card data.
async fn without_card_data(request: Request) -> Result<Bytes, Problem> {
    let (bytes, found) = scanned(request).await?;
    refuse_card_data(&found)?;
    Ok(bytes)
}

fn refuse_card_data(found: &CardData) -> Result<(), Problem> {
    if !found.must_go() {
        return Ok(());
    }
    const DETAIL: &str = "card numbers, security codes, PINs and track data are never taken here";
    let problem = Problem::new(StatusCode::BAD_REQUEST, "card_number_found", DETAIL);
    let plain: Vec<_> = found.path().iter().take_while(|name| is_plain(name)).collect();
    let pointer = plain.into_iter().fold(String::new(), |path, name| join(&path, name));
    Err(point(problem, pointer))
}

/// A scanned body, read into one of our own shapes; unknown fields and card data are refused.
pub struct JsonBody<T>(pub T);

impl<S: Send + Sync, T: serde::de::DeserializeOwned> FromRequest<S> for JsonBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Problem> {
        let bytes = without_card_data(request).await?;
        parse(&bytes).map(Self)
    }
}

/// A body that is read into a shape, and kept as it came.
pub struct KeptBody<T>(pub T, pub Bytes);

impl<S: Send + Sync, T: serde::de::DeserializeOwned> FromRequest<S> for KeptBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Problem> {
        let bytes = without_card_data(request).await?;
        Ok(Self(parse(&bytes)?, bytes))
    }
}

/// No body, where none is taken: nothing at all, or an object without members. What else is sent would be
/// left unread, and its card data unseen; it is refused as other bodies are.
pub struct NoBody;

impl<S: Send + Sync> FromRequest<S> for NoBody {
    type Rejection = Problem;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Problem> {
        #[derive(serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Nothing {}
        let (parts, body) = request.into_parts();
        let bytes = read_within(body, BODY_BYTES_MAX).await?;
        if !bytes.is_empty() {
            check_headers(&parts.headers)?;
            refuse_card_data(&watched(&bytes)?)?;
            let Nothing {} = parse(&bytes)?;
        }
        Ok(Self)
    }
}

/// Refuses a body that is not plain JSON by its headers.
pub(super) fn check_headers(headers: &HeaderMap) -> Result<(), Problem> {
    if !is_json(headers) {
        const DETAIL: &str = "send Content-Type: application/json, in UTF-8";
        let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        return Err(Problem::new(status, "unsupported_media_type", DETAIL));
    }
    let plain = |value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"identity");
    if !headers.get_all(header::CONTENT_ENCODING).iter().all(plain) {
        const DETAIL: &str = "send the body without a content encoding";
        let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        return Err(Problem::new(status, "unsupported_encoding", DETAIL));
    }
    Ok(())
}

/// One content type, `application/json`, with no parameter but `charset=utf-8`.
fn is_json(headers: &HeaderMap) -> bool {
    let mut types = headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(Ok(value)), None) = (types.next().map(HeaderValue::to_str), types.next()) else {
        return false;
    };
    let mut parts = value.split(';').map(str::trim);
    let json = parts.next().is_some_and(|name| name.eq_ignore_ascii_case("application/json"));
    json && parts.all(|parameter| {
        parameter.eq_ignore_ascii_case("charset=utf-8")
            || parameter.eq_ignore_ascii_case("charset=\"utf-8\"")
    })
}

/// Reads a body to its end, or to its limit. One that says that it is too long is not read at all.
pub(super) async fn read_within(mut body: Body, bytes_max: usize) -> Result<Bytes, Problem> {
    if body.size_hint().lower() > bytes_max as u64 {
        return Err(too_large(bytes_max));
    }
    let Some(first) = piece(&mut body).await? else { return Ok(Bytes::new()) };
    let mut whole = Whole::One(first);
    while let Some(more) = piece(&mut body).await? {
        whole.append(more);
        if whole.len() > bytes_max {
            return Err(too_large(bytes_max));
        }
    }
    Ok(whole.into_bytes())
}

async fn piece(body: &mut Body) -> Result<Option<Bytes>, Problem> {
    if body.is_end_stream() {
        return Ok(None);
    }
    next_piece(body).await.transpose().map_err(|error| broken(&error))
}

/// A body that mostly comes in one piece, which is then not copied.
enum Whole {
    One(Bytes),
    Many(BytesMut),
}

impl Whole {
    fn append(&mut self, more: Bytes) {
        match self {
            Self::One(first) => {
                let mut joined = BytesMut::from(&first[..]);
                joined.extend_from_slice(&more);
                *self = Self::Many(joined);
            }
            Self::Many(joined) => joined.extend_from_slice(&more),
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::One(first) => first.len(),
            Self::Many(joined) => joined.len(),
        }
    }

    fn into_bytes(self) -> Bytes {
        match self {
            Self::One(first) => first,
            Self::Many(joined) => joined.freeze(),
        }
    }
}

fn too_large(bytes_max: usize) -> Problem {
    let detail = format!("a body has at most {} KiB here", bytes_max / 1024);
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", detail)
}

fn broken(error: &axum::Error) -> Problem {
    if is_timeout(error) {
        const DETAIL: &str = "the body was not complete in time";
        return Problem::new(StatusCode::REQUEST_TIMEOUT, "body_timeout", DETAIL);
    }
    const DETAIL: &str = "the body ended early, or its framing is broken";
    Problem::new(StatusCode::BAD_REQUEST, "malformed_body", DETAIL)
}

fn malformed(error: &ScanError) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, error.code(), error.detail())
}

/// A line of a longer body, held to what a body is held to; what is wrong with it, as a fault.
pub(super) fn read_line<T: serde::de::DeserializeOwned>(line: &[u8]) -> Result<T, Invalid> {
    let found = watched(line).and_then(|found| refuse_card_data(&found));
    found.and_then(|()| parse(line)).map_err(|problem| Invalid {
        code: problem.code,
        detail: problem.detail,
        pointer: problem.pointer.unwrap_or_default(),
    })
}

/// Reads a shape, and says which field is at fault without repeating what is in it.
fn parse<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let mut json = serde_json::Deserializer::from_slice(bytes);
    serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let path = pointer_of(error.path());
        let message = error.inner().to_string();
        explain(&message, path)
    })
}

fn explain(message: &str, path: String) -> Problem {
    let status = StatusCode::BAD_REQUEST;
    let named = || message.split('`').nth(1).filter(|name| is_plain(name)).unwrap_or_default();
    if message.starts_with("unknown field") {
        let problem = Problem::new(status, "unknown_field", "there is no such field");
        return point(problem, join(parent_of(&path, named()), named()));
    }
    if message.starts_with("missing field") {
        let problem = Problem::new(status, "missing_field", "a required field is missing");
        return point(problem, join(&path, named()));
    }
    let (code, detail) = if message.starts_with("invalid type") {
        ("invalid_type", "the value has the wrong JSON type")
    } else {
        ("invalid_value", "the value is not one that this field can have")
    };
    point(Problem::new(status, code, detail), path)
}

fn point(problem: Problem, pointer: String) -> Problem {
    if pointer.is_empty() { problem } else { problem.at(pointer) }
}

fn join(path: &str, name: &str) -> String {
    if name.is_empty() { path.to_owned() } else { format!("{path}/{name}") }
}

/// An unknown field may or may not be on the path to itself.
fn parent_of<'a>(path: &'a str, name: &str) -> &'a str {
    path.strip_suffix(name).and_then(|path| path.strip_suffix('/')).unwrap_or(path)
}

fn pointer_of(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    let mut pointer = String::new();
    for segment in path {
        match segment {
            Segment::Map { key } if is_plain(key) => pointer = format!("{pointer}/{key}"),
            Segment::Seq { index } => pointer = format!("{pointer}/{index}"),
            _ => break,
        }
    }
    pointer
}

/// A name that looks like a field's. What callers make up (a card number, say) is not repeated.
fn is_plain(name: &str) -> bool {
    let legal = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
    let digits = name.bytes().filter(u8::is_ascii_digit).count();
    name.len() <= 64 && digits <= 4 && name.bytes().all(|b| legal(b) || b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only read into")]
    struct Inner {
        mcc: String,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only read into")]
    struct Outer {
        amount: i64,
        merchant: Option<Inner>,
        tags: Option<Vec<u8>>,
    }

    fn check(body: &str, code: &str, pointer: Option<&str>) {
        let problem = parse::<Outer>(body.as_bytes()).unwrap_err();
        assert_eq!((problem.code, problem.pointer.as_deref()), (code, pointer), "{body}");
        assert!(!problem.detail.contains("SECRET"), "values are not repeated");
    }

    #[test]
    fn faults_are_named_and_pointed_at_without_the_value() {
        check("{}", "missing_field", Some("/amount"));
        check(r#"{"amount":"SECRET"}"#, "invalid_type", Some("/amount"));
        check(r#"{"amount":1.5}"#, "invalid_type", Some("/amount"));
        check(r#"{"amount":1,"colour":2}"#, "unknown_field", Some("/colour"));
        check(r#"{"amount":1,"merchant":{}}"#, "missing_field", Some("/merchant/mcc"));
        check(r#"{"amount":1,"merchant":{"mcc":5}}"#, "invalid_type", Some("/merchant/mcc"));
        check(r#"{"amount":1,"merchant":{"mcc":"5","x":1}}"#, "unknown_field", Some("/merchant/x"));
        check(r#"{"amount":1,"tags":[1,"SECRET"]}"#, "invalid_type", Some("/tags/1"));
        check(r#"{"amount":1,"tags":[300]}"#, "invalid_value", Some("/tags/0"));
        check(r#"{"amount":1,"4111111111111111":1}"#, "unknown_field", None);
        check(r#"{"amount":1,"` X `":1}"#, "unknown_field", None);
    }

    #[tokio::test]
    async fn where_no_body_is_taken_only_an_empty_one_passes() {
        let read = async |kind: &str, body: &'static str| {
            let request = Request::builder().header(header::CONTENT_TYPE, kind);
            let request = request.body(Body::from(body)).unwrap();
            NoBody::from_request(request, &()).await.err().map(|problem| problem.code)
        };
        let json = "application/json";
        for (kind, good) in [(json, ""), ("text/plain", ""), (json, "{}"), (json, " { }\n")] {
            assert_eq!(read(kind, good).await, None, "{good}");
        }
        assert_eq!(read("text/plain", "{}").await, Some("unsupported_media_type"));
        for (bad, code) in [
            (r#"{"x":1}"#, "unknown_field"),
            (r#"{"note":"4111 1111 1111 1111"}"#, "card_number_found"),
            ("{}{}", "malformed_json"),
            ("[]", "not_an_object"),
            (" ", "empty_body"),
        ] {
            assert_eq!(read(json, bad).await, Some(code), "{bad}");
        }
    }

    fn media(values: &[&str]) -> bool {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header::CONTENT_TYPE, HeaderValue::from_str(value).unwrap());
        }
        is_json(&headers)
    }

    #[test]
    fn only_json_in_utf_8_is_read() {
        for good in [
            "application/json",
            "Application/JSON; charset=UTF-8",
            "application/json;charset=\"utf-8\"",
        ] {
            assert!(media(&[good]), "{good}");
        }
        for bad in ["text/plain", "application/json; charset=utf-16", "application/jsonx", ""] {
            assert!(!media(&[bad]), "{bad}");
        }
        assert!(!media(&[]) && !media(&["application/json", "application/json"]));
    }
}
