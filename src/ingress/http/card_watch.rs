//! Looks for card data in requests: in the target and the headers of each, and in bodies that were read
//! and refused. Nothing of these is kept or logged; that it came in is told. Of a body that was refused
//! unread (its caller, its size or its type) nothing is known, and it is not read to find out.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName, HeaderValue, Uri, header};
use percent_encoding::percent_decode_str;

use crate::telemetry::card_data::{Place, What, seen};
use crate::wire::card_data::{CardData, may_be_in, names, number};
use crate::wire::scan::scan;

/// Names the caller's trace. Nothing is done with it here.
const TRACE: HeaderName = HeaderName::from_static("traceparent");

/// The head of a request.
pub(super) fn look_at_head(target: &Uri, headers: &HeaderMap) {
    let path = target.path().split('/');
    let query = target.query().unwrap_or_default().split(['&', '=']);
    let parts = path.chain(query).map(decoded);
    let numbers = parts.filter(|part| number::is_in(part)).count();
    let pairs =
        target.query().unwrap_or_default().split('&').filter_map(|pair| pair.split_once('='));
    let secrets =
        pairs.filter(|(name, value)| !value.is_empty() && names::is_secret(&decoded(name)));
    seen(Place::Target, What::Number, narrow(numbers));
    seen(Place::Target, What::Secret, narrow(secrets.count()));
    let found = headers.iter().filter(|(name, value)| is_in_header(name, value)).count();
    seen(Place::Header, What::Number, narrow(found));
    let secrets =
        headers.iter().filter(|(name, value)| !value.is_empty() && names::is_secret(name.as_str()));
    seen(Place::Header, What::Secret, narrow(secrets.count()));
    let traces = headers.get_all(TRACE).iter().filter_map(trace_ids);
    let identifiers = traces.flat_map(|ids| ids.split('-')).filter(|id| number::is_whole(id));
    seen(Place::Header, What::Identifier, narrow(identifiers.count()));
}

/// What the scanner has found in a body.
pub(super) fn tell_of(place: Place, found: &CardData) {
    seen(place, What::Number, found.numbers);
    seen(place, What::Secret, found.secrets);
    seen(place, What::Identifier, found.identifiers);
}

/// A body of which nothing is taken, for whatever reason.
pub(super) fn look_at_untaken(place: Place, body: &[u8]) {
    match scan(body) {
        Ok(found) => tell_of(place, &found),
        Err(_) => look_at_refused(place, body),
    }
}

/// A body that the scanner has refused.
pub(super) fn look_at_refused(place: Place, body: &[u8]) {
    let found = may_be_in(&String::from_utf8_lossy(body));
    seen(place, What::Number, u32::from(found));
}

fn is_in_header(name: &HeaderName, value: &HeaderValue) -> bool {
    if number::is_in(name.as_str()) {
        return true;
    }
    if value.len() < number::DIGITS_MIN || (*name == TRACE && trace_ids(value).is_some()) {
        return false;
    }
    let text = String::from_utf8_lossy(value.as_bytes());
    number::is_in(&text) || (*name == header::AUTHORIZATION && is_in_basic(&text))
}

/// The value, if it is what W3C Trace Context says: version, trace, parent and flags, in hexadecimal
/// digits. Few of its random ids have the form of a card number; so they are identifiers.
fn trace_ids(value: &HeaderValue) -> Option<&str> {
    const LENGTHS: [usize; 4] = [2, 32, 16, 2];
    let text = value.to_str().ok()?;
    let hex = |part: &str| part.bytes().all(|byte| byte.is_ascii_hexdigit());
    let lengths = text.split('-').map(str::len);
    (lengths.eq(LENGTHS) && text.split('-').all(hex)).then_some(text)
}

/// A user name or password that is a card number.
fn is_in_basic(value: &str) -> bool {
    let encoded = value.split_once(' ').map(|(_, encoded)| encoded.trim());
    let pair = encoded.and_then(|encoded| STANDARD.decode(encoded).ok());
    pair.is_some_and(|pair| number::is_in(&String::from_utf8_lossy(&pair)))
}

/// A part of a target without its percent-encoding.
fn decoded(part: &str) -> Cow<'_, str> {
    if !part.contains(['%', '+']) {
        return Cow::Borrowed(part);
    }
    let part = part.replace('+', " ");
    Cow::Owned(percent_decode_str(&part).decode_utf8_lossy().into_owned())
}

fn narrow(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_decoded_before_they_are_looked_at() {
        assert_eq!(decoded("a%20b+c%2"), "a b c%2");
        for part in ["4111%201111%201111%201111", "%34111111111111111", "4111+1111+1111+1111"] {
            assert!(number::is_in(&decoded(part)), "{part}");
        }
    }

    #[test]
    fn headers_and_basic_credentials_are_looked_at() {
        let check = |name: HeaderName, value: &str, expected: bool| {
            let value = HeaderValue::from_str(value).unwrap();
            assert_eq!(is_in_header(&name, &value), expected, "{value:?}");
        };
        check(header::COOKIE, "a=4111-1111-1111-1111; b=1", true);
        let basic = |pair: &str| format!("Basic {}", STANDARD.encode(pair));
        check(header::AUTHORIZATION, &basic("5555555555554444:x"), true);
        check(header::AUTHORIZATION, &basic("marqeta:password"), false);
        check(header::USER_AGENT, "curl/8.0.1", false);
        check(HeaderName::from_static("x-4111111111111111"), "x", true);
        check(HeaderName::from_static("x-4111111111111112"), "x", false);
        check(TRACE, "00-41111111111111114111111111111111-4111111111111111-01", false);
        check(TRACE, "4111 1111 1111 1111", true);
        check(TRACE, "00-4111111111111111-01", true);
    }

    #[test]
    fn the_ids_of_a_trace_are_identifiers() {
        let ids = |value: &str| trace_ids(&HeaderValue::from_str(value).unwrap()).is_some();
        assert!(ids("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"));
        for other in ["", "00-4bf92f35-00f067aa-01", "00-4111111111111111-01", "x-y-z-0"] {
            assert!(!ids(other), "{other}");
        }
    }
}
