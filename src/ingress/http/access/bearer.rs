//! The bearer credentials of a request, and the keys of the settings.

use http::{HeaderMap, header};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

/// The longest that is looked at: more than any key or token of ours, in bytes.
const BYTES_MAX: usize = 4_096;

/// What comes after `Bearer`, if there is exactly one `Authorization` header and it is a bearer's.
pub(super) fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (value, None) = (values.next()?.as_bytes(), values.next()) else { return None };
    let (scheme, given) = value.split_at_checked(b"Bearer ".len())?;
    let is_bearer = scheme.eq_ignore_ascii_case(b"Bearer ");
    (is_bearer && !given.is_empty() && given.len() <= BYTES_MAX).then_some(given)
}

/// Compares digests, and always with every key: the time tells neither length nor place.
pub(super) fn is_known(key: &[u8], known: &[SecretString]) -> bool {
    let given = Sha256::digest(key);
    let mut found = Choice::from(0);
    for secret in known {
        found |= Sha256::digest(secret.expose_secret().as_bytes())[..].ct_eq(&given[..]);
    }
    found.into()
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

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
        check(&[&format!("Bearer {}", "x".repeat(BYTES_MAX + 1))], false);
        assert!(!is_known(b"", &[]), "no keys, no access");
    }
}
