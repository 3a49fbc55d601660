//! Readers of JSON strings: names, tokens, ids, codes. Each says by a stable code what it expects.
//! Names are kept in Unicode's composed form; what is compared with the platform's words is kept as it came.

use std::str::FromStr;
use std::sync::Arc;

use serde_json::value::RawValue;
use unicode_normalization::{UnicodeNormalization, is_nfc};

use super::field::{Invalid, Read};
use crate::domain::id::{CardId, CompanyId, UserId};
use crate::domain::money::Currency;
use crate::domain::time::{Expiry, Timestamp, Zone};
use crate::domain::token::Token;
use crate::domain::webhook::Sealed;
use crate::wire::card_data::number;

/// The longest name or other free text, in characters.
pub const CHARS_MAX: usize = 256;

/// A JSON string; anything else is `invalid_type`.
pub fn string(raw: &RawValue) -> Read<String> {
    serde_json::from_str(raw.get()).map_err(|_| Invalid::new("invalid_type", "expected a string"))
}

/// One line of 1 to 256 characters without control or direction-changing characters, that can not be
/// taken for a sealed text.
pub fn line(raw: &RawValue) -> Read<Arc<str>> {
    let text = string(raw)?;
    if text.is_empty() {
        return Err(Invalid::new("empty_text", "this text can not be empty"));
    }
    fits(&text)?;
    if text.chars().any(is_unsafe) {
        const DETAIL: &str = "control characters and bidirectional overrides are not allowed";
        return Err(Invalid::new("invalid_characters", DETAIL));
    }
    if text.starts_with(Sealed::TEXT_MARK) {
        const DETAIL: &str = "a text can not begin like one that is sealed";
        return Err(Invalid::new("invalid_characters", DETAIL));
    }
    Ok(text.into())
}

/// The name of someone or something: a line, in the composed form (NFC) whichever form it came in. It
/// has to be short enough as it came and, since some characters grow by that, as it is kept.
pub fn name(raw: &RawValue) -> Read<Arc<str>> {
    let text = line(raw)?;
    if is_nfc(&text) {
        return Ok(text);
    }
    let composed: String = text.nfc().collect();
    fits(&composed)?;
    Ok(composed.into())
}

fn fits(text: &str) -> Read<()> {
    let too_long = text.chars().nth(CHARS_MAX).is_some();
    let fault = || Invalid::new("too_long", "this text has at most 256 characters");
    if too_long { Err(fault()) } else { Ok(()) }
}

/// One line, in upper case and without padding, as the platform spells its enumerations.
pub fn keyword(raw: &RawValue) -> Read<Arc<str>> {
    let text = line(raw)?.trim().to_uppercase();
    if text.is_empty() {
        return Err(Invalid::new("empty_text", "this text can not be empty"));
    }
    Ok(text.into())
}

/// A token: 1 to 36 plain characters; anything else is `invalid_token`.
pub fn token(raw: &RawValue) -> Read<Token> {
    const DETAIL: &str = "a token is 1 to 36 characters of A-Z a-z 0-9 . _ : -";
    no_card_number(parsed(raw, "invalid_token", DETAIL)?)
}

/// A token that is nothing but a card number: kept, it would stand in tables, keys and events.
fn no_card_number(token: Token) -> Read<Token> {
    if number::is_whole(token.as_str()) { Err(card_number()) } else { Ok(token) }
}

/// What a text is refused for that is a card number, or holds one.
pub fn card_number() -> Invalid {
    Invalid::new("card_number_found", "this looks like a card number, which is never stored here")
}

/// A token that the platform gave: it can not look like one of our own ids.
pub fn platform_token(raw: &RawValue) -> Read<Token> {
    let token = token(raw)?;
    let text = token.as_str();
    let ours = text.parse::<CardId>().is_ok()
        || text.parse::<UserId>().is_ok()
        || text.parse::<CompanyId>().is_ok();
    if ours {
        return Err(Invalid::new("invalid_token", "this token has the form of one of our own ids"));
    }
    Ok(token)
}

/// One of our ids; anything else is `invalid_id`.
pub fn id<T: FromStr>(raw: &RawValue) -> Read<T> {
    parsed(raw, "invalid_id", "expected an id as it was answered at creation")
}

/// A user or card by our id or the platform's token; anything that is neither is `invalid_id`.
pub fn reference(raw: &RawValue) -> Read<Token> {
    no_card_number(parsed(raw, "invalid_id", "expected an id, or the platform's token")?)
}

