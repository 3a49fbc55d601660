//! Golden files (a message, how it is read, the bytes of its answers) and a table of every fault.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use uuid::Uuid;

use super::method::{METHODS, MethodClass};
use super::request::{JitMessage, decode};
use super::response::{self, Answer};
use crate::domain::decision::{Balances, Decision, Echo, Fingerprint};
use crate::domain::finding::{Reason, Refusal};
use crate::domain::id::{AuthorizationId, Home};
use crate::domain::money::{Currency, Money};
use crate::domain::request::{AuthRequest, FaultyRequest, Operation};
use crate::domain::time::Timestamp;
use crate::domain::token::Token;
use crate::wire::scan::scan;

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/jit").join(name)
}

/// Compares with the file. To accept what is found, run with `UPDATE_GOLDEN=1` and read the diff.
fn compare(path: &Path, found: &str) {
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(path, found).unwrap();
    }
    let expected = std::fs::read_to_string(path).unwrap_or_default();
    assert_eq!(found, expected, "{}", path.display());
}

#[test]
fn every_golden_message_is_read_and_answered_as_written() {
    let mut messages = 0;
    for entry in std::fs::read_dir(golden("")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "json") {
            messages += 1;
            compare(&path.with_extension("txt"), &story(&std::fs::read(&path).unwrap()));
        }
    }
    assert!(messages >= 23, "only {messages} golden messages found");
}

#[test]
fn each_of_the_fifty_methods_has_its_class() {
    let mut found = String::new();
    for (method, class) in METHODS {
        let class = match class {
            MethodClass::Judge(operation) => operation.as_str(),
            MethodClass::Informative => "informative",
        };
        writeln!(found, "{method} {class}").unwrap();
        let read = decode(message(&format!("\"{method}\""), "1", "\"EUR\"").as_bytes()).unwrap();
        let informative = matches!(read, JitMessage::Informative(_));
        assert_eq!(informative, class == "informative", "{method}");
    }
    compare(&golden("methods.txt"), &found);
}

/// How a message is read, then each answer that it may get.
fn story(body: &[u8]) -> String {
    if let Err(error) = scan(body) {
        return format!("unreadable {}\n", error.code());
    }
    match decode(body) {
        Err(unreadable) => format!("unreadable {} {}\n", unreadable.code, unreadable.pointer),
        Ok(JitMessage::Informative(told)) => {
            format!("informative\n{}", answer(response::informative(&told.token, &told.echo)))
        }
        Ok(JitMessage::Faulty(request)) => {
            let FaultyRequest { refusal, .. } = &request;
            let decision = decided(&request.token, &request.echo, Some(refusal.clone()), None);
            let reason = refusal.reason.as_str();
            format!("faulty {reason} {}\n{}", refusal.code, answer(response::encode(&decision)))
        }
        Ok(JitMessage::Judge(request)) => judged(&request),
    }
}

fn judged(request: &AuthRequest) -> String {
    let (token, echo) = (&request.token, request.echo());
    let limit = Refusal::new(Reason::AmountLimitExceeded, "limit.day.amount");
    let inquiry = request.operation == Operation::BalanceInquiry;
    let balances = inquiry.then(|| balances(request.amount.currency()));
    let mut text = format!("judge {}\n", request.operation.as_str());
    text += &fields(request);
    text += &answer(response::encode(&decided(token, &echo, None, balances)));
    text += &answer(response::encode(&decided(token, &echo, Some(limit), None)));
    text += &answer(response::duplicate(token, &echo));
    text + &answer(response::unavailable(token, &echo))
}

fn balances(currency: Currency) -> Balances {
    Balances { currency, ledger: -1_500, available: 98_500, limit: 100_000 }
}

