//! Who may ask at the JIT door: Basic credentials, and the custom header where one is set.
//!
//! Digests are compared, in constant time, and always all of them: neither the time nor the answer
//! tells which part was wrong, or how long the right one is.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use secrecy::ExposeSecret;
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

use super::super::problem::Problem;
use super::super::{Doors, JitCredentials, JitHeader};

/// The caller has shown the credentials. As an extractor it runs before the body is read.
pub(super) struct JitAccess;

impl FromRequestParts<Arc<Doors>> for JitAccess {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, doors: &Arc<Doors>) -> Result<Self, Response> {
        if admits(&parts.headers, &doors.jit_credentials, doors.jit_header.as_ref()) {
            return Ok(Self);
        }
        Err(unauthorized("jit"))
    }
}

/// The answer to wrong credentials, whatever is wrong with them.
pub(in crate::ingress::http) fn unauthorized(realm: &'static str) -> Response {
    let challenge = HeaderValue::try_from(format!("Basic realm=\"{realm}\""));
    let challenge = challenge.unwrap_or(HeaderValue::from_static("Basic"));
    let detail = "this route takes the program's Basic credentials";
    let problem = Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", detail);
    ([(header::WWW_AUTHENTICATE, challenge)], problem).into_response()
}

/// Whether the credentials, and the custom header where one is asked for, are right.
pub(in crate::ingress::http) fn admits(
    headers: &HeaderMap,
    accepted: &[JitCredentials],
    custom: Option<&JitHeader>,
) -> bool {
    let sent = basic(headers);
    let pair = sent.as_deref().and_then(split);
    let readable = Choice::from(u8::from(pair.is_some()));
    let (username, password) = pair.unwrap_or_default();
    let known = accepted.iter().fold(Choice::from(0), |known, one| {
        let password_fits = same(password, one.password.expose_secret().as_bytes());
        known | (same(username, one.username.as_bytes()) & password_fits)
    });
    let accompanied = custom.map_or(Choice::from(1), |custom| has(headers, custom));
    (readable & known & accompanied).into()
}

fn has(headers: &HeaderMap, custom: &JitHeader) -> Choice {
    let name = HeaderName::from_bytes(custom.name.as_bytes()).ok();
    let sent = name.and_then(|name| only(headers, &name));
    let value = sent.map_or(&[][..], HeaderValue::as_bytes);
    Choice::from(u8::from(sent.is_some())) & same(value, custom.value.expose_secret().as_bytes())
}

/// `username:password`, from `Basic <base64>`.
fn basic(headers: &HeaderMap) -> Option<Vec<u8>> {
    let value = only(headers, &header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, encoded) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    STANDARD.decode(encoded.trim()).ok()
}

/// A header that is there exactly once: of two, nobody could say which one counts.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a HeaderValue> {
    let mut values = headers.get_all(name).iter();
    values.next().filter(|_| values.next().is_none())
}

fn split(credentials: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = credentials.iter().position(|byte| *byte == b':')?;
    let (username, rest) = credentials.split_at_checked(colon)?;
    Some((username, rest.get(1..)?))
}

/// Whether two texts are equal; takes as long for any two of these lengths.
fn same(one: &[u8], other: &[u8]) -> Choice {
    Sha256::digest(one)[..].ct_eq(&Sha256::digest(other)[..])
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWORD: &str = "Sample:Password-0001";

    fn credentials() -> Vec<JitCredentials> {
        let set = |username: &str, password: &str| JitCredentials {
            username: username.into(),
            password: password.into(),
        };
        vec![set("wren", PASSWORD), set("wren2", "Sample-Password-0002")]
    }

    fn header_of(credentials: impl AsRef<[u8]>) -> String {
        format!("Basic {}", STANDARD.encode(credentials))
    }

    fn check(authorization: &[&str], expected: bool) {
        let mut headers = HeaderMap::new();
        for value in authorization {
            headers.append(header::AUTHORIZATION, HeaderValue::from_str(value).unwrap());
        }
        assert_eq!(admits(&headers, &credentials(), None), expected, "{authorization:?}");
    }

    #[test]
    fn either_set_of_credentials_opens_the_door() {
        check(&[&header_of(format!("wren:{PASSWORD}"))], true);
        check(&[&header_of("wren2:Sample-Password-0002")], true);
        check(&[&header_of(format!("wren:{PASSWORD}")).replace("Basic", "bAsIc")], true);
    }

    #[test]
    fn nothing_else_does() {
        let right = header_of(format!("wren:{PASSWORD}"));
        check(&[], false);
        check(&[&right, &right], false);
        for value in ["", "Basic", "Basic ", "Basic %%%", "Basic d3Jlbg", "Bearer abc"] {
            check(&[value], false);
        }
        check(&[&right.replace("Basic", "Bearer")], false);
        let long = "x".repeat(10 * 1024);
        for pair in [
            "",
            ":",
            "wren",
            "wren:",
            ":Sample:Password-0001",
            "wren:sample:password-0001",
            "wren:Sample:Password-000",
            "wren:Sample:Password-00011",
            "Wren:Sample:Password-0001",
            "wren:Sample-Password-0002",
            "wren2:Sample:Password-0001",
            "wren\0:Sample:Password-0001",
            "wren:Sample:Password-0001\0",
            &long,
        ] {
            check(&[&header_of(pair)], false);
        }
        check(&[&header_of(b"wren\xff:Sample:Password-0001")], false);
    }

    #[test]
    fn without_credentials_of_our_own_nobody_enters() {
        let mut headers = HeaderMap::new();
        assert!(!admits(&headers, &[], None));
        headers.insert(header::AUTHORIZATION, HeaderValue::from_static("Basic Og=="));
        assert!(!admits(&headers, &[], None), "an empty name and password");
    }

    #[test]
    fn the_custom_header_must_come_too_and_once() {
        let custom = JitHeader { name: "x-program".into(), value: "sample-value".into() };
        let admitted = |values: &[&'static str]| {
            let mut headers = HeaderMap::new();
            let right = header_of(format!("wren:{PASSWORD}"));
            headers.insert(header::AUTHORIZATION, HeaderValue::from_str(&right).unwrap());
            for value in values {
                headers.append("x-program", HeaderValue::from_static(value));
            }
            admits(&headers, &credentials(), Some(&custom))
        };
        assert!(admitted(&["sample-value"]));
        for values in [&[][..], &[""], &["sample-valu"], &["sample-value", "sample-value"]] {
            assert!(!admitted(values), "{values:?}");
        }
    }

    #[test]
    fn every_refusal_has_the_same_face() {
        let response = unauthorized("jit");
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
        let challenge = &response.headers()[header::WWW_AUTHENTICATE];
        assert!(challenge.to_str().unwrap().starts_with("Basic"));
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
    }
}
