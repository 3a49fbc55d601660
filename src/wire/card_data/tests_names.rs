//! Names of fields: what they hold by their words, and what only tells about it.

use super::names::{Held, held};

#[track_caller]
fn check(names: &[&str], expected: Option<Held>) {
    for name in names {
        assert_eq!(held(name), expected, "{name}");
        let capitals = name.to_ascii_uppercase();
        assert_eq!(held(&capitals).is_some(), expected.is_some(), "{capitals}");
    }
}

#[test]
fn security_codes_pins_and_tracks_are_known_by_the_words_of_their_names() {
    check(
        &[
            "cvv",
            "cvv1",
            "cvv2",
            "cvc",
            "cvc2",
            "cvn",
            "csc",
            "cid",
            "cav2",
            "cavv",
            "icvv",
            "dcvv",
            "card_cvv",
            "cardcvv",
            "cardpin",
            "cvd",
            "cvd2",
            "pvv",
            "pinnumber",
            "cvv_code",
            "cvc_code",
            "cvv2_value",
            "cvv-code",
            "card.cvv",
            "cvv code",
            "security_code",
            "card_security_code",
            "securitycode",
            "card_cid",
            "cvv_number",
            "pin",
            "pin_code",
            "new_pin",
            "card_pin",
            "pin_block",
            "pinblock",
            "pin_data",
            "encrypted_pin",
            "encrypted_pin_block",
            "encryptedpin",
            "change_pin",
            "old_pin_value",
            "track",
            "track1",
            "track2",
            "track_2_data",
            "track2_data",
            "track-2-data",
            "trackdata",
            "track_2_equivalent_data",
            "full_track",
            "raw_track_data",
            "track_data",
            "card_track",
            "mag_stripe",
            "magstripe",
            "magnetic_stripe_data",
            "verification_value",
            "card_verification_value",
            "card_verification_code",
            "cardverificationcode",
            "pin_verification_value",
            "a_very_long_name_of_a_field_of_the_issuer_s_cvv2",
        ],
        Some(Held::Secret),
    );
    for name in [
        "pinBlock",
        "PINBlock",
        "PINblock",
        "newPin",
        "cardCVV",
        "CVVCode",
        "cardCvv2",
        "Track2Data",
        "Track_2-Data",
        "xPin",
        "securityCode",
        "cardSecurityCode",
        "magStripe",
        "my_PIN",
        "aPIN",
    ] {
        assert_eq!(held(name), Some(Held::Secret), "{name}");
    }
}

#[test]
fn card_numbers_are_known_by_their_names() {
    check(
        &["pan", "card_pan", "card_number", "cardnumber", "primary_account_number", "full_pan"],
        Some(Held::Number),
    );
    assert_eq!(held("cardNumber"), Some(Held::Number));
    assert_eq!(held("primaryAccountNumber"), Some(Held::Number));
}

#[test]
fn what_tells_about_a_secret_is_none() {
    check(
        &[
            // The platform's own.
            "pan_entry_mode",
            "pin_entry_mode",
            "pin_present",
            "pin_is_set",
            "pings",
            "pindebit",
            "card_security_code_verification",
            "address_verification",
            "verification_result",
            "verification_value_created_by",
            "cardholder_authentication_method",
            "card_acceptor",
            "card_presence",
            "card_holder_presence",
            "card_token",
            "card_product_token",
            "network",
            "system_trace_audit_number",
            "retrieval_reference_number",
            "order_number",
            "country_code",
            "card_data_input_capability",
            "transaction_metadata",
            "partial_approval_capable",
            "mid",
            // Others.
            "cvv2_verification",
            "cvv_result",
            "cvv2_response_code",
            "cvv_match",
            "cvc_check",
            "pin_attempts",
            "pin_tries_remaining",
            "pan_sequence_number",
            "pan_token",
            "pan_last_four",
            "pin_verification_method",
            "pin_verified",
            "cvv_token",
            "track_id",
            "tracking_number",
            "shipping",
            "spinner",
            "company",
            "span",
            "opinion",
            "expand",
            "cidr",
            "discipline",
            "verification_code",
            "account_number",
            "card_network",
            "primary_account",
            "secret",
            "",
            "p",
            "encoding",
            "price",
            "magazine",
            "cards",
            "card_verification",
            "accident",
            "fast_track_lane",
            "a_name_that_is_longer_than_any_name_of_a_field_that_may_hold_nothing_cvv",
        ],
        None,
    );
}
