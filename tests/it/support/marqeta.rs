//! Messages as the card platform sends them, with the fields that matter to be changed.

use serde_json::{Value, json};

/// A card-present purchase. `amount` is the literal text of the number.
pub fn purchase(token: &str, card: &str, amount: &str) -> String {
    message("authorization", "gpa_order", token, "pgfs.authorization", card, amount).to_string()
}

/// Any message, to be changed further. The amount keeps its literal text.
pub fn message(
    kind: &str,
    order: &str,
    token: &str,
    method: &str,
    card: &str,
    amount: &str,
) -> Value {
    let amount: Value = amount.parse::<serde_json::Number>().map_or(json!(amount), Value::Number);
    json!({
        "type": kind,
        "state": "PENDING",
        "token": format!("t-{token}"),
        "card_token": card,
        "gpa": {"currency_code": "USD", "ledger_balance": 0, "available_balance": 0},
        order: {
            "token": format!("o-{token}"),
            "amount": amount,
            "state": "PENDING",
            "currency_code": "USD",
            "jit_funding": {"token": token, "method": method, "amount": amount},
        },
        "amount": amount,
        "request_amount": amount,
        "currency_code": "USD",
        "network": "VISA",
        "card": {"last_four": "0042", "metadata": {}},
        "card_acceptor": {"mid": "000000000077001", "mcc": "5411", "name": "FERN STREET GROCER",
            "city": "GHENT", "state": "BEL", "postal_code": "9000      ", "country_code": "BEL"},
        "pos": {"pan_entry_mode": "CHIP_CONTACTLESS", "pin_entry_mode": "FALSE"},
        "transaction_metadata": {"payment_channel": "OTHER"},
        "created_time": "2026-03-14T09:26:53Z",
    })
}
