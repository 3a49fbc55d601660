//! The platform's question, read leniently: unknown, missing, null, padded and renamed fields are
//! no fault. Once the funding token can be read, whatever else is wrong is a decline.

use std::sync::Arc;

use super::amount::{ZERO, amount, currency};
use super::field::{Field, WrongType, literal, object, string, word};
use super::merchant::merchant;
use super::method::{MethodClass, Order, classify};
use super::shape::{Funding, Message, Metadata, Pos};
use crate::domain::decision::{Echo, Fingerprint};
use crate::domain::finding::{Reason, Refusal};
use crate::domain::money::Money;
use crate::domain::request::{AuthRequest, Door, FaultyRequest, Operation};
use crate::domain::token::Token;

/// The most days that a hold may be asked to live.
const HOLD_DAYS_MAX: u16 = 365;

const CARD_MISSING: Refusal = Refusal::new(Reason::InvalidCard, "card.missing");
const INVALID: Refusal = Refusal::new(Reason::TransactionNotPermitted, "request.invalid");

/// A message that could be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JitMessage {
    /// To be decided.
    Judge(AuthRequest),
    /// To be declined, and the decline to be stored.
    Faulty(FaultyRequest),
    /// To be answered with its echo; it has no effect.
    Informative(Informative),
}

/// A message that tells of something that has happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Informative {
    /// The funding token.
    pub token: Token,
    /// What the answer repeats.
    pub echo: Echo,
}

/// A message whose funding token can not be read: answered 400.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct Unreadable {
    /// The stable code.
    pub code: &'static str,
    /// One sentence for a person.
    pub detail: &'static str,
    /// A JSON pointer to the field at fault; empty: the whole body.
    pub pointer: &'static str,
}

/// Reads a transaction object. The body has passed the scanner.
pub fn decode(body: &[u8]) -> Result<JitMessage, Unreadable> {
    let message: Message<'_> = serde_json::from_slice(body).map_err(|_| MALFORMED)?;
    let funding = message.funding().ok_or(NO_FUNDING)?;
    let token = token(funding.data.token).ok().flatten().ok_or(no_token(funding.order))?;
    let reader = Reader { message, funding };
    let method = string(reader.funding.data.method).ok().flatten();
    Ok(match classify(method.as_deref(), reader.funding.order) {
        MethodClass::Informative => {
            JitMessage::Informative(Informative { token, echo: reader.echo() })
        }
        MethodClass::Judge(operation) => match reader.request(&token, operation) {
            Ok(request) => JitMessage::Judge(request),
            Err(refusal) => JitMessage::Faulty(reader.faulty(token, operation, refusal)),
        },
    })
}

const MALFORMED: Unreadable = Unreadable {
    code: "malformed_json",
    detail: "the body is not a transaction object",
    pointer: "",
};

const NO_FUNDING: Unreadable = Unreadable {
    code: "missing_field",
    detail: "neither gpa_order nor gpa_order_unload has a jit_funding object",
    pointer: "/gpa_order/jit_funding",
};

const fn no_token(order: Order) -> Unreadable {
    Unreadable {
        code: "invalid_token",
        detail: "jit_funding.token must be a string of 1 to 36 characters of A-Z a-z 0-9 . _ : -",
        pointer: match order {
            Order::Load => "/gpa_order/jit_funding/token",
            Order::Unload => "/gpa_order_unload/jit_funding/token",
        },
    }
}

impl From<WrongType> for Refusal {
    fn from(_: WrongType) -> Self {
        INVALID
    }
}

/// A message whose funding data has been found.
struct Reader<'a> {
    message: Message<'a>,
    funding: Funding<'a>,
}

