//! The flows that a gateway must survive, played through the platform's own API as a client would.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::super::client::Ask;
use super::caller::Caller;
use super::seed::Seed;
use crate::domain::money::{Currency, Money};

/// A call waits for the gateway, and a little longer.
const CALL_LIMIT: Duration = Duration::from_secs(20);

/// More than any card may spend, in minor units.
const TOO_MUCH: i64 = 900_000_000_000;

/// What is called, with an amount of a flow's own unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Authorize(i64),
    /// One that must be declined.
    Decline,
    /// The answer comes too late.
    Late(i64),
    Increment(i64),
    /// To this total.
    Advise(i64),
    /// More may follow.
    Clear(i64),
    /// None follows.
    ClearLast(i64),
    Reverse(i64),
    ReverseAll,
    Refund(i64),
    ForcePost(i64),
    PinDebit(i64),
}

use Step::{
    Advise, Authorize, Clear, ClearLast, Decline, ForcePost, Increment, Late, PinDebit, Refund,
    Reverse, ReverseAll,
};

/// Each flow by its name.
const FLOWS: [(&str, &[Step]); 18] = [
    ("authorization and clearing", &[Authorize(48), ClearLast(48)]),
    ("several clearings", &[Authorize(100), Clear(30), Clear(30), ClearLast(40)]),
    ("a clearing above the hold", &[Authorize(50), ClearLast(60)]),
    ("a partial clearing that is the last", &[Authorize(80), ClearLast(30)]),
    ("a partial clearing with more to come", &[Authorize(80), Clear(30)]),
    ("authorization, advice, clearing", &[Authorize(48), Advise(40), ClearLast(40)]),
    (
        "authorization, increments, clearing",
        &[Authorize(50), Increment(20), Increment(10), ClearLast(80)],
    ),
    ("authorization and reversal", &[Authorize(60), ReverseAll]),
    ("a partial reversal and a clearing", &[Authorize(60), Reverse(25), ClearLast(35)]),
    ("authorization, clearing, refund", &[Authorize(70), ClearLast(70), Refund(70)]),
    ("a partial refund", &[Authorize(70), ClearLast(70), Refund(20)]),
    ("a clearing and the reversal of the rest", &[Authorize(90), Clear(40), ReverseAll]),
    ("a force post", &[ForcePost(33)]),
    ("a force post beside a hold", &[Authorize(40), ForcePost(33)]),
    ("a PIN debit", &[PinDebit(21)]),
    ("a decline", &[Decline]),
    ("an answer that comes too late", &[Late(45)]),
    ("a hold that stays", &[Authorize(15)]),
];

/// How many flows there are.
pub(super) const COUNT: usize = FLOWS.len();

/// A flow that was played.
#[derive(Debug)]
pub(super) struct Played {
    /// Which one.
    pub(super) flow: usize,
    /// What came of it.
    pub(super) outcome: Outcome,
}

/// What came of a flow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// All went as it must.
    Well,
    /// The gateway could not decide, and said so: an outage is an answer, but ends the flow.
    Undecided,
    /// Something was not as expected.
    Fault(String),
}

/// The memo of an answer that is not a decision.
const UNAVAILABLE: &str = "unavailable";

/// The name of a flow.
pub(super) fn name(flow: usize) -> &'static str {
    FLOWS.get(flow).map_or("", |(name, _)| name)
}

/// A client of the platform's API.
pub(super) struct Client {
    pub(super) caller: Caller,
    /// The `Authorization` header, if one is needed.
    pub(super) access: Option<String>,
    pub(super) currency: Currency,
}

impl Client {
    /// Creates something, and answers its token.
    pub(super) async fn create(&self, path: &str, body: Value) -> Result<String, String> {
        let created = self.post(path, &body).await?;
        Ok(created["token"].as_str().unwrap_or_default().to_owned())
    }

