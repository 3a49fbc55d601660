//! A transaction as it is notified: what it does to the books, read leniently. Nothing here is refused
//! that has already happened; what can not be understood is parked for a person.

use std::sync::Arc;

use serde::Deserialize;

use super::super::field::{Field, list, object, string, word};
use super::super::merchant::merchant;
use super::super::method::{MethodClass, Order as FundingOrder, classify};
use super::super::shape::{Message, Metadata, Pos};
use super::kind::{Kind, Verb, is_known, kind};
use super::money::{Source, first_of};
use super::transition::time;
use crate::domain::decision::{Echo, Fingerprint};
use crate::domain::finding::Refusal;
use crate::domain::money::Money;
use crate::domain::request::{AuthRequest, Door, Operation};
use crate::domain::time::Timestamp;
use crate::domain::token::Token;

/// The most days that a hold may be asked to live.
const HOLD_DAYS_MAX: u16 = 365;

/// The platform's codes for success.
const SUCCESSES: [&str; 3] = ["0000", "0002", "1830"];

/// What a transaction tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// A message was approved. The request's token is the funding token, or the transaction's where
    /// none is named.
    Approved {
        /// The message.
        request: AuthRequest,
        /// The funding token.
        funding: Option<Token>,
    },
    /// A message was declined, or our answer was not waited for.
    Declined {
        /// The card, where it is named.
        card: Option<Token>,
        /// The funding token.
        funding: Option<Token>,
        /// What an answer to it would repeat.
        echo: Echo,
        /// Whether the platform did not wait for us.
        timed_out: bool,
    },
    /// Something has happened.
    Moved {
        /// The card.
        card: Token,
        /// What.
        verb: Verb,
        /// How much.
        amount: Amount,
        /// Whether it is the last clearing, or a reversal of all.
        whole: bool,
        /// Transactions that it follows.
        preceding: Vec<Token>,
        /// The first funding token of the purchase.
        original: Option<Token>,
    },
    /// Nothing that concerns the books; why.
    Nothing(&'static str),
}

/// How much a step is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Amount {
    /// So much.
    By(Money),
    /// The purchase shall stand at this total.
    Total(Money),
}

/// Why a transaction is parked: a stable code.
pub type Parked = &'static str;

/// Fields of a notification that a request has not.
#[derive(Default, Deserialize)]
pub(super) struct Notified<'a> {
    #[serde(borrow)]
    pub(super) r#type: Field<'a>,
    #[serde(borrow)]
    pub(super) state: Field<'a>,
    #[serde(borrow)]
    pub(super) created_time: Field<'a>,
    #[serde(borrow)]
    pub(super) amount: Field<'a>,
    #[serde(borrow)]
    response: Field<'a>,
    #[serde(borrow)]
    is_final_clearing: Field<'a>,
    #[serde(borrow)]
    incremental_authorization_transaction_tokens: Field<'a>,
}

#[derive(Default, Deserialize)]
struct Coded<'a> {
    #[serde(borrow)]
    code: Field<'a>,
}

#[derive(Default, Deserialize)]
struct Order<'a> {
    #[serde(borrow)]
    funding: Field<'a>,
}

#[derive(Default, Deserialize)]
struct OrderFunding<'a> {
    #[serde(borrow)]
    gateway_log: Field<'a>,
}

#[derive(Default, Deserialize)]
struct GatewayLog<'a> {
    #[serde(borrow)]
    transaction_id: Field<'a>,
    #[serde(borrow)]
    timed_out: Field<'a>,
}

/// How the platform says a transaction ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ended {
    Approved,
    Declined,
}

/// A transaction that can be read: an element of `transactions`, or one that the platform lists. Both
/// are read here, so that what is notified and what is listed mean the same.
pub(in crate::wire::marqeta) struct Transaction<'a> {
    text: &'a str,
    pub(in crate::wire::marqeta) token: Token,
    message: Message<'a>,
    pub(super) notified: Notified<'a>,
}