/// A currency; anything else is `invalid_currency`.
pub fn currency(raw: &RawValue) -> Read<Currency> {
    const DETAIL: &str = "a currency is three upper-case letters (ISO 4217)";
    let found = string(raw).ok().and_then(|text| Currency::parse(&text));
    found.ok_or_else(|| Invalid::new("invalid_currency", DETAIL))
}

/// A time zone; anything else is `invalid_time_zone`.
pub fn zone(raw: &RawValue) -> Read<Zone> {
    const DETAIL: &str = "a time zone is an IANA name such as Europe/Brussels or UTC";
    let text = string(raw)?;
    let found = if text.len() <= CHARS_MAX { Zone::parse(&text) } else { None };
    found.ok_or_else(|| Invalid::new("invalid_time_zone", DETAIL))
}

/// The last month of a card; anything else is `invalid_expiry`.
pub fn expiry(raw: &RawValue) -> Read<Expiry> {
    let found = Expiry::parse(&string(raw)?);
    found.ok_or_else(|| Invalid::new("invalid_expiry", "expected YYYY-MM"))
}

/// A point in time; anything else is `invalid_timestamp`.
pub fn timestamp(raw: &RawValue) -> Read<Timestamp> {
    const DETAIL: &str = "expected an RFC 3339 time with a zone, such as 2026-01-31T12:00:00Z";
    let found = Timestamp::parse(&string(raw)?);
    found.ok_or_else(|| Invalid::new("invalid_timestamp", DETAIL))
}

/// The last four digits of a card number; anything else is `invalid_last_four`.
pub fn last_four(raw: &RawValue) -> Read<Arc<str>> {
    let text = string(raw)?;
    let digits = text.len() == 4 && text.bytes().all(|byte| byte.is_ascii_digit());
    if digits {
        Ok(text.into())
    } else {
        Err(Invalid::new("invalid_last_four", "expected exactly four digits"))
    }
}

/// A mail address, as far as its form can be judged; anything else is `invalid_email`.
pub fn email(raw: &RawValue) -> Read<Arc<str>> {
    let text = line(raw)?;
    let form = text.split_once('@').is_some_and(|(local, domain)| {
        !local.is_empty() && !domain.is_empty() && !domain.contains('@')
    });
    let plain = !text.contains(char::is_whitespace);
    if form && plain {
        Ok(text)
    } else {
        Err(Invalid::new("invalid_email", "expected name@domain"))
    }
}

/// One word of a closed list, read by `parse`; anything else is `code`.
pub fn word<T>(
    code: &'static str,
    detail: &'static str,
    parse: impl Fn(&str) -> Option<T>,
) -> impl Fn(&RawValue) -> Read<T> {
    move |raw| parse(&string(raw)?).ok_or_else(|| Invalid::new(code, detail))
}

/// A string that `T` can be read from; anything else is `code`, but no string is `invalid_type`.
pub fn parsed<T: FromStr>(raw: &RawValue, code: &'static str, detail: &'static str) -> Read<T> {
    string(raw)?.parse().map_err(|_| Invalid::new(code, detail))
}

