//! What is found, what is taken out, and what stays.

use super::*;
use crate::wire::scan::scan;

fn found(body: &str) -> CardData {
    scan(body.as_bytes()).unwrap()
}

#[track_caller]
fn check(body: &str, rest: &str) {
    let found = found(body);
    assert_eq!(String::from_utf8(found.removed_from(body.as_bytes())).unwrap(), rest);
    assert_eq!(found.must_go(), body != rest, "{body}");
    // What is left is well-formed, and has none.
    assert!(!self::found(rest).must_go(), "{rest}");
}

#[test]
fn numbers_are_taken_out_wherever_they_stand() {
    check(r#"{"a":"4111111111111111","b":1}"#, r#"{"a":null,"b":1}"#);
    check(
        r#"{"a":{"b":["x",{"c":"paid by 5555-5555-5555-4444"}]}}"#,
        r#"{"a":{"b":["x",{"c":null}]}}"#,
    );
    check(r#"{"a": 378282246310005 , "b":2}"#, r#"{"a": null , "b":2}"#);
    check(r#"{"a":"\u0034111 1111 1111 \u0031111"}"#, r#"{"a":null}"#);
    check(r#"{"6011000990139424":{"x":1}}"#, r#"{"removed":{"x":1}}"#);
    // Two of them are two names, and neither names an identifier.
    check(
        r#"{"4111111111111111_id":"5555555555554444","x5555-5555-5555-4444_token":"t"}"#,
        r#"{"removed":null,"removed-2":"t"}"#,
    );
    // A key may be both.
    check(
        r#"{"4111111111111111_cvv":"123","5555555555554444_pan":"1234","x":{"pin":1}}"#,
        r#"{"removed":null,"removed-2":"1234","x":{"pin":null}}"#,
    );
    check(r#"{"a":["4111111111111111","4111111111111111"]}"#, r#"{"a":[null,null]}"#);
    check(r#"{"a":"%B4111111111111111^W/J^2712"}"#, r#"{"a":null}"#);
    check(
        r#"{"a":"4111111111111112","amount":4111111111.11}"#,
        r#"{"a":"4111111111111112","amount":4111111111.11}"#,
    );
}

#[test]
fn fields_that_may_hold_nothing_hold_nothing_afterwards() {
    check(r#"{"cvv2":"123","pin":1234}"#, r#"{"cvv2":null,"pin":null}"#);
    check(r#"{"x":{"Track_2-Data":";41=27?"},"y":1}"#, r#"{"x":{"Track_2-Data":null},"y":1}"#);
    check(
        r#"{"pin_block":{"format":0,"data":["4111111111111111"]},"z":[1]}"#,
        r#"{"pin_block":null,"z":[1]}"#,
    );
    check(r#"{"c\u0076v":"123"}"#, r#"{"c\u0076v":null}"#);
    check(
        r#"{"card_cvv":"123","newPin":"1234","card":{"security_code":7,"track_2_data":";41=27?"}}"#,
        r#"{"card_cvv":null,"newPin":null,"card":{"security_code":null,"track_2_data":null}}"#,
    );
    check(
        r#"{"pan":"41111111****1111","card_number":["0042"]}"#,
        r#"{"pan":null,"card_number":null}"#,
    );
    for kept in [
        r#"{"cvv2":null,"pin":"","pan":true}"#,
        r#"{"pin_present":"true","pan_entry_mode":"CHIP","card_security_code_verification":{"type":"CVV2"}}"#,
        r#"{"partial_approval_capable":"1","track":null,"category":"x","p":1,"":2}"#,
        r#"{"pan":"111111______0042","pin_is_set":"false","cvv2_verification":{"type":"CVV2"}}"#,
    ] {
        check(kept, kept);
        assert_eq!(found(kept), CardData::default());
    }
}

#[test]
fn identifiers_are_counted_and_stay() {
    let body = r#"{"card_token":"4111111111111111","mid":"4111 1111 1111 1111",
        "network_reference_id":"5555555555554444","tokens":["378282246310005"],
        "acquirer_reference_data":"74111111111111111111111","name":"x",
        "payment_reference":"card 4111-1111-1111-1111, thanks","order_id":"o/378282246310005"}"#;
    check(body, body);
    let found = found(body);
    assert_eq!((found.identifiers, found.numbers, found.secrets), (6, 0, 0));
    assert!(found.was_seen());
    let preference = self::found(r#"{"Preferences":"card 4111 1111 1111 1111"}"#);
    assert_eq!((preference.identifiers, preference.numbers), (0, 1));
    let uuid = r#"{"token":"41111111-1111-4111-8111-111111111111"}"#;
    assert!(!self::found(uuid).was_seen());
}

#[test]
fn a_text_that_can_not_be_taken_apart_is_doubted_as_a_whole() {
    for text in [
        r#"{"a":1,"a":"4111111111111111"}"#,
        r#"{"a":1,"a":"\u00341111111111111\u00311"}"#,
        r#"{"cvv2":"123","#,
        r#"{"c\u0076v2":"123","#,
    ] {
        assert!(may_be_in(text), "{text}");
    }
    for text in [r#"{"a":1,"a":"4111111111111112"}"#, r#"{"b":"\ud800"}"#, ""] {
        assert!(!may_be_in(text), "{text}");
    }
    assert!(!may_be_in(TEXT_REMOVED));
}
