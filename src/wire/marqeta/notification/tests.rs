//! Elements as the platform sends them, and what is read from each.

use std::path::Path;

use serde_json::{Value, json};

use super::element::{Content, Element, read};
use super::kind::Verb;
use super::message::{Amount, Told};
use super::{EnvelopeError, Family, Raw, open};
use crate::domain::money::{Currency, Money};
use crate::domain::party::{CardStatus, CompanyStatus, UserStatus};
use crate::domain::request::Operation;

/// Compares with the file. To accept what is found, run with `UPDATE_GOLDEN=1` and read the diff.
fn compare(path: &Path, found: &str) {
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(path, found).unwrap();
    }
    let expected = std::fs::read_to_string(path).unwrap_or_default();
    assert_eq!(found, expected, "{}", path.display());
}

#[test]
fn every_golden_body_is_read_as_written() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/webhooks");
    let mut bodies = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "json") {
            bodies += 1;
            let body = std::fs::read(&path).unwrap();
            let stories: Vec<String> =
                open(&body).unwrap().elements.into_iter().map(story).collect();
            compare(&path.with_extension("txt"), &stories.concat());
        }
    }
    assert!(bodies >= 9, "only {bodies} golden bodies found");
}

/// One element, as it is read: its identity on a line, and what it tells below.
fn story(raw: Raw<'_>) -> String {
    let Element { key, kind, subject, at, content, .. } = read(raw);
    let maybe = |value: Option<String>| value.unwrap_or_else(|| "-".to_owned());
    let told = match content {
        Ok(content) => format!("{content:#?}"),
        Err(why) => format!("parked: {why}"),
    };
    let (kind, subject) = (maybe(kind), maybe(subject));
    let at = maybe(at.map(|at| at.to_string()));
    format!("{key} kind={kind} subject={subject} at={at}\n{told}\n\n")
}

fn usd(minor: i64) -> Money {
    Money::new(minor, Currency::parse("USD").unwrap())
}

fn element(family: Family, value: &Value) -> Element {
    read(Raw { family, text: &value.to_string() })
}

fn transaction(value: &Value) -> Result<Told, &'static str> {
    match element(Family::Transaction, value).content? {
        Content::Transaction(_, told) => Ok(told),
        other => panic!("{other:?}"),
    }
}

/// A transaction with everything in it; what matters is changed.
fn base(kind: &str, state: &str, amount: &str) -> Value {
    let amount: Value = serde_json::from_str(amount).unwrap();
    json!({
        "type": kind, "state": state, "token": "t1", "card_token": "crd1", "currency_code": "USD",
        "user_token": "usr1", "amount": amount, "request_amount": amount,
        "response": {"code": "0000", "memo": "Approved or completed successfully"},
        "gpa_order": {"token": "o1", "amount": amount, "jit_funding":
            {"token": "f1", "method": "pgfs.authorization", "user_token": "usr1", "amount": amount}},
        "created_time": "2026-03-14T09:26:53Z",
    })
}

fn with(mut value: Value, pointer: &str, new: Value) -> Value {
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    value.pointer_mut(parent).unwrap()[name] = new;
    value
}

fn without(mut value: Value, name: &str) -> Value {
    value.as_object_mut().unwrap().remove(name);
    value
}