impl<'a> Reader<'a> {
    /// Everything that a decision needs, or the first fault: card before users before merchant, the
    /// amount last.
    fn request(&self, token: &Token, operation: Operation) -> Result<AuthRequest, Refusal> {
        let Self { message, .. } = self;
        let pos: Pos<'_> = object(message.pos)?.unwrap_or_default();
        let metadata: Metadata<'_> = object(message.transaction_metadata)?.unwrap_or_default();
        Ok(AuthRequest {
            token: token.clone(),
            door: Door::Marqeta,
            operation,
            card: card(message.card_token)?,
            acting_user: self::token(self.acting_user_token())?,
            user: self::token(self.user_token())?,
            business: self::token(self.business_token())?,
            merchant: merchant(message.card_acceptor)?,
            entry_mode: keyword(pos.pan_entry_mode)?,
            channel: keyword(metadata.payment_channel)?,
            transaction: link(message.token),
            preceding: link(message.preceding_related_transaction_token),
            original: self::token(self.funding.data.original_jit_funding_token)?,
            method: string(self.funding.data.method)?.map(Arc::from),
            hold_days: days(metadata.authorization_life_cycle),
            partial: truth(pos.partial_approval_capable),
            amount: self.amount_for(operation)?,
        })
    }

    fn amount_for(&self, operation: Operation) -> Result<Money, Refusal> {
        let amount = self.amount()?;
        if amount.minor() == 0 && !operation.may_be_zero() { Err(ZERO) } else { Ok(amount) }
    }

    fn amount(&self) -> Result<Money, Refusal> {
        amount(self.funding.data.amount, currency(self.currency_code())?)
    }

    /// Of the message, else of the order, else of the account at the platform.
    fn currency_code(&self) -> Field<'a> {
        let code = self.message.currency_code.or(self.funding.currency_code);
        code.or_else(|| self.message.gpa_currency_code())
    }

    fn acting_user_token(&self) -> Field<'a> {
        self.funding.data.acting_user_token.or(self.message.acting_user_token)
    }

    fn user_token(&self) -> Field<'a> {
        self.funding.data.user_token.or(self.message.user_token)
    }

    fn business_token(&self) -> Field<'a> {
        self.funding.data.business_token.or(self.message.business_token)
    }

    /// What is told apart by its literal text, because it could not be read.
    fn faulty(&self, token: Token, operation: Operation, refusal: Refusal) -> FaultyRequest {
        let fingerprint = Fingerprint::of(&[
            literal(self.message.card_token),
            literal(self.funding.data.amount),
            literal(self.currency_code()),
            literal(self.funding.data.method),
            literal(self.funding.data.original_jit_funding_token),
            if operation.is_credit() { "credit" } else { "debit" },
        ]);
        FaultyRequest { token, door: Door::Marqeta, refusal, fingerprint, echo: self.echo() }
    }

    /// What can be read of what an answer repeats.
    fn echo(&self) -> Echo {
        Echo {
            method: string(self.funding.data.method).ok().flatten().map(Arc::from),
            amount: self.amount().ok(),
            user_token: link(self.user_token()),
            acting_user_token: link(self.acting_user_token()),
            business_token: link(self.business_token()),
            original_token: link(self.funding.data.original_jit_funding_token),
            ..Echo::default()
        }
    }
}

/// A flag that only offers something: one that can not be read offers nothing. Older messages write
/// `"1"`.
fn truth(field: Field<'_>) -> bool {
    matches!(literal(field), "true" | "\"true\"" | "\"1\"" | "1")
}

/// A token, or nothing; anything else is a fault.
fn token(field: Field<'_>) -> Result<Option<Token>, WrongType> {
    string(field)?.map(|text| text.parse().map_err(|_| WrongType)).transpose()
}

/// A token that only links or repeats: one that can not be read is none.
fn link(field: Field<'_>) -> Option<Token> {
    token(field).ok().flatten()
}

fn card(field: Field<'_>) -> Result<Token, Refusal> {
    link(field).ok_or(CARD_MISSING)
}

/// A member of one of the platform's enumerations: upper case, without padding.
fn keyword(field: Field<'_>) -> Result<Option<Arc<str>>, WrongType> {
    Ok(word(field)?.map(|text| text.to_ascii_uppercase().into()))
}

fn days(field: Field<'_>) -> Option<u16> {
    let days = word(field).ok().flatten()?.parse().ok()?;
    (1..=HOLD_DAYS_MAX).contains(&days).then_some(days)
}
