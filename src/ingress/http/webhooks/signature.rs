//! Signatures: HMAC over the bytes of the body, in hex or base64. The length tells SHA-1 from SHA-256, and
//! both are accepted, as the platform's retries carry the signature of before a change.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use sha1::Sha1;
use sha2::Sha256;
use subtle::Choice;

use crate::domain::time::Timestamp;

/// The platform's header.
const SIGNATURE: &str = "x-marqeta-signature";

/// How far a signed time may be away.
const SKEW_US: u64 = 300_000_000;

/// How bodies are signed.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// The secrets, two while rotating. None: bodies need no signature.
    pub secrets: Vec<SecretString>,
    /// Whether SHA-1 is accepted beside SHA-256.
    pub sha1: bool,
    /// A header with the time in seconds since 1970, where the sender signs `time.body`.
    pub timestamp: Option<HeaderName>,
}

/// Why a signature is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// There are two.
    #[error("two signatures")]
    Ambiguous,
    /// There is none, or it is not this body's.
    #[error("no valid signature")]
    Invalid,
    /// The signed time is too far away.
    #[error("the signed time is too far away")]
    Stale,
}

impl Rules {
    /// Accepts a body that one of the secrets has signed. Takes as long for any two signatures of one
    /// length.
    pub fn verify(
        &self,
        headers: &HeaderMap,
        body: &[u8],
        now: Timestamp,
    ) -> Result<(), SignatureError> {
        let mut sent = headers.get_all(SIGNATURE).iter();
        let (signature, more) = (sent.next(), sent.next());
        if more.is_some() {
            return Err(SignatureError::Ambiguous);
        }
        if self.secrets.is_empty() {
            return Ok(()); // nothing to compare with: the credentials alone count
        }
        let signature = signature.map(HeaderValue::as_bytes).and_then(decode);
        let signature = signature.ok_or(SignatureError::Invalid)?;
        let time = self.time(headers)?;
        let signed = |secret: &SecretString| self.is_signed(secret, time, body, &signature);
        let known =
            self.secrets.iter().fold(Choice::from(0), |known, secret| known | signed(secret));
        if !bool::from(known) {
            return Err(SignatureError::Invalid);
        }
        match time {
            Some(text) => fresh(text, now),
            None => Ok(()),
        }
    }

    /// The signed time, as it was sent; an error where it is missing.
    fn time<'a>(&self, headers: &'a HeaderMap) -> Result<Option<&'a str>, SignatureError> {
        let Some(name) = &self.timestamp else { return Ok(None) };
        let mut values = headers.get_all(name).iter();
        let (value, more) = (values.next(), values.next());
        if more.is_some() {
            return Err(SignatureError::Ambiguous);
        }
        let text = value.and_then(|value| value.to_str().ok());
        text.map(Some).ok_or(SignatureError::Invalid)
    }

    fn is_signed(
        &self,
        secret: &SecretString,
        time: Option<&str>,
        body: &[u8],
        signature: &[u8],
    ) -> Choice {
        let secret = secret.expose_secret().as_bytes();
        let matches = match signature.len() {
            SHA1_BYTES if self.sha1 => matches::<Hmac<Sha1>>(secret, time, body, signature),
            SHA256_BYTES => matches::<Hmac<Sha256>>(secret, time, body, signature),
            _ => false,
        };
        Choice::from(u8::from(matches))
    }
}

const SHA1_BYTES: usize = 20;
const SHA256_BYTES: usize = 32;

fn matches<M: Mac + KeyInit>(
    secret: &[u8],
    time: Option<&str>,
    body: &[u8],
    signature: &[u8],
) -> bool {
    let Ok(mut mac) = <M as KeyInit>::new_from_slice(secret) else { return false };
    if let Some(time) = time {
        mac.update(time.as_bytes());
        mac.update(b".");
    }
    mac.update(body);
    mac.verify_slice(signature).is_ok() // in constant time
}

/// Hex in either case, else base64.
fn decode(text: &[u8]) -> Option<Vec<u8>> {
    if matches!(text.len(), 40 | 64) {
        return text.chunks(2).map(byte).collect();
    }
    STANDARD.decode(text).ok()
}

fn byte(pair: &[u8]) -> Option<u8> {
    let digit = |one: u8| char::from(one).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let [high, low] = pair else { return None };
    Some(digit(*high)? << 4 | digit(*low)?)
}

fn fresh(text: &str, now: Timestamp) -> Result<(), SignatureError> {
    let plain = text.len() <= 12 && text.bytes().all(|byte| byte.is_ascii_digit());
    let seconds = if plain { text.parse::<i64>().ok() } else { None };
    let at_us = seconds.and_then(|seconds| seconds.checked_mul(1_000_000));
    let away = at_us.map(|at| now.as_micros().abs_diff(at));
    if away.is_some_and(|away| away <= SKEW_US) { Ok(()) } else { Err(SignatureError::Stale) }
}