fn fields(request: &AuthRequest) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            writeln!(text, "  {name} {value}").unwrap();
        }
    };
    let merchant = &request.merchant;
    line("token", Some(request.token.to_string()));
    line("card", Some(request.card.to_string()));
    line("amount", Some(format!("{} {}", request.amount, request.amount.currency())));
    line("cardholder", request.cardholder().map(Token::to_string));
    line("user", request.user.as_ref().map(Token::to_string));
    line("business", request.business.as_ref().map(Token::to_string));
    line("mid", merchant.mid.as_deref().map(str::to_owned));
    line("mcc", merchant.mcc.map(|mcc| mcc.to_string()));
    line("mcc groups", (!merchant.mcc_groups.is_empty()).then(|| merchant.mcc_groups.join(", ")));
    line("name", merchant.name.as_deref().map(str::to_owned));
    line("country", merchant.country.map(|country| country.to_string()));
    line("entry mode", request.entry_mode.as_deref().map(str::to_owned));
    line("channel", request.channel.as_deref().map(str::to_owned));
    line("transaction", request.transaction.as_ref().map(Token::to_string));
    line("preceding", request.preceding.as_ref().map(Token::to_string));
    line("original", request.original.as_ref().map(Token::to_string));
    line("method", request.method.as_deref().map(|method| format!("{method:?}")));
    line("hold days", request.hold_days.map(|days| days.to_string()));
    text
}

fn decided(
    token: &Token,
    echo: &Echo,
    refusal: Option<Refusal>,
    balances: Option<Balances>,
) -> Decision {
    Decision {
        token: token.clone(),
        fingerprint: Fingerprint::of(&[]),
        authorization: AuthorizationId::new(Home::Business, Uuid::from_u128(0x42)),
        refusal,
        echo: echo.clone(),
        balances,
        repeated: false,
        at: Timestamp::from_micros(1_773_480_413_118_000),
    }
}

fn answer(answer: Answer) -> String {
    let body = String::from_utf8(answer.body).unwrap();
    let value: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert!(value["jit_funding"]["amount"].is_number(), "{body}");
    format!("{} {body}\n", answer.status)
}

fn message(method: &str, amount: &str, currency: &str) -> String {
    format!(
        r#"{{"token":"t-1","card_token":"crd_1","currency_code":{currency},
        "gpa_order":{{"jit_funding":{{"token":"j-1","user_token":"usr_1",
        "method":{method},"amount":{amount}}}}}}}"#
    )
}

fn check_amount(amount: &str, code: &str, expected: Result<i64, &str>) {
    let body = message("\"pgfs.authorization\"", amount, &format!("\"{code}\""));
    check(&body, expected.map_err(|fault| (Reason::InvalidAmount, fault)));
}

fn check(body: &str, expected: Result<i64, (Reason, &str)>) {
    scan(body.as_bytes()).unwrap();
    let found = match decode(body.as_bytes()).unwrap() {
        JitMessage::Judge(request) => Ok(request.amount.minor()),
        JitMessage::Faulty(FaultyRequest { refusal, .. }) => Err(refusal),
        JitMessage::Informative(_) => panic!("not informative: {body}"),
    };
    let found = found.as_ref().map(|minor| *minor);
    let found = found.map_err(|refusal| (refusal.reason, refusal.code.as_str()));
    assert_eq!(found, expected, "{body}");
}

#[test]
fn ten_is_ten_however_it_is_written() {
    let fingerprint = |amount| {
        let body = message("\"pgfs.authorization\"", amount, "\"USD\"");
        match decode(body.as_bytes()).unwrap() {
            JitMessage::Judge(request) => (request.amount.minor(), request.fingerprint()),
            other => panic!("{other:?}"),
        }
    };
    for amount in ["10.00", "10.0", "10", "\"10.00\"", "\"10\""] {
        assert_eq!(fingerprint(amount), fingerprint("10.00"), "{amount}");
        assert_eq!(fingerprint(amount).0, 1_000);
    }
}