impl<'a> Transaction<'a> {
    /// Takes it apart, or says why it can not be.
    pub(in crate::wire::marqeta) fn read(text: &'a str) -> Result<Self, Parked> {
        let message: Message<'_> = serde_json::from_str(text).map_err(|_| "malformed")?;
        let notified: Notified<'_> = serde_json::from_str(text).map_err(|_| "malformed")?;
        let token = link(message.token).ok_or("token_unreadable")?;
        Ok(Self { text, token, message, notified })
    }

    /// When the platform made it.
    pub(in crate::wire::marqeta) fn created(&self) -> Option<Timestamp> {
        time(self.notified.created_time)
    }

    /// What it tells, or why it is parked.
    pub(in crate::wire::marqeta) fn told(&self) -> Result<Told, Parked> {
        let name = word(self.notified.r#type).map_err(|_| "type_unreadable")?;
        let name = name.ok_or("type_missing")?;
        let method = self.method();
        let kind = kind(&name, method.as_deref());
        if let Some(told) = self.revoked(kind) {
            return Ok(told);
        }
        match kind {
            Kind::Nothing if is_known(&name, method.as_deref()) => Ok(Told::Nothing("no_money")),
            Kind::Nothing => Ok(Told::Nothing("unknown_type")),
            Kind::Message(operation) => self.message(operation),
            Kind::Step(verb) => self.step(self.verb(verb, method.as_deref())),
        }
    }

    fn method(&self) -> Option<String> {
        let funding = self.message.funding()?;
        word(funding.data.method).ok().flatten().map(Into::into)
    }

    fn ended(&self) -> Result<Ended, Parked> {
        let state = word(self.notified.state).ok().flatten().ok_or("state_missing")?;
        let response: Option<Coded<'_>> = object(self.notified.response).ok().flatten();
        let code = response.and_then(|it| word(it.code).ok().flatten());
        let failed = code.is_some_and(|code| !SUCCESSES.contains(&&*code));
        match state.to_ascii_uppercase().as_str() {
            "PENDING" | "CLEARED" | "COMPLETION" if !failed => Ok(Ended::Approved),
            "PENDING" | "CLEARED" | "COMPLETION" | "DECLINED" | "ERROR" => Ok(Ended::Declined),
            _ => Err("state_unknown"),
        }
    }

    /// A clearing that follows nothing is posted without an authorization.
    fn verb(&self, verb: Verb, method: Option<&str>) -> Verb {
        let forced = method.is_some_and(|it| it.trim().eq_ignore_ascii_case("pgfs.force_capture"));
        let follows = !self.preceding().is_empty() || self.original().is_some();
        if verb == Verb::Clear && (forced || !follows) { Verb::ForcePost } else { verb }
    }

    fn message(&self, operation: Operation) -> Result<Told, Parked> {
        if self.ended()? == Ended::Declined {
            return Ok(self.declined(operation));
        }
        let amount = self.amount(&[Source::Funding, Source::Transaction])?;
        if amount.minor() == 0 {
            return Ok(Told::Nothing("verification"));
        }
        let funding = self.funding_token().or(self.gateway_log().0);
        let token = funding.clone().unwrap_or_else(|| self.token.clone());
        Ok(Told::Approved { request: self.request(token, operation, amount)?, funding })
    }

    fn declined(&self, operation: Operation) -> Told {
        let (logged, timed_out) = self.gateway_log();
        let (card, funding) = (link(self.message.card_token), self.funding_token().or(logged));
        Told::Declined { card, funding, echo: self.echo(operation), timed_out }
    }

    /// What is no message by its type was judged all the same if its funding method is none that only
    /// informs: what was held or moved under its token is given back when it is declined.
    fn revoked(&self, kind: Kind) -> Option<Told> {
        let class = match (kind, self.message.funding()) {
            (Kind::Message(_), _) | (Kind::Step(_), None) => return None,
            (_, Some(funding)) => classify(self.method().as_deref(), funding.order),
            // The gateway's log alone may name the token of what nobody knows.
            (Kind::Nothing, None) => classify(None, FundingOrder::Load),
        };
        let MethodClass::Judge(operation) = class else { return None };
        let moves = operation.spends() || operation == Operation::Credit;
        if !moves || self.ended() != Ok(Ended::Declined) {
            return None;
        }
        let told = self.declined(operation);
        matches!(told, Told::Declined { funding: Some(_), .. }).then_some(told)
    }

    fn request(
        &self,
        token: Token,
        operation: Operation,
        amount: Money,
    ) -> Result<AuthRequest, Parked> {
        let message = &self.message;
        let pos: Pos<'_> = object(message.pos).ok().flatten().unwrap_or_default();
        let metadata: Metadata<'_> =
            object(message.transaction_metadata).ok().flatten().unwrap_or_default();
        let echo = self.echo(operation);
        Ok(AuthRequest {
            token,
            door: Door::Notice,
            operation,
            amount,
            card: self.card()?,
            acting_user: echo.acting_user_token,
            user: echo.user_token,
            business: echo.business_token,
            merchant: merchant(message.card_acceptor).unwrap_or_default(),
            entry_mode: keyword(pos.pan_entry_mode),
            channel: keyword(metadata.payment_channel),
            transaction: Some(self.token.clone()),
            preceding: self.preceding().into_iter().next(),
            original: echo.original_token,
            method: echo.method,
            hold_days: days(metadata.authorization_life_cycle),
            partial: false,
        })
    }

    fn step(&self, verb: Verb) -> Result<Told, Parked> {
        if self.ended()? == Ended::Declined {
            return Ok(Told::Nothing("declined"));
        }
        let state = word(self.notified.state).ok().flatten().unwrap_or_default();
        let pending = state.eq_ignore_ascii_case("PENDING");
        if pending && matches!(verb, Verb::Clear | Verb::ForcePost | Verb::Refund) {
            return Ok(Told::Nothing("not_final"));
        }
        let whole = match verb {
            Verb::Reverse => state.eq_ignore_ascii_case("CLEARED"),
            Verb::Clear => self.is_final(),
            _ => false,
        };
        Ok(Told::Moved {
            card: self.card()?,
            verb,
            amount: self.step_amount(verb, whole)?,
            whole,
            preceding: self.preceding(),
            original: self.original(),
        })
    }

    fn step_amount(&self, verb: Verb, whole: bool) -> Result<Amount, Parked> {
        use Source::{Funding, Impacted, Order, Transaction};
        if verb == Verb::Advise {
            // `amount` is the new total here; the difference is told by the others.
            return match self.amount(&[Funding, Impacted, Order]) {
                Ok(by) => Ok(Amount::By(by)),
                Err(_) => self.amount(&[Transaction]).map(Amount::Total),
            };
        }
        let found = self.amount(&[Funding, Impacted, Transaction]);
        match found {
            // All of it is given back, however much that is.
            Err(_) if verb == Verb::Expire || whole && verb == Verb::Reverse => {
                let currency = super::money::currency(&self.message).map_err(|_| "currency")?;
                Ok(Amount::By(Money::zero(currency)))
            }
            found => found.map(Amount::By),
        }
    }

    fn amount(&self, sources: &[Source]) -> Result<Money, Parked> {
        first_of(self.text, &self.message, sources).map_err(|refusal| reason(&refusal))
    }

    fn is_final(&self) -> bool {
        let literal = word_or_literal(self.notified.is_final_clearing);
        literal.eq_ignore_ascii_case("true")
    }

    fn card(&self) -> Result<Token, Parked> {
        link(self.message.card_token).ok_or("card_missing")
    }

    /// Its own funding event.
    pub(in crate::wire::marqeta) fn funding_token(&self) -> Option<Token> {
        link(self.message.funding()?.data.token)
    }

    /// The funding token as the gateway's log has it, and whether it timed out.
    fn gateway_log(&self) -> (Option<Token>, bool) {
        let orders = [self.message.gpa_order, self.message.gpa_order_unload];
        let log = orders.into_iter().find_map(|order| {
            let order: Order<'_> = object(order).ok().flatten()?;
            let funding: OrderFunding<'_> = object(order.funding).ok().flatten()?;
            object::<GatewayLog<'_>>(funding.gateway_log).ok().flatten()
        });
        let Some(log) = log else { return (None, false) };
        (link(log.transaction_id), word_or_literal(log.timed_out).eq_ignore_ascii_case("true"))
    }

    /// Transactions that it follows.
    pub(in crate::wire::marqeta) fn preceding(&self) -> Vec<Token> {
        let increments = self.notified.incremental_authorization_transaction_tokens;
        let increments = list(increments).unwrap_or_default();
        let first = self.message.preceding_related_transaction_token;
        std::iter::once(first).chain(increments).filter_map(link).collect()
    }

    /// The first funding event of its purchase.
    pub(in crate::wire::marqeta) fn original(&self) -> Option<Token> {
        link(self.message.funding()?.data.original_jit_funding_token)
    }

    /// What can be read of what an answer repeats.
    fn echo(&self, operation: Operation) -> Echo {
        let funding = self.message.funding();
        let data = funding.as_ref().map(|funding| &funding.data);
        let of =
            |own: fn(&super::super::shape::FundingData<'_>) -> Option<Token>| data.and_then(own);
        Echo {
            operation: Some(operation),
            method: data.and_then(|data| string(data.method).ok().flatten()).map(Arc::from),
            amount: self.amount(&[Source::Funding, Source::Transaction]).ok(),
            requested: None,
            user_token: of(|data| link(data.user_token)).or(link(self.message.user_token)),
            acting_user_token: of(|data| link(data.acting_user_token))
                .or(link(self.message.acting_user_token)),
            business_token: of(|data| link(data.business_token))
                .or(link(self.message.business_token)),
            original_token: self.original(),
        }
    }

    /// What must be the same for a repeat to be a repeat.
    pub(super) fn fingerprint(&self) -> Fingerprint {
        let literal = super::super::field::literal;
        let funding = self.message.funding();
        let funding = |part: fn(&super::super::shape::FundingData<'_>) -> String| {
            funding.as_ref().map(|funding| part(&funding.data)).unwrap_or_default()
        };
        Fingerprint::of(&[
            literal(self.notified.r#type),
            literal(self.message.card_token),
            literal(self.notified.amount),
            &funding(|data| literal_text(data.amount)),
            &funding(|data| literal_text(data.token)),
            literal(self.message.preceding_related_transaction_token),
        ])
    }
}

fn literal_text(field: Field<'_>) -> String {
    super::super::field::literal(field).to_owned()
}

/// A token that names something; one that can not be read names nothing.
pub(super) fn link(field: Field<'_>) -> Option<Token> {
    string(field).ok().flatten()?.parse().ok()
}

/// A string without quotes, or the literal.
fn word_or_literal(field: Field<'_>) -> String {
    match string(field) {
        Ok(Some(text)) => text.trim().to_owned(),
        _ => literal_text(field),
    }
}

fn keyword(field: Field<'_>) -> Option<Arc<str>> {
    word(field).ok().flatten().map(|text| text.to_ascii_uppercase().into())
}

fn days(field: Field<'_>) -> Option<u16> {
    let days = word(field).ok().flatten()?.parse().ok()?;
    (1..=HOLD_DAYS_MAX).contains(&days).then_some(days)
}

/// The codes of amounts, as reasons to park.
fn reason(refusal: &Refusal) -> Parked {
    match refusal.code.as_str() {
        "currency.invalid" => "currency_invalid",
        "amount.missing" => "amount_missing",
        "amount.too_many_decimals" => "amount_too_many_decimals",
        "amount.out_of_range" => "amount_out_of_range",
        _ => "amount_invalid",
    }
}

impl Told {
    /// Why it does nothing, if it does.
    pub const fn nothing(&self) -> Option<&'static str> {
        match self {
            Self::Nothing(why) => Some(why),
            _ => None,
        }
    }
}
