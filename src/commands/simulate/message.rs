//! Messages as the platform writes them: the transaction in a funding request, and the same
//! transaction with what came of it in a notification.

use serde_json::{Map, Value, json};

use crate::domain::money::Money;

use super::gateway::{Asked, Verdict};

/// What is said of an account that has no money of its own.
const NO_MONEY: i64 = 0;

/// A message to be written.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    /// The transaction type.
    pub(super) kind: &'static str,
    /// The state of a transaction that has gone well.
    pub(super) state: &'static str,
    /// The funding method.
    pub(super) method: &'static str,
    /// Whether money flows back to the cardholder: the order is an unload.
    pub(super) is_credit: bool,
    /// The transaction's token.
    pub(super) token: String,
    /// The funding event's token.
    pub(super) funding: String,
    /// The purchase's first funding event, if this is not it.
    pub(super) original: Option<String>,
    /// The transaction before it.
    pub(super) preceding: Option<String>,
    /// The card's token.
    pub(super) card: String,
    /// Its holder's.
    pub(super) user: String,
    /// The transaction's amount.
    pub(super) amount: Money,
    /// What the network asked for.
    pub(super) asked: Money,
    /// What is to be held, taken, released or given back.
    pub(super) funded: Money,
    /// What that does to what is available, in minor units.
    pub(super) impact: i64,
    /// Whether it is the last clearing.
    pub(super) is_final: Option<bool>,
    /// Where.
    pub(super) merchant: Value,
    /// When, as the platform writes it.
    pub(super) at: String,
}

impl Draft {
    /// The funding request: nothing has come of it yet.
    pub(super) fn request(&self) -> Value {
        let mut order = self.order();
        order.insert("state".to_owned(), "PENDING".into());
        let mut message = self.message("PENDING");
        message.insert(self.order_name().to_owned(), order.into());
        message.into()
    }

    /// The notification of a transaction that the gateway was not asked about.
    pub(super) fn notice(&self, identifier: u64) -> Value {
        self.notified(identifier, self.state, success(), self.order(), self.impact)
    }

    /// The notification of a transaction that it was asked about.
    pub(super) fn answered(&self, identifier: u64, asked: &Asked) -> Value {
        let approved = matches!(asked.verdict, Verdict::Approved { .. });
        let mut order = self.order();
        let log = self.gateway_log(asked);
        order.insert(
            "funding".to_owned(),
            json!({
                "amount": number(self.funded),
                "source": {"type": "programgateway", "token": "**********way", "active": true},
                "gateway_log": log,
            }),
        );
        let (state, response, loaded) = if approved {
            (self.state, success(), success())
        } else {
            (
                "DECLINED",
                json!({"code": "1016", "memo": "Not sufficient funds"}),
                json!({"code": "1842", "memo": "Account load failed"}),
            )
        };
        order.insert("state".to_owned(), state.into());
        order.insert("response".to_owned(), loaded);
        let impact = if approved { self.impact } else { 0 };
        let mut notice = self.notified(identifier, state, response, order, impact);
        notice["duration"] = asked.took_ms.into();
        notice
    }

    fn gateway_log(&self, asked: &Asked) -> Value {
        let message = match asked.verdict {
            Verdict::Approved { .. } => "Approved or completed successfully",
            Verdict::Declined { .. } => "Declined by gateway.",
            Verdict::TimedOut => "Gateway timed out",
            Verdict::Failed { .. } => "Gateway error",
        };
        let mut log = json!({
            "order_number": self.token,
            "transaction_id": self.funding,
            "message": message,
            "duration": asked.took_ms,
            "timed_out": asked.verdict == Verdict::TimedOut,
        });
        if let Some(status) = asked.status {
            log["response"] = json!({"code": status.to_string(), "data": asked.body});
        }
        log
    }