#[test]
fn an_envelope_is_taken_apart_whatever_its_families() {
    let families = |body: &str| {
        let envelope = open(body.as_bytes()).unwrap();
        envelope.elements.iter().map(|it| (it.family, it.text.to_owned())).collect::<Vec<_>>()
    };
    assert_eq!(families("{}"), []);
    assert_eq!(families(r#" {"transactions":[],"x":null}"#), []);
    let both =
        r#"{"transactions":[{"a":1},5],"CardTransitions ":[{}],"new":{"b":2},"Transactions":[[]]}"#;
    let expected = [
        (Family::Transaction, r#"{"a":1}"#),
        (Family::Transaction, "5"),
        (Family::Card, "{}"),
        (Family::Other, r#"{"b":2}"#),
        (Family::Transaction, "[]"),
    ];
    assert_eq!(families(both), expected.map(|(family, text)| (family, text.to_owned())));
}

#[test]
fn what_is_no_envelope_is_named() {
    let code = |body: &[u8]| open(body).map_err(|EnvelopeError { code, .. }| code).err();
    for (body, expected) in [
        (&b""[..], "empty_body"),
        (b"\n", "empty_body"),
        (b"[]", "not_an_object"),
        (b"1", "not_an_object"),
        (b"{", "malformed_json"),
        (b"{\"a\":[1,]}", "malformed_json"),
        (b"{}{}", "malformed_json"),
        (b"\xff", "invalid_utf8"),
        (br#"{"transactions":[{}],"transactions":[]}"#, "duplicate_key"),
        (br#"{"transactions":null,"transaction\u0073":[{}]}"#, "duplicate_key"),
        (br#"{"pings\u0000":[]}"#, "invalid_characters"),
        (br#"{"pings\ud800":[]}"#, "invalid_unicode"),
    ] {
        assert_eq!(code(body), Some(expected), "{}", String::from_utf8_lossy(body));
    }
    let many = format!(r#"{{"a":[{}]}}"#, vec!["1"; 1_001].join(","));
    assert_eq!(code(many.as_bytes()), Some("too_many_events"));
    let deep = format!(r#"{{"a":[{}{}]}}"#, "[".repeat(100_000), "]".repeat(100_000));
    let deep = open(deep.as_bytes()).unwrap();
    assert_eq!(deep.elements.len(), 1, "its depth is the element's affair");
    let long = format!(r#"{{"{}":[]}}"#, "x".repeat(1_025));
    assert_eq!(code(long.as_bytes()), Some("string_too_long"));
    let families: Vec<String> = (0..65).map(|at| format!("\"f{at}\":[]")).collect();
    assert_eq!(code(format!("{{{}}}", families.join(",")).as_bytes()), Some("too_many_fields"));
}

#[test]
fn card_data_in_the_names_of_families_is_found_and_nothing_is_taken_from_under_secrets() {
    let body = r#"{"4111111111111111":[{"a":1}],"cvv2":["123"],"c\u0076c":null,"pings":[]}"#;
    let envelope = open(body.as_bytes()).unwrap();
    assert_eq!((envelope.names.numbers, envelope.names.secrets), (1, 1));
    let elements: Vec<_> = envelope.elements.iter().map(|it| (it.family, it.text)).collect();
    assert_eq!(elements, [(Family::Other, r#"{"a":1}"#)]);
    // What is in an element is told when it is kept.
    let inside = open(br#"{"transactions":[{"a":"4111111111111111"}]}"#).unwrap();
    assert!(!inside.names.was_seen());
}

#[test]
fn elements_are_kept_once_by_token_and_state() {
    let key = |value: &Value| element(Family::Transaction, value).key;
    let pending = base("authorization", "PENDING", "10.00");
    assert_eq!(key(&pending), "transactions:t1:PENDING");
    let cleared = with(pending.clone(), "/state", json!("cleared"));
    assert_eq!(key(&cleared), "transactions:t1:CLEARED");
    let one = element(Family::Transaction, &pending);
    let later = with(pending.clone(), "/identifier", json!("900122"));
    assert_eq!(element(Family::Transaction, &later).fingerprint, one.fingerprint);
    let dearer = with(pending, "/gpa_order/jit_funding/amount", json!(11));
    assert_ne!(element(Family::Transaction, &dearer).fingerprint, one.fingerprint);
    let card = element(Family::Card, &json!({"token": "c1", "card_token": "x", "state": "ACTIVE"}));
    assert_eq!(
        (card.key.as_str(), card.subject.as_deref()),
        ("cardtransitions:c1", Some("card:x"))
    );
    let bad = read(Raw { family: Family::Transaction, text: "{" });
    assert!(bad.key.starts_with("transactions:#") && bad.content.is_err(), "{bad:?}");
}

#[test]
fn an_approved_message_is_read_as_its_request() {
    let event =
        with(base("authorization", "PENDING", "48.35"), "/card_acceptor", json!({"mcc": "5411"}));
    let event = with(event, "/transaction_metadata", json!({"authorization_life_cycle": 30}));
    let Told::Approved { request, funding } = transaction(&event).unwrap() else { panic!() };
    assert_eq!(funding.unwrap().as_str(), "f1");
    assert_eq!((request.amount, request.operation), (usd(4835), Operation::Authorize));
    assert_eq!((request.token.as_str(), request.hold_days), ("f1", Some(30)));
    assert_eq!(request.transaction.unwrap().as_str(), "t1");
    assert!(request.merchant.mcc.is_some());
    // Without funding data: approved in our name, by the transaction's amount.
    let event = with(base("authorization.standin", "PENDING", "7"), "/gpa_order", json!({}));
    let Told::Approved { request, funding } = transaction(&event).unwrap() else { panic!() };
    assert_eq!((funding, request.token.as_str(), request.amount), (None, "t1", usd(700)));
}

#[test]
fn the_message_says_how_it_ended() {
    let declined = |value: &Value| match transaction(value).unwrap() {
        Told::Declined { funding, timed_out, .. } => (funding.map(|it| it.to_string()), timed_out),
        other => panic!("{other:?}"),
    };
    let event = base("authorization", "DECLINED", "10.00");
    assert_eq!(declined(&event), (Some("f1".into()), false));
    assert_eq!(declined(&base("pindebit", "ERROR", "10.00")).0, Some("f1".into()));
    let code = with(base("authorization", "PENDING", "10.00"), "/response/code", json!("1016"));
    assert_eq!(declined(&code).0, Some("f1".into()), "a code that is no success");
    let log = json!({"gateway_log": {"transaction_id": "f9", "timed_out": true}});
    let event = with(event, "/gpa_order", json!({"funding": log}));
    assert_eq!(declined(&event), (Some("f9".into()), true), "as the gateway's log has it");
    for (state, parked) in [(json!("BLURRED"), "state_unknown"), (json!(null), "state_missing")] {
        let event = with(base("authorization", "PENDING", "10.00"), "/state", state);
        assert_eq!(transaction(&event), Err(parked));
    }
    let zero = base("authorization", "PENDING", "0.00");
    assert_eq!(transaction(&zero), Ok(Told::Nothing("verification")));
}

/// The step, its amount, and whether it is the whole.
fn moved(value: &Value) -> (Verb, Amount, bool) {
    match transaction(value).unwrap() {
        Told::Moved { verb, amount, whole, .. } => (verb, amount, whole),
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_step_is_read_with_its_own_amount() {
    let by = |minor| Amount::By(usd(minor));
    let after = |value: Value| with(value, "/preceding_related_transaction_token", json!("t0"));
    let step = |kind: &str, state: &str| after(base(kind, state, "12.34"));
    let table = [
        ("authorization.advice", "PENDING", Verb::Advise, false),
        ("authorization.reversal", "PENDING", Verb::Reverse, false),
        ("authorization.reversal", "CLEARED", Verb::Reverse, true),
        ("authorization.reversal.issuerexpiration", "CLEARED", Verb::Expire, false),
        ("authorization.clearing", "COMPLETION", Verb::Clear, false),
        ("pindebit.authorization.clearing", "COMPLETION", Verb::Clear, false),
        ("refund", "COMPLETION", Verb::Refund, false),
        ("refund.authorization", "PENDING", Verb::ExpectCredit, false),
        ("original.credit.authorization", "PENDING", Verb::ExpectCredit, false),
        ("refund.authorization.clearing", "COMPLETION", Verb::Refund, false),
        ("refund.authorization.reversal", "CLEARED", Verb::CancelCredit, false),
        ("authorization.clearing.chargeback", "COMPLETION", Verb::Chargeback, false),
        (
            "authorization.clearing.chargeback.reversal",
            "COMPLETION",
            Verb::ChargebackReversal,
            false,
        ),
        ("dispute.credit", "COMPLETION", Verb::Chargeback, false),
        ("dispute.debit", "COMPLETION", Verb::ChargebackReversal, false),
        ("authorization.clearing.chargeback.completed", "COMPLETION", Verb::ChargebackWon, false),
    ];
    for (kind, state, verb, whole) in table {
        assert_eq!(moved(&step(kind, state)), (verb, by(1234), whole), "{kind} {state}");
    }
    let last =
        with(step("authorization.clearing", "COMPLETION"), "/is_final_clearing", json!(true));
    assert_eq!(moved(&last), (Verb::Clear, by(1234), true));
    let forced = base("authorization.clearing", "COMPLETION", "12.34");
    assert_eq!(moved(&forced).0, Verb::ForcePost, "it follows nothing");
    let adjusted = with(
        step("gpa.credit", "COMPLETION"),
        "/gpa_order/jit_funding/method",
        json!("pgfs.adjustment.credit"),
    );
    assert_eq!(moved(&adjusted).0, Verb::AdjustCredit, "by its method");
    for (kind, state, method, why) in [
        ("authorization.clearing", "PENDING", "pgfs.new", "not_final"),
        ("authorization.clearing", "DECLINED", "pgfs.authorization.capture", "declined"),
        ("balanceinquiry", "COMPLETION", "pgfs.balanceinquiry", "no_money"),
        ("balanceinquiry", "DECLINED", "pgfs.balanceinquiry", "no_money"),
        ("brand.new", "COMPLETION", "pgfs.new", "unknown_type"),
        ("brand.new", "DECLINED", "pgfs.billpayment.capture", "unknown_type"),
    ] {
        let event = with(step(kind, state), "/gpa_order/jit_funding/method", json!(method));
        assert_eq!(transaction(&event), Ok(Told::Nothing(why)), "{kind} {state}");
    }
}

#[test]
fn what_was_judged_by_its_method_is_taken_back_whatever_its_type() {
    let revoked = |event: &Value| match transaction(event).unwrap() {
        Told::Declined { funding, echo, .. } => (funding.unwrap().to_string(), echo.operation),
        other => panic!("{other:?}"),
    };
    let held = |token: &str| (token.to_owned(), Some(Operation::Authorize));
    for kind in ["authorization.new", "unknown", "balanceinquiry", "refund.authorization"] {
        let event = base(kind, "DECLINED", "10.00");
        let event = with(event, "/gpa_order/jit_funding/method", json!("pgfs.new"));
        assert_eq!(revoked(&event), held("f1"), "{kind}");
        let approved = with(event, "/state", json!("PENDING"));
        assert!(!matches!(transaction(&approved), Ok(Told::Declined { .. })), "{kind}");
    }
    // Named by the gateway's log alone.
    let log = json!({"gateway_log": {"transaction_id": "f9", "timed_out": true}});
    let logged = with(base("authorization.new", "DECLINED", "10.00"), "/gpa_order", json!({}));
    let logged = with(logged, "/gpa_order/funding", log);
    assert_eq!(revoked(&logged), held("f9"));
    // What only informs was never judged, and without a token there is nothing to look for.
    let step = with(logged, "/type", json!("authorization.reversal"));
    assert_eq!(transaction(&step), Ok(Told::Nothing("declined")));
    let nameless = with(base("authorization.new", "DECLINED", "10.00"), "/gpa_order", json!({}));
    assert_eq!(transaction(&nameless), Ok(Told::Nothing("unknown_type")));
}

#[test]
fn an_advice_without_a_difference_tells_the_new_total() {
    let event = base("authorization.advice", "PENDING", "40.00");
    let delta = with(event.clone(), "/gpa_order/jit_funding/amount", json!(8.35));
    assert_eq!(moved(&delta), (Verb::Advise, Amount::By(usd(835)), false));
    let impacted = with(event.clone(), "/gpa", json!({"impacted_amount": -8.35}));
    let impacted = with(impacted, "/gpa_order", json!(null));
    assert_eq!(moved(&impacted), (Verb::Advise, Amount::By(usd(835)), false));
    let total = with(event, "/gpa_order", json!(null));
    assert_eq!(moved(&total), (Verb::Advise, Amount::Total(usd(4000)), false));
}

#[test]
fn what_can_not_be_understood_is_parked_with_a_reason() {
    let good = base("authorization", "PENDING", "10.00");
    let table = [
        (with(good.clone(), "/gpa_order/jit_funding/amount", json!("1e2")), "amount_invalid"),
        (
            with(good.clone(), "/gpa_order/jit_funding/amount", json!("10.001")),
            "amount_too_many_decimals",
        ),
        (with(good.clone(), "/gpa_order/jit_funding/amount", json!(1e300)), "amount_invalid"),
        (with(good.clone(), "/currency_code", json!("usd")), "currency_invalid"),
        (without(good.clone(), "card_token"), "card_missing"),
        (without(good.clone(), "type"), "type_missing"),
        (without(with(good.clone(), "/gpa_order", json!(null)), "amount"), "amount_missing"),
    ];
    for (event, expected) in table {
        assert_eq!(transaction(&event), Err(expected), "{event}");
    }
    let parked = |text: &str| read(Raw { family: Family::Transaction, text }).content.err();
    assert_eq!(parked(r#"{"token":"a b"}"#), Some("token_unreadable"));
    assert_eq!(parked("5"), Some("not_an_object"));
    assert_eq!(parked(r#"{"a":1,"a":2}"#), Some("duplicate_key"));
    assert_eq!(parked(&"[".repeat(9_000)), Some("not_an_object"));
}

#[test]
fn transitions_are_read_and_a_state_that_nobody_knows_is_not_active() {
    let event = json!({"token": "ct", "card_token": "crd1", "user_token": "usr1", "state": "ACTIVE",
        "last_four": "0042", "pan": "111111______0042", "expiration": "0329",
        "created_time": "2026-03-16T07:00:00Z"});
    let card = |value: &Value| match element(Family::Card, value).content.unwrap() {
        Content::Card(moved) => moved,
        other => panic!("{other:?}"),
    };
    let moved = card(&event);
    assert_eq!((moved.card.as_str(), moved.status), ("crd1", CardStatus::Active));
    assert_eq!(moved.expires.unwrap().to_string(), "2029-03");
    assert!(element(Family::Card, &event).at.is_some());
    let strange = with(event.clone(), "/state", json!("UNSUPPORTED"));
    assert_eq!(card(&strange).status, CardStatus::Suspended);
    let number = with(event.clone(), "/last_four", json!("4111111111111111"));
    assert_eq!(card(&number).last_four, None, "never more than four digits");
    let no_card = element(Family::Card, &without(event, "card_token"));
    assert_eq!(no_card.content, Err("card_missing"));
    let user = json!({"token": "ut", "user_token": "usr1", "status": "LIMITED"});
    let Content::User(moved) = element(Family::User, &user).content.unwrap() else { panic!() };
    assert_eq!((moved.user.as_str(), moved.status), ("usr1", UserStatus::Limited));
}

#[test]
fn a_company_is_moved_to_a_state_that_companies_have() {
    let event = json!({"token": "bt", "business_token": "biz1", "status": "closed",
        "created_time": "2026-03-16T07:00:00Z"});
    let of = |value: &Value| element(Family::Business, value);
    let status = |value: &Value| match of(value).content.unwrap() {
        Content::Company(moved) => (moved.company.to_string(), moved.status),
        other => panic!("{other:?}"),
    };
    let read = of(&event);
    assert_eq!(
        (read.key.as_str(), read.subject.as_deref()),
        ("businesstransitions:bt", Some("company:biz1"))
    );
    assert!(read.at.is_some());
    assert_eq!(status(&event), ("biz1".to_owned(), CompanyStatus::Closed));
    for (sent, expected) in [
        ("ACTIVE", CompanyStatus::Active),
        ("SUSPENDED", CompanyStatus::Suspended),
        ("LIMITED", CompanyStatus::Suspended),
        ("UNVERIFIED", CompanyStatus::Suspended),
        ("NEW", CompanyStatus::Suspended),
    ] {
        assert_eq!(status(&with(event.clone(), "/status", json!(sent))).1, expected, "{sent}");
    }
    assert_eq!(of(&without(event.clone(), "status")).content, Err("state_missing"));
    assert_eq!(of(&without(event.clone(), "business_token")).content, Err("business_missing"));
    let another = with(event, "/business_token", json!("biz2"));
    assert_ne!(of(&another).fingerprint, read.fingerprint);
}
