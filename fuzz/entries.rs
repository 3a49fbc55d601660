//! What is fuzzed: each entry takes any bytes, must not panic, and keeps what it asserts. It says in a
//! word what came of them, so that a mutational loop without coverage knows what is new. Used by the
//! targets of cargo-fuzz (`fuzz_targets/`) and by `tests/it/fuzz.rs`.

use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, HeaderValue};
use sha2::Sha256;

use tollgate::broker::Message;
use tollgate::domain::money::{AMOUNT_MAX_MINOR, AmountError, Currency, Money};
use tollgate::domain::time::Timestamp;
use tollgate::ingress::http::webhooks::signature::Rules;
use tollgate::ingress::queue::{cleanse, jit};
use tollgate::wire::card_data;
use tollgate::wire::marqeta::notification::{self, element};
use tollgate::wire::marqeta::request::{JitMessage, decode};
use tollgate::wire::scan::scan;

/// Any of the targets.
pub type Entry = fn(&[u8]) -> String;

/// All of them, by name.
pub const ENTRIES: [(&str, Entry); 4] = [
    ("jit_body", jit_body),
    ("webhook_body", webhook_body),
    ("amount", amount),
    ("queue_envelope", queue_envelope),
];

/// A body at the JIT door, as it comes in.
pub fn jit_body(body: &[u8]) -> String {
    let found = match scan(body) {
        Ok(found) => found,
        Err(error) => {
            let _ = card_data::may_be_in(&String::from_utf8_lossy(body));
            return error.code().to_owned();
        }
    };
    let clean = found.removed_from(body);
    // Taking card data out leaves a body that is well-formed and has none.
    let again = scan(&clean);
    assert!(
        again.as_ref().map_or_else(|error| error.code() == "duplicate_key", |rest| !rest.must_go()),
        "{again:?}"
    );
    assert!(serde_json::from_slice::<serde::de::IgnoredAny>(body).is_ok(), "the scanner is strict");
    match decode(&clean) {
        Ok(JitMessage::Judge(request)) => {
            assert!((0..=AMOUNT_MAX_MINOR).contains(&request.amount.minor()));
            let _ = (request.fingerprint(), request.echo());
            format!("judge {:?}", request.operation)
        }
        Ok(JitMessage::Faulty(request)) => format!("faulty {}", request.refusal.code),
        Ok(JitMessage::Informative(_)) => "informative".to_owned(),
        Err(unreadable) => format!("unreadable {}", unreadable.pointer),
    }
}

const SECRET: &str = "Example-Secret-0001-abcXYZ!";

/// A signature, a line break, and the body that it may be of.
pub fn webhook_body(input: &[u8]) -> String {
    let end = input.iter().position(|byte| *byte == b'\n').unwrap_or(input.len());
    let (signature, body) = input.split_at(end);
    let body = body.get(1..).unwrap_or_default();
    let rules = Rules { secrets: vec![SECRET.into()], sha1: true, timestamp: None };
    let now = Timestamp::from_micros(1_773_835_200_000_000);
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).expect("any length will do");
    mac.update(body);
    let right: String =
        mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    let headers = |value: &[u8]| {
        let mut headers = HeaderMap::new();
        if let Ok(value) = HeaderValue::from_bytes(value) {
            headers.insert("x-marqeta-signature", value);
        }
        headers
    };
    assert_eq!(rules.verify(&headers(right.as_bytes()), body, now), Ok(()));
    let accepted = rules.verify(&headers(signature), body, now).is_ok();
    // What is not a signature in one of its spellings is none. (Nobody guesses a MAC.)
    let spellings = [64, 44, 40, 28];
    assert!(!accepted || spellings.contains(&signature.trim_ascii().len()), "{signature:?}");
    match notification::open(body) {
        Err(error) => error.code.to_owned(),
        Ok(envelope) => {
            let read: Vec<_> = envelope.elements.into_iter().map(element::read).collect();
            let parked = read.iter().filter_map(|element| element.content.as_ref().err());
            let first = parked.clone().next().copied().unwrap_or("none");
            format!("{} of {}, {first}", parked.count().min(3), read.len().min(3))
        }
    }
}

/// The text of an amount, behind the first letter of a currency.
pub fn amount(input: &[u8]) -> String {
    let Some((first, text)) = input.split_first() else { return "empty".to_owned() };
    let code = match first % 3 {
        0 => "USD",
        1 => "JPY",
        _ => "KWD",
    };
    let currency = Currency::parse(code).expect("a currency");
    let text = String::from_utf8_lossy(text);
    match Money::parse_major(&text, currency) {
        Ok(money) => {
            assert!((0..=AMOUNT_MAX_MINOR).contains(&money.minor()));
            // Written out in full, it is what was read.
            let decimals = usize::try_from(currency.decimals()).expect("few");
            let digits = format!("{:0width$}", money.minor(), width = decimals + 1);
            let (whole, fraction) = digits.split_at(digits.len() - decimals);
            let (sent_whole, sent_fraction) = text.split_once('.').unwrap_or((&text, ""));
            assert_eq!(whole, sent_whole);
            assert_eq!(fraction, format!("{sent_fraction:0<decimals$}"));
            format!("ok {code}")
        }
        Err(error) => {
            let plain = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
            assert!(plain || error == AmountError::Invalid, "{text:?}: {error:?}");
            format!("{error:?} {code}")
        }
    }
}

/// Headers as lines of `name: value`, an empty line, and the body.
pub fn queue_envelope(input: &[u8]) -> String {
    let text = String::from_utf8_lossy(input);
    let (head, body) = text.split_once("\n\n").unwrap_or(("", &text));
    let mut message = Message { body: body.as_bytes().to_vec().into(), ..Message::default() };
    for line in head.lines() {
        let Some((name, value)) = line.split_once(": ") else { continue };
        match name {
            "id" => value.clone_into(&mut message.id),
            "type" => value.clone_into(&mut message.content_type),
            "reply-to" => message.reply_to = Some(value.to_owned()),
            "published" => message.published_ms = value.parse().ok(),
            _ => drop(message.headers.insert(name.to_owned(), value.to_owned())),
        }
    }
    if let Some(clean) = cleanse::without_card_data(&message) {
        assert_eq!(cleanse::without_card_data(&clean), None, "it is clean afterwards");
        message = clean;
    }
    jit::fault_of(&message).map_or("readable", |fault| fault.0).to_owned()
}