    fn notified(
        &self,
        identifier: u64,
        state: &str,
        response: Value,
        order: Map<String, Value>,
        impact: i64,
    ) -> Value {
        let mut message = self.message(state);
        let impacted = number(self.amount.with_minor(impact));
        let code = self.amount.currency().code();
        message.insert("identifier".to_owned(), identifier.to_string().into());
        message.insert("response".to_owned(), response);
        message.insert("duration".to_owned(), 40.into());
        message.insert("gpa".to_owned(), balances(code, Some(impacted)));
        if state != "DECLINED" {
            message.insert(
                "approval_code".to_owned(),
                format!("{:06}", identifier % 1_000_000).into(),
            );
        }
        message.insert(self.order_name().to_owned(), order.into());
        message.into()
    }

    const fn order_name(&self) -> &'static str {
        if self.is_credit { "gpa_order_unload" } else { "gpa_order" }
    }

    fn order(&self) -> Map<String, Value> {
        let mut funding = json!({
            "token": self.funding,
            "method": self.method,
            "user_token": self.user,
            "acting_user_token": self.user,
            "amount": number(self.funded),
        });
        if let Some(original) = &self.original {
            funding["original_jit_funding_token"] = original.as_str().into();
        }
        let order = json!({
            "token": format!("o{}", self.token.get(1..).unwrap_or_default()),
            "amount": number(self.funded),
            "transaction_token": self.token,
            "state": self.state,
            "funding": {"amount": number(self.funded), "source": {"type": "programgateway",
                "token": "**********way", "active": true, "name": "simulated"}},
            "funding_source_token": "**********way",
            "jit_funding": funding,
            "user_token": self.user,
            "currency_code": self.amount.currency().code(),
        });
        into_map(order)
    }

    fn message(&self, state: &str) -> Map<String, Value> {
        let code = self.amount.currency().code();
        let mut message = into_map(json!({
            "type": self.kind,
            "state": state,
            "token": self.token,
            "user_token": self.user,
            "acting_user_token": self.user,
            "card_token": self.card,
            "card_product_token": "simulated",
            "gpa": balances(code, None),
            "amount": number(self.amount),
            "request_amount": number(self.asked),
            "currency_code": code,
            "created_time": self.at,
            "user_transaction_time": self.at,
            "issuer_received_time": self.at,
            "network": "VISA",
            "subnetwork": "VISANET",
            "acquirer_fee_amount": 0,
            "acquirer": {"institution_id_code": "400001", "system_trace_audit_number": "000017"},
            "user": {"metadata": {}},
            "card": {"last_four": "0042", "metadata": {}},
            "card_acceptor": self.merchant,
            "pos": {"pan_entry_mode": "CHIP_CONTACTLESS", "pin_entry_mode": "FALSE",
                "card_holder_presence": true, "card_presence": true,
                "partial_approval_capable": false, "is_recurring": false},
            "transaction_metadata": {"payment_channel": "OTHER"},
        }));
        if let Some(preceding) = &self.preceding {
            let name = "preceding_related_transaction_token".to_owned();
            message.insert(name, preceding.as_str().into());
        }
        if let Some(is_final) = self.is_final {
            message.insert("is_final_clearing".to_owned(), is_final.into());
        }
        message
    }
}

/// Major units as a JSON number, with the digits that its text has.
pub(super) fn number(money: Money) -> Value {
    let text = money.to_string();
    text.parse::<serde_json::Number>().map_or(Value::Null, Value::Number)
}

fn success() -> Value {
    json!({"code": "0000", "memo": "Approved or completed successfully"})
}

fn balances(code: &str, impacted: Option<Value>) -> Value {
    let mut balances = json!({
        "currency_code": code, "ledger_balance": NO_MONEY, "available_balance": NO_MONEY,
        "credit_balance": NO_MONEY, "pending_credits": NO_MONEY,
    });
    if let Some(impacted) = impacted {
        balances["impacted_amount"] = impacted;
    }
    balances
}

fn into_map(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}
