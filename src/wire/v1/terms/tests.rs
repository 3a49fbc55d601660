//! Tests: what the document says of a word is what its reader takes.

use serde_json::value::RawValue;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::Schema;
use utoipa::{PartialSchema, ToSchema};

use super::super::field::Read;
use super::super::{merchant, read, text};
use super::*;

fn json<T: PartialSchema>() -> serde_json::Value {
    serde_json::to_value(T::schema()).unwrap()
}

/// The examples of a word are read, and what is refused is refused by one of its codes.
fn check<T: ToSchema, V>(reader: impl Fn(&RawValue) -> Read<V>, wrong: &[&str]) {
    let schema = json::<T>();
    let name = T::name();
    for example in schema["examples"].as_array().unwrap() {
        let raw = RawValue::from_string(example.to_string()).unwrap();
        assert!(reader(&raw).is_ok(), "{name}: {example}");
    }
    for word in schema["enum"].as_array().into_iter().flatten() {
        let raw = RawValue::from_string(word.to_string()).unwrap();
        assert!(reader(&raw).is_ok(), "{name}: {word}");
    }
    let codes = schema[CODES].as_array().unwrap();
    for wrong in wrong {
        let raw = RawValue::from_string((*wrong).to_owned()).unwrap();
        let code = reader(&raw).err().unwrap_or_else(|| panic!("{name}: {wrong} is read")).code;
        assert!(codes.iter().any(|known| known == code), "{name}: {wrong} is {code}");
    }
}

#[test]
fn a_word_is_what_its_reader_takes() {
    check::<Token, _>(text::token, &[r#""""#, r#""a b""#]);
    check::<PlatformToken, _>(text::platform_token, &[r#""crd_01901234567878ab8def0123456789ab""#]);
    check::<Reference, _>(text::reference, &[r#""a/b""#]);
    check::<CompanyId, _>(text::id::<crate::domain::id::CompanyId>, &[r#""cmp_1""#]);
    check::<Line, _>(text::line, &[r#""""#, r#""a\nb""#]);
    check::<Keyword, _>(text::keyword, &[r#""  ""#]);
    check::<Email, _>(text::email, &[r#""a""#]);
    check::<LastFour, _>(text::last_four, &[r#""42""#]);
    check::<Month, _>(text::expiry, &[r#""2029-13""#]);
    check::<Timestamp, _>(text::timestamp, &[r#""2026-01-31""#]);
    check::<TimeZone, _>(text::zone, &[r#""Mars/Olympus""#]);
    check::<Mcc, _>(merchant::mcc, &[r#""0000""#]);
    check::<MccRange, _>(merchant::mcc_range, &[r#""3299-3000""#]);
    check::<Country, _>(merchant::country, &[r#""BE""#]);
    check::<Amount, _>(read::amount, &["0", "1.5", "1000000000001"]);
    check::<AmountOrZero, _>(read::amount_or_zero, &["-1"]);
    check::<Credit, _>(read::credit, &["-1"]);
    check::<Count, _>(read::count, &["-1"]);
}

#[test]
fn every_currency_that_is_read_is_listed() {
    let schema = json::<Currency>();
    let listed = schema["enum"].as_array().unwrap();
    assert!(listed.len() > 150 && listed.contains(&"EUR".into()), "{}", listed.len());
}

#[test]
fn a_word_is_described() {
    let RefOr::T(Schema::Object(object)) = Window::schema() else { panic!("not an object") };
    let description = object.description.unwrap();
    assert!(description.starts_with("Over what a limit counts: "), "{description}");
    assert!(!description.contains("  "), "{description}");
}