/// Control characters, line separators, and marks that turn the direction of what follows.
fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{061C}' | '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}')
        || matches!(c, '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(json: &str) -> Box<RawValue> {
        RawValue::from_string(json.to_owned()).unwrap()
    }

    fn code<T>(read: Read<T>) -> &'static str {
        read.err().map_or("ok", |fault| fault.code)
    }

    #[test]
    fn names_are_one_line_of_harmless_characters() {
        let fits = serde_json::to_string(&"é".repeat(CHARS_MAX)).unwrap();
        let long = serde_json::to_string(&"é".repeat(CHARS_MAX + 1)).unwrap();
        for (json, expected) in [
            (r#""Wren & Sons""#, "ok"),
            (r#""<script>=cmd()""#, "ok"),
            (fits.as_str(), "ok"),
            (long.as_str(), "too_long"),
            (r#""""#, "empty_text"),
            (r#""a\nb""#, "invalid_characters"),
            (r#""a\u202Eb""#, "invalid_characters"),
            (r#""a\u2066b""#, "invalid_characters"),
            (r#""sealed:1:0a1b2c3d:AAAA""#, "invalid_characters"),
            (r#""sealed: 1""#, "ok"),
            ("5", "invalid_type"),
            (r#"{"$gt":""}"#, "invalid_type"),
            ("null", "invalid_type"),
        ] {
            assert_eq!(code(line(&raw(json))), expected, "{json}");
        }
    }

    #[test]
    fn names_are_composed_and_fit_as_they_came_and_as_they_are_kept() {
        let read = |text: &str| name(&raw(&serde_json::to_string(text).unwrap()));
        for (sent, kept) in [
            ("Wren & Sons", "Wren & Sons"),
            ("Zoe\u{308}", "Zo\u{eb}"),
            ("Zo\u{eb}", "Zo\u{eb}"),
            ("\u{1100}\u{1161}", "\u{ac00}"), // Hangul, letter by letter
            ("a\u{323}\u{307}", "\u{1ea1}\u{307}"),
            ("a\u{307}\u{323}", "\u{1ea1}\u{307}"), // marks in the other order
            ("\u{212b}ngstr\u{f6}m", "\u{c5}ngstr\u{f6}m"),
            ("\u{ff37}ren \u{fb01}", "\u{ff37}ren \u{fb01}"), // alike, but not the same
            ("W\u{433}\u{435}n", "W\u{433}\u{435}n"),
            ("a\u{200d}b\u{200b}c", "a\u{200d}b\u{200b}c"), // joiners are part of some scripts
        ] {
            assert_eq!(read(sent), Ok(kept.into()), "{sent:?}");
        }
        assert_eq!(code(read(&"\u{fb2c}".repeat(85))), "ok");
        assert_eq!(code(read(&"\u{fb2c}".repeat(86))), "too_long", "three characters each");
        assert_eq!(code(read(&"e\u{301}".repeat(128))), "ok");
        assert_eq!(code(read(&"e\u{301}".repeat(129))), "too_long", "as it came");
        assert_eq!(code(read("e\u{301}\u{202e}")), "invalid_characters");
    }

    #[test]
    fn a_platform_token_can_not_pass_for_one_of_our_ids() {
        let hex = "01901234567878ab8def0123456789ab";
        for prefix in ["crd_", "usr_", "cmp_"] {
            let json = format!("\"{prefix}{hex}\"");
            assert_eq!(code(platform_token(&raw(&json))), "invalid_token");
            assert_eq!(code(reference(&raw(&json))), "ok");
        }
        assert_eq!(code(platform_token(&raw(r#""usr_wren_0042""#))), "ok");
        assert_eq!(code(platform_token(&raw(r#""../x""#))), "invalid_token");
    }

    #[test]
    fn a_token_that_is_a_card_number_is_refused_and_one_that_only_looks_alike_is_not() {
        for number in ["4111111111111111", "5555-5555-5555-4444", "378282246310005"] {
            let json = raw(&format!("\"{number}\""));
            assert_eq!(code(token(&json)), "card_number_found", "{number}");
            assert_eq!(code(platform_token(&json)), "card_number_found", "{number}");
            assert_eq!(code(reference(&json)), "card_number_found", "{number}");
        }
        for token_text in [
            "4111111111111112",      // no check digit
            "1763683200000000",      // microseconds
            "411111111111",          // too short
            "wren-4111111111111111", // tells whose it is, and is counted by the scanner
            "purchase_4111111111111111",
            "018f6b1e-7e2a-7c3d-9f1a-2b3c4d5e6f70",
            "41111111-1111-4111-8111-111111111111",
            "01901234567878ab8def0123456789ab",
        ] {
            let json = raw(&format!("\"{token_text}\""));
            assert_eq!(code(token(&json)), "ok", "{token_text}");
            assert_eq!(code(platform_token(&json)), "ok", "{token_text}");
        }
    }

    #[test]
    fn codes_name_the_field_that_is_wrong() {
        for (json, expected) in [(r#""EUR""#, "ok"), (r#""usd""#, "invalid_currency")] {
            assert_eq!(code(currency(&raw(json))), expected);
        }
        assert_eq!(code(currency(&raw("840"))), "invalid_currency");
        assert_eq!(code(zone(&raw(r#""Mars/Olympus""#))), "invalid_time_zone");
        assert_eq!(code(expiry(&raw(r#""2026-13""#))), "invalid_expiry");
        assert_eq!(code(last_four(&raw(r#""12345""#))), "invalid_last_four");
        assert_eq!(code(timestamp(&raw(r#""2026-01-31T12:00:00Z""#))), "ok");
        assert_eq!(code(timestamp(&raw(r#""2026-01-31T12:00:00""#))), "invalid_timestamp");
        assert_eq!(code(email(&raw(r#""a@b@c""#))), "invalid_email");
        assert_eq!(code(id::<CardId>(&raw(r#""crd_1""#))), "invalid_id");
        assert_eq!(keyword(&raw(r#"" chip ""#)), Ok("CHIP".into()));
    }
}
