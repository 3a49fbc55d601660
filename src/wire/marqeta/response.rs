//! Our answer, written strictly: one `jit_funding` object, only published members, amounts as
//! numbers in major units. The same decision always gives the same bytes.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer, ser};
use serde_json::value::RawValue;

use crate::domain::decision::{Balances, Decision, Echo};
use crate::domain::finding::{Reason, Refusal};
use crate::domain::money::Money;
use crate::domain::time::Timestamp;
use crate::domain::token::Token;

/// The memo of an answer that is not a decision: shed, outage, not judged in time.
pub const UNAVAILABLE: &str = "unavailable";

/// The memo where a token was used before for another request.
pub const TOKEN_REUSED: &str = "token_reused";

/// The longest memo, in characters.
const MEMO_LEN_MAX: usize = 99;

const APPROVED: u16 = 200;
const DECLINED: u16 = 402;

/// A status and a JSON body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// 200 approves, 402 declines.
    pub status: u16,
    /// `{"jit_funding": …}`
    pub body: Vec<u8>,
}

/// The answer to a stored decision.
pub fn encode(decision: &Decision) -> Answer {
    let tags = decision.authorization.to_string();
    let mut funding = Funding::echoing(&decision.token, &decision.echo);
    funding.tags = Some(&tags);
    funding.balances = decision.balances.map(|balances| balances_at(balances, decision.at));
    match &decision.refusal {
        Some(refusal) => funding.decline(refusal),
        None => funding.answer(APPROVED),
    }
}

/// The decline of a request that could not be decided. Nothing is stored; a repeat may be decided.
pub fn unavailable(token: &Token, echo: &Echo) -> Answer {
    const REFUSAL: Refusal = Refusal::new(Reason::TransactionNotPermitted, UNAVAILABLE);
    Funding::echoing(token, echo).decline(&REFUSAL)
}

/// The decline of a request whose token was used before for another one. Nothing is stored.
pub fn duplicate(token: &Token, echo: &Echo) -> Answer {
    const REFUSAL: Refusal = Refusal::new(Reason::DuplicateTransaction, TOKEN_REUSED);
    Funding::echoing(token, echo).decline(&REFUSAL)
}

/// The answer to a message that has no effect: its echo.
pub fn informative(token: &Token, echo: &Echo) -> Answer {
    Funding::echoing(token, echo).answer(APPROVED)
}

#[derive(Serialize)]
struct Body<'a> {
    jit_funding: &'a Funding<'a>,
}

#[derive(Serialize)]
struct Funding<'a> {
    token: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    method: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_token: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    acting_user_token: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    business_token: Option<&'a str>,
    amount: Major,
    #[serde(skip_serializing_if = "Option::is_none")]
    original_jit_funding_token: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    decline_reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    memo: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tags: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    balances: Option<BTreeMap<&'static str, Balance>>,
}

impl<'a> Funding<'a> {
    fn echoing(token: &'a Token, echo: &'a Echo) -> Self {
        Self {
            token: token.as_str(),
            method: echo.method.as_deref(),
            user_token: echo.user_token.as_ref().map(Token::as_str),
            acting_user_token: echo.acting_user_token.as_ref().map(Token::as_str),
            business_token: echo.business_token.as_ref().map(Token::as_str),
            amount: Major(echo.amount),
            original_jit_funding_token: echo.original_token.as_ref().map(Token::as_str),
            decline_reason: None,
            memo: None,
            tags: None,
            balances: None,
        }
    }

    fn decline(mut self, refusal: &'a Refusal) -> Answer {
        self.decline_reason = Some(refusal.reason.as_str());
        self.memo = Some(memo(refusal.code.as_str()));
        self.answer(DECLINED)
    }

    fn answer(self, status: u16) -> Answer {
        let body = serde_json::to_vec(&Body { jit_funding: &self })
            .expect("texts and numbers always become JSON");
        Answer { status, body }
    }
}

fn memo(code: &str) -> &str {
    let end = code.char_indices().nth(MEMO_LEN_MAX).map_or(code.len(), |(at, _)| at);
    code.get(..end).unwrap_or(code)
}

/// One account's balances. All members that the platform's schema knows are sent.
#[derive(Serialize)]
struct Balance {
    currency_code: &'static str,
    ledger_balance: Major,
    available_balance: Major,
    credit_balance: Major,
    cached_balance: Major,
    pending_credits: Major,
    last_updated_time: String,
}

fn balances_at(balances: Balances, at: Timestamp) -> BTreeMap<&'static str, Balance> {
    let major = |minor| Major(Some(Money::new(minor, balances.currency)));
    let balance = Balance {
        currency_code: balances.currency.code(),
        ledger_balance: major(balances.ledger),
        available_balance: major(balances.available),
        credit_balance: major(balances.limit),
        cached_balance: major(balances.available),
        pending_credits: major(0),
        last_updated_time: at.to_string(),
    };
    BTreeMap::from([(balances.currency.code(), balance)])
}

/// A JSON number in major units, from the amount's own text; 0 where there is no amount.
struct Major(Option<Money>);

impl Serialize for Major {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Some(money) = self.0 else { return serializer.serialize_u8(0) };
        let number = RawValue::from_string(money.to_string()).map_err(ser::Error::custom)?;
        number.serialize(serializer)
    }
}
