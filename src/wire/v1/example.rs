//! One purchase as the document tells it: what the service answers to the request that the document shows,
//! where the card, and the limit that it shows, are there. A test asks the service for it.

use serde_json::{Value, json};

/// What would be decided.
pub(super) fn tried() -> Value {
    judged(json!({
        "dry_run": true,
        "held": 1050,
        "limits": [{
            "limit_id": LIMIT,
            "window": "day",
            "amount": {"max": 100_000, "used": 0, "left": 100_000},
            "count": {"max": 20, "used": 0, "left": 20},
            "resets_at": "2026-02-01T00:00:00.000000Z",
        }],
    }))
}

/// What was decided.
pub(super) fn decided() -> Value {
    judged(json!({
        "id": AUTHORIZATION,
        "chain_id": AUTHORIZATION,
        "hold": {"amount": 1050, "state": "active"},
        "created_at": "2026-01-31T12:00:00.000000Z",
    }))
}

const AUTHORIZATION: &str = "aut_b01901234567878ab8def0123456789ab";
const LIMIT: &str = "lim_01901234567878ab8def0123456789ab";

/// What both tell, with what one of them tells besides.
fn judged(more: Value) -> Value {
    let passed = |check: &str| json!({"check": check, "result": "passed"});
    let within = |check: &str, asked: i64, max: i64| json!({"check": check, "result": "passed", "asked": asked, "used": 0, "max": max});
    let limit = |check: &str, asked: i64, max: i64| {
        let mut limit = within(check, asked, max);
        limit["limit_id"] = LIMIT.into();
        limit
    };
    let mut judged = json!({
        "token": "purchase-0001",
        "operation": "authorize",
        "decision": "approved",
        "reason": null,
        "code": null,
        "amount": 1050,
        "currency": "EUR",
        "card": "crd_01901234567878ab8def0123456789ab",
        "account_id": "acc_b01901234567878ab8def0123456789ab",
        "checks": [
            passed("card.known"),
            passed("card.held"),
            passed("card.status"),
            passed("card.expiry"),
            passed("user.status"),
            passed("company.status"),
            passed("currency"),
            limit("limit.day.amount", 1050, 100_000),
            limit("limit.day.count", 1, 20),
            within("funds.available", 1050, 5_000_000),
        ],
        "stages": {
            "user_lookup_us": 120,
            "card_lookup_us": 95,
            "spending_limits_us": 80,
            "lane_wait_us": 640,
            "decision_us": 14,
        },
        "merchant": {"mid": "m-1", "mcc": "5411", "name": "Corner shop", "country": "BEL"},
        "entry_mode": "CHIP",
        "channel": "POS",
    });
    if let (Value::Object(judged), Value::Object(more)) = (&mut judged, more) {
        judged.extend(more);
    }
    judged
}
