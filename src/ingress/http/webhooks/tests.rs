//! Signature vectors: only the exact bytes and a valid secret pass.

use http::HeaderMap;
use secrecy::SecretString;

use super::signature::{Rules, SignatureError};
use crate::domain::time::Timestamp;

/// The protocol reference's own vector.
const SECRET: &str = "Example-Secret-0001-abcXYZ!";
const BODY: &[u8] = br#"{"pings":[{"token":"marqeta","payload":"healthcheck"}]}"#;
const SHA1: &str = "aa3dfa7ac5f5ab38946c233d9698c7a2ee075b10";
const SHA256: &str = "50f9f99131c8f4e7aca02522647c1f5c003d9c8cd1dc9219a7f0efe5b45a3315";
const SHA1_BASE64: &str = "qj36esX1qziUbCM9lpjHou4HWxA=";
const SHA256_BASE64: &str = "UPn5kTHI9OesoCUiZHwfXAA9nIzR3JIZp/Dv5bRaMxU=";

/// 2026-11-21 in seconds.
const NOW_S: i64 = 1_795_219_200;

fn now() -> Timestamp {
    Timestamp::from_micros(NOW_S * 1_000_000)
}

fn rules(secrets: &[&str]) -> Rules {
    let secrets = secrets.iter().map(|secret| SecretString::from(*secret)).collect();
    Rules { secrets, sha1: true, timestamp: None }
}

fn headers(signatures: &[&[u8]]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for signature in signatures {
        headers.append("x-marqeta-signature", http::HeaderValue::from_bytes(signature).unwrap());
    }
    headers
}

/// How many vectors have been tried.
#[derive(Default)]
struct Vectors(usize);

impl Vectors {
    fn check(&mut self, rules: &Rules, sent: &str, body: &[u8], passes: bool) {
        self.0 += 1;
        let expected = if passes { Ok(()) } else { Err(SignatureError::Invalid) };
        let shown = String::from_utf8_lossy(body);
        assert_eq!(
            rules.verify(&headers(&[sent.as_bytes()]), body, now()),
            expected,
            "{sent:?} over {shown}"
        );
    }
}

#[test]
fn only_the_exact_bytes_and_a_valid_secret_pass() {
    let mut vectors = Vectors::default();
    let one = rules(&[SECRET]);
    let right = [SHA1, SHA256, SHA1_BASE64, SHA256_BASE64];
    for signature in right {
        vectors.check(&one, signature, BODY, true);
    }
    for signature in [SHA1, SHA256] {
        vectors.check(&one, &signature.to_uppercase(), BODY, true);
    }
    // Two secrets while rotating, in either order; not a third, nor one of another case or length.
    for signature in right {
        vectors.check(&rules(&["Another-Secret-0002-abcXYZ!", SECRET]), signature, BODY, true);
        vectors.check(&rules(&[SECRET, "Another-Secret-0002-abcXYZ!"]), signature, BODY, true);
    }
    for secret in
        ["Another-Secret-0002-abcXYZ!", "example-Secret-0001-abcXYZ!", "Example-Secret-0001-abcXYZ"]
    {
        vectors.check(&rules(&[secret]), SHA256, BODY, false);
        vectors.check(&rules(&[secret]), SHA1, BODY, false);
    }
    // One bit off in the signature, at both ends and in the middle; truncated, longer, empty.
    for signature in right {
        for at in [0, signature.len() / 2] {
            let mut changed = signature.as_bytes().to_vec();
            changed[at] = if changed[at] == b'1' { b'2' } else { b'1' };
            vectors.check(&one, std::str::from_utf8(&changed).unwrap(), BODY, false);
        }
        vectors.check(&one, &signature[..signature.len() - 1], BODY, false);
        vectors.check(&one, &signature[..signature.len() - 2], BODY, false);
        vectors.check(&one, &format!("{signature}0"), BODY, false);
        vectors.check(&one, &format!("sha256={signature}"), BODY, false);
    }
    for signature in ["", " ", "0", "zz", "=", &"g".repeat(64), &"0".repeat(64), &"0".repeat(40)] {
        vectors.check(&one, signature, BODY, false);
    }
    // The same text otherwise written.
    let text = std::str::from_utf8(BODY).unwrap();
    let bodies = [
        text.replace(':', ": "),
        text.replace(
            r#""token":"marqeta","payload":"healthcheck""#,
            r#""payload":"healthcheck","token":"marqeta""#,
        ),
        format!("{text}\n"),
        format!("{text}\r\n"),
        format!("\u{feff}{text}"),
        text.replace("marqeta", "marqetA"),
        text.replace("healthcheck", "health\\u0063heck"),
        text[..text.len() - 1].to_owned(),
        String::new(),
    ];
    for body in &bodies {
        vectors.check(&one, SHA256, body.as_bytes(), false);
        vectors.check(&one, SHA1, body.as_bytes(), false);
    }
    // SHA-1 may be switched off, SHA-256 not.
    let strict = Rules { sha1: false, ..rules(&[SECRET]) };
    vectors.check(&strict, SHA1, BODY, false);
    vectors.check(&strict, SHA1_BASE64, BODY, false);
    vectors.check(&strict, SHA256, BODY, true);
    assert!(vectors.0 >= 40, "{} vectors", vectors.0);
}

#[test]
fn a_missing_signature_passes_only_where_no_secret_is_set_and_two_never() {
    let one = rules(&[SECRET]);
    let verify = |rules: &Rules, sent: &[&[u8]]| rules.verify(&headers(sent), BODY, now());
    assert_eq!(verify(&one, &[]), Err(SignatureError::Invalid));
    assert_eq!(verify(&rules(&[]), &[]), Ok(()));
    assert_eq!(verify(&rules(&[]), &[b"whatever"]), Ok(()));
    let twice: [&[u8]; 2] = [SHA256.as_bytes(), SHA256.as_bytes()];
    assert_eq!(verify(&one, &twice), Err(SignatureError::Ambiguous));
    assert_eq!(verify(&rules(&[]), &twice), Err(SignatureError::Ambiguous));
    assert_eq!(verify(&one, &[b"\xff\xfe"]), Err(SignatureError::Invalid));
}

#[test]
fn where_a_time_is_signed_it_must_be_near() {
    use hmac::{Hmac, KeyInit, Mac};
    let timed = Rules { timestamp: Some("x-signed-at".parse().unwrap()), ..rules(&[SECRET]) };
    let sign = |time: &str| {
        let mut mac = <Hmac<sha2::Sha256> as KeyInit>::new_from_slice(SECRET.as_bytes()).unwrap();
        mac.update(time.as_bytes());
        mac.update(b".");
        mac.update(BODY);
        let bytes = mac.finalize().into_bytes();
        bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>()
    };
    let check = |signed: &str, sent: &str, expected| {
        let mut headers = headers(&[sign(signed).as_bytes()]);
        headers.insert("x-signed-at", sent.parse().unwrap());
        assert_eq!(timed.verify(&headers, BODY, now()), expected, "{signed} {sent}");
    };
    for away in [-300, 0, 300] {
        let time = (NOW_S + away).to_string();
        check(&time, &time, Ok(()));
    }
    for away in [-301, 301, -NOW_S] {
        let time = (NOW_S + away).to_string();
        check(&time, &time, Err(SignatureError::Stale));
    }
    check(&NOW_S.to_string(), &(NOW_S + 1).to_string(), Err(SignatureError::Invalid));
    check("soon", "soon", Err(SignatureError::Stale));
    let plain = headers(&[SHA256.as_bytes()]);
    assert_eq!(timed.verify(&plain, BODY, now()), Err(SignatureError::Invalid));
}
