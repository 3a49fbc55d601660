//! A card's states at the platform, and the notification of another one.

use serde_json::{Value, json};

/// What a card's transition is called; `None`: a card can not be put from the one state into the other.
pub(super) fn kind(from: &str, to: &str) -> Option<&'static str> {
    Some(match (from, to) {
        ("TERMINATED", _) => return None,
        ("SUSPENDED" | "LIMITED", "ACTIVE") => "state.reinstated",
        (_, "ACTIVE") => "state.activated",
        (_, "SUSPENDED") => "state.suspended",
        (_, "LIMITED") => "state.limited",
        (_, "TERMINATED") => "state.terminated",
        _ => return None,
    })
}

/// The notification of a card's transition, from the card as it is now.
pub(super) fn notice(card: &Value, kind: &str, token: String, at: String) -> Value {
    json!({
        "token": token,
        "card_token": card["token"],
        "user_token": card["user_token"],
        "type": kind,
        "state": card["state"],
        "channel": "API",
        "reason_code": "00",
        "fulfillment_status": "ISSUED",
        "card_product_token": "simulated",
        "last_four": card["last_four"],
        "expiration": card["expiration"],
        "pin_is_set": false,
        "created_time": at,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_is_terminated_stays_so_and_whoever_was_suspended_is_reinstated() {
        assert_eq!(kind("UNACTIVATED", "ACTIVE"), Some("state.activated"));
        assert_eq!(kind("ACTIVE", "SUSPENDED"), Some("state.suspended"));
        assert_eq!(kind("SUSPENDED", "ACTIVE"), Some("state.reinstated"));
        assert_eq!(kind("ACTIVE", "TERMINATED"), Some("state.terminated"));
        assert_eq!(kind("TERMINATED", "ACTIVE"), None);
        assert_eq!(kind("ACTIVE", "LOST"), None);
    }
}