#[test]
fn bad_amounts_are_declined_by_name() {
    for amount in [
        "1e309",
        "1e2",
        "1E+2",
        "-1",
        "-0.01",
        "-0",
        "\"NaN\"",
        "\"Infinity\"",
        "\"+1\"",
        "\"01\"",
        "\"0x10\"",
        "\"1_000\"",
        "\".5\"",
        "\"5.\"",
        "\"10.00 \"",
        "\" 10\"",
        "\"١٢\"",
        "\"１０\"",
        "\"1,000.00\"",
        "\"$10\"",
        "\"\"",
        "\"1\\u0030\"",
        "true",
        "[]",
        "{}",
        "[10]",
    ] {
        check_amount(amount, "USD", Err("amount.invalid"));
    }
    for (amount, code) in [
        ("10.999", "USD"),
        ("0.001", "USD"),
        ("1.5", "JPY"),
        ("1.2345", "KWD"),
        ("10.009999999999999999999", "USD"),
    ] {
        check_amount(amount, code, Err("amount.too_many_decimals"));
    }
    for amount in ["9223372036854775807", "9223372036854775808", "18446744073709551616"] {
        check_amount(amount, "USD", Err("amount.out_of_range"));
    }
    check_amount("null", "USD", Err("amount.missing"));
    check_amount("0", "USD", Err("amount.zero"));
    check_amount("0.00", "USD", Err("amount.zero"));
    check_amount("10000000000.00", "USD", Ok(1_000_000_000_000));
}

#[test]
fn bad_currencies_are_not_passed_over() {
    for code in
        ["\"usd\"", "\"US\"", "\"USDX\"", "\"ZZZ\"", "840", "\"840\"", "\"\"", "\"USD \"", "[]"]
    {
        let body = message("\"pgfs.authorization\"", "1", code)
            .replace("\"gpa_order\":{", "\"gpa_order\":{\"currency_code\":\"USD\",");
        check(&body, Err((Reason::InvalidAmount, "currency.invalid")));
    }
    let body = message("\"pgfs.authorization\"", "1", "null");
    check(&body, Err((Reason::InvalidAmount, "currency.invalid")));
}

#[test]
fn whatever_else_can_not_be_read_is_declined_by_name() {
    let invalid = (Reason::TransactionNotPermitted, "request.invalid");
    let mcc = (Reason::TransactionNotPermitted, "merchant.invalid_mcc");
    let card = (Reason::InvalidCard, "card.missing");
    let plain = message("\"pgfs.authorization\"", "1", "\"USD\"");
    let with = |field: &str| plain.replacen('{', &format!("{{{field},"), 1);
    for code in ["\"0000\"", "\"abcd\"", "\"54111\"", "\"541\"", "5411", "[]", "true"] {
        check(&with(&format!("\"card_acceptor\":{{\"mcc\":{code}}}")), Err(mcc));
    }
    for token in ["null", "\"\"", "\"a b\"", "5", "[\"crd_1\"]", "{\"$ne\":1}"] {
        check(&plain.replace("\"crd_1\"", token), Err(card));
    }
    for token in ["\"\"", "\"a b\"", "\"../x\"", "\"'; drop\"", "\"a\\r\\n\"", "5", "[]"] {
        check(&plain.replace("\"usr_1\"", token), Err(invalid));
        check(&with(&format!("\"acting_user_token\":{token}")), Err(invalid));
        check(&with(&format!("\"business_token\":{token}")), Err(invalid));
    }
    for field in [
        "\"card_acceptor\":[\"1\",\"5411\"]",
        "\"card_acceptor\":\"x\"",
        "\"card_acceptor\":{\"mid\":[]}",
        "\"card_acceptor\":{\"mcc_groups\":\"travel\"}",
        "\"card_acceptor\":{\"mcc_groups\":[{}]}",
        "\"pos\":[5]",
        "\"pos\":{\"pan_entry_mode\":true}",
        "\"transaction_metadata\":[\"OTHER\"]",
        "\"transaction_metadata\":{\"payment_channel\":{}}",
    ] {
        check(&with(field), Err(invalid));
    }
    check(&message("5", "1", "\"USD\""), Err(invalid));
    check(
        &with("\"gpa_order_unload\":7,\"gpa\":[5],\"preceding_related_transaction_token\":5"),
        Ok(100),
    );
    check(&with("\"transaction_metadata\":{\"authorization_life_cycle\":[]}"), Ok(100));
}