    /// Plays a flow on a card.
    pub(super) async fn play(&self, flow: usize, card: &str, seed: &Arc<Seed>) -> Played {
        let steps = FLOWS.get(flow).map_or(&[][..], |(_, steps)| steps);
        let unit = i64::try_from(seed.below(50)).unwrap_or(0) + 1;
        let outcome = match self.steps(steps, card, unit).await {
            Ok(outcome) => outcome,
            Err(fault) => Outcome::Fault(fault),
        };
        Played { flow, outcome }
    }

    /// Suspends a card, reinstates it and suspends it again: in whatever order that is told, the last
    /// state counts.
    pub(super) async fn turn(&self, card: &str) -> Result<(), String> {
        for state in ["SUSPENDED", "ACTIVE", "SUSPENDED"] {
            let body = json!({"card_token": card, "state": state});
            self.post("/v3/cardtransitions", &body).await?;
        }
        Ok(())
    }

    async fn steps(&self, steps: &[Step], card: &str, unit: i64) -> Result<Outcome, String> {
        let mut last: Option<String> = None;
        for step in steps {
            let (act, mut body) = self.call(*step, unit);
            match &last {
                Some(preceding) => {
                    body["preceding_related_transaction_token"] = preceding.as_str().into();
                }
                None => body["card_token"] = card.into(),
            }
            let path = format!("/v3/simulations/cardtransactions/{act}");
            let answer = self.post(&path, &body).await?;
            let transaction = &answer["transaction"];
            last = transaction["token"].as_str().map(str::to_owned);
            let declined = transaction["state"] == "DECLINED";
            if declined != matches!(step, Decline | Late(_)) {
                let log = &transaction["gpa_order"]["funding"]["gateway_log"];
                let funding = &log["response"]["data"]["jit_funding"];
                if funding["memo"] == UNAVAILABLE {
                    return Ok(Outcome::Undecided);
                }
                let what = if declined { "was declined" } else { "was not declined" };
                return Err(format!("{act} {what}: {}, {}", log["message"], funding["memo"]));
            }
        }
        Ok(Outcome::Well)
    }

    /// The route's last part, and the body.
    fn call(&self, step: Step, unit: i64) -> (&'static str, Value) {
        let amount = |units: i64| {
            let money = Money::new(units * unit, self.currency);
            json!({"amount": money.to_string(), "network": "VISA"})
        };
        let with = |mut body: Value, name: &str, value: bool| {
            body[name] = value.into();
            body
        };
        match step {
            Authorize(units) => ("authorization", amount(units)),
            Decline => {
                let money = Money::new(TOO_MUCH, self.currency);
                ("authorization", json!({"amount": money.to_string()}))
            }
            Late(units) => ("authorization", with(amount(units), "gateway_timeout", true)),
            Increment(units) => ("authorization.incremental", amount(units)),
            Advise(units) => ("authorization.advice", amount(units)),
            Clear(units) => {
                ("authorization.clearing", with(amount(units), "is_final_clearing", false))
            }
            ClearLast(units) => {
                ("authorization.clearing", with(amount(units), "is_final_clearing", true))
            }
            Reverse(units) => ("authorization.reversal", amount(units)),
            ReverseAll => ("authorization.reversal", json!({})),
            Refund(units) => ("refund", amount(units)),
            ForcePost(units) => ("authorization.clearing", with(amount(units), "force_post", true)),
            PinDebit(units) => ("pindebit", amount(units)),
        }
    }

    async fn post(&self, path: &str, body: &Value) -> Result<Value, String> {
        let mut ask = Ask::post(path, body.to_string());
        if let Some(access) = &self.access {
            ask = ask.with("authorization", access.clone());
        }
        let answer = self.caller.call(&ask, CALL_LIMIT).await.map_err(|error| error.to_string())?;
        let body = answer.json();
        if answer.status == 201 {
            return Ok(body);
        }
        let message = body["error_message"].as_str().unwrap_or_default();
        Err(format!("{path}: status {} {message}", answer.status))
    }
}
