//! Access to the REST routes: a bearer key. (Who may spend is `decision`'s affair.)

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

use super::Doors;
use super::problem::Problem;

/// Lets a request pass that carries one of the admin keys. The answer to all others is the same.
pub async fn require_admin(
    State(doors): State<Arc<Doors>>,
    request: Request,
    next: Next,
) -> Response {
    if bearer(request.headers()).is_some_and(|key| is_known(key, &doors.admin_keys)) {
        return next.run(request).await;
    }
    const DETAIL: &str = "send Authorization: Bearer with the admin key";
    let mut refused =
        Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", DETAIL).into_response();
    let challenge = HeaderValue::from_static("Bearer");
    refused.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
    refused
}

/// The key, if there is exactly one `Authorization` header and it is a bearer's.
fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (value, None) = (values.next()?.as_bytes(), values.next()) else { return None };
    let (scheme, key) = value.split_at_checked(b"Bearer ".len())?;
    (scheme.eq_ignore_ascii_case(b"Bearer ") && !key.is_empty()).then_some(key)
}

/// Compares digests, and always with every key: the time tells neither length nor place.
fn is_known(key: &[u8], known: &[SecretString]) -> bool {
    let given = Sha256::digest(key);
    let mut found = Choice::from(0);
    for secret in known {
        found |= Sha256::digest(secret.expose_secret().as_bytes())[..].ct_eq(&given[..]);
    }
    found.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(values: &[&str], expected: bool) {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header::AUTHORIZATION, HeaderValue::from_str(value).unwrap());
        }
        let keys = ["first-key", "second-key"].map(SecretString::from);
        let passed = bearer(&headers).is_some_and(|key| is_known(key, &keys));
        assert_eq!(passed, expected, "{values:?}");
    }

    #[test]
    fn only_one_header_with_a_known_key_passes() {
        check(&["Bearer first-key"], true);
        check(&["bearer second-key"], true);
        check(&[], false);
        check(&["Bearer first-key", "Bearer first-key"], false);
        for wrong in
            ["Bearer ", "Bearer", "Bearer first-ke", "Bearer first-key ", "Basic first-key"]
        {
            check(&[wrong], false);
        }
        assert!(!is_known(b"", &[]), "no keys, no access");
    }
}