#[test]
fn hold_days_are_a_year_at_most() {
    for (days, expected) in [
        ("1", Some(1)),
        ("365", Some(365)),
        ("\"31\"", Some(31)),
        ("0", None),
        ("366", None),
        ("-1", None),
        ("1.5", None),
        ("\"x\"", None),
        ("null", None),
    ] {
        let body = message("\"pgfs.authorization\"", "1", "\"USD\"").replacen(
            '{',
            &format!("{{\"transaction_metadata\":{{\"authorization_life_cycle\":{days}}},"),
            1,
        );
        match decode(body.as_bytes()).unwrap() {
            JitMessage::Judge(request) => assert_eq!(request.hold_days, expected, "{days}"),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn without_a_funding_token_there_is_no_decision() {
    let plain = message("\"pgfs.authorization\"", "1", "\"USD\"");
    let long = format!("\"{}\"", "x".repeat(37));
    for token in [
        "null",
        "\"\"",
        &long,
        "\"a b\"",
        "\"../x\"",
        "\"'; drop\"",
        "{\"$ne\":1}",
        "\"\\r\\n\"",
        "\"😀\"",
        "5",
    ] {
        let unreadable = decode(plain.replace("\"j-1\"", token).as_bytes()).unwrap_err();
        assert_eq!(unreadable.code, "invalid_token", "{token}");
    }
    for order in ["{}", "null", "[]", "5", r#"{"jit_funding":[5]}"#, r#"{"jit_funding":"j-1"}"#] {
        let body = format!("{{\"token\":\"t-1\",\"gpa_order\":{order}}}");
        assert_eq!(decode(body.as_bytes()).unwrap_err().code, "missing_field", "{order}");
    }
}

#[test]
fn faulty_requests_are_told_apart_by_their_literal_text() {
    let print = |body: &str| match decode(body.as_bytes()).unwrap() {
        JitMessage::Faulty(request) => request.fingerprint.to_string(),
        other => panic!("{other:?}"),
    };
    let plain = message("\"pgfs.authorization\"", "10.999", "\"USD\"");
    assert_eq!(print(&plain), print(&plain.replace("t-1", "t-2")), "not part of it");
    let prints: BTreeSet<String> = [
        plain.clone(),
        plain.replace("10.999", "10.998"),
        plain.replace("crd_1", "crd_2"),
        plain.replace("USD", "EUR"),
        plain.replace("pgfs.authorization", "pgfs.authorization.cashback"),
        plain.replace("\"user_token\"", "\"original_jit_funding_token\":\"j-0\",\"user_token\""),
    ]
    .iter()
    .map(|body| print(body))
    .collect();
    assert_eq!(prints.len(), 6);
}

#[test]
fn no_single_wrong_byte_is_too_much() {
    let body = std::fs::read(golden("nulls_and_padding.json")).unwrap();
    let mut read = 0;
    for at in 0..body.len() {
        for byte in [b'0', b'"', b'[', b'\\', 0xff] {
            let mut broken = body.clone();
            broken[at] = byte;
            read += usize::from(!story(&broken).starts_with("unreadable"));
        }
    }
    assert!(read > body.len() / 2, "much of the message may say anything");
}

#[test]
fn a_long_code_makes_a_short_memo() {
    let usd = Currency::parse("USD").unwrap();
    let echo = Echo { amount: Some(Money::new(1, usd)), ..Echo::default() };
    let code = crate::domain::finding::Code::stored("é".repeat(120));
    let refusal = Refusal { reason: Reason::InvalidMerchant, code };
    let decision = decided(&"j-1".parse().unwrap(), &echo, Some(refusal), None);
    let body: serde_json::Value =
        serde_json::from_slice(&response::encode(&decision).body).unwrap();
    assert_eq!(body["jit_funding"]["memo"].as_str().unwrap().chars().count(), 99);
}
