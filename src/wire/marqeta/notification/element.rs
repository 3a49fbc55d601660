//! One element: its identity, by which it is kept once, and what it tells.

use serde_json::value::RawValue;

use super::message::{Parked, Told, Transaction, link};
use super::transition::{CardMoved, CompanyMoved, Fields, UserMoved};
use super::{Family, Raw};
use crate::domain::decision::Fingerprint;
use crate::domain::time::Timestamp;
use crate::domain::token::Token;
use crate::wire::marqeta::field::{object, word};
use crate::wire::scan::scan;

/// An element that has been looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Element {
    /// Its family.
    pub family: Family,
    /// What it is kept once under: family, token and, where it changes, state.
    pub key: String,
    /// The token, where it can be read.
    pub token: Option<Token>,
    /// The type of a transaction, the new state of a transition.
    pub kind: Option<String>,
    /// Whose state changes: only the newest of these counts.
    pub subject: Option<String>,
    /// When it happened.
    pub at: Option<Timestamp>,
    /// What must be the same for a repeat to be a repeat.
    pub fingerprint: Fingerprint,
    /// What it tells, or why it is parked.
    pub content: Result<Content, Parked>,
}

/// What an element tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// Of a transaction, with its token.
    Transaction(Token, Told),
    /// Of a card.
    Card(CardMoved),
    /// Of a cardholder.
    User(UserMoved),
    /// Of a company.
    Company(CompanyMoved),
    /// Nothing that concerns us; why.
    Nothing(&'static str),
}

/// The longest type or state that is kept.
const KIND_BYTES_MAX: usize = 64;

/// Looks at an element. This can not fail: one that can not be read has a key of its own, and content
/// that says why.
pub fn read(raw: Raw<'_>) -> Element {
    match identified(raw) {
        Ok(element) => element,
        Err(parked) => Element {
            family: raw.family,
            key: format!("{}:#{}", raw.family.as_str(), Fingerprint::of(&[raw.text])),
            token: None,
            kind: None,
            subject: None,
            at: None,
            fingerprint: Fingerprint::of(&[raw.text]),
            content: Err(parked),
        },
    }
}

/// The element, if it has a token; else why not.
fn identified(raw: Raw<'_>) -> Result<Element, Parked> {
    scan(raw.text.as_bytes()).map_err(|error| error.code())?;
    match raw.family {
        Family::Transaction => transaction(raw),
        Family::Card
        | Family::User
        | Family::Business
        | Family::DigitalWallet
        | Family::Chargeback
        | Family::ThreeDs
        | Family::Ping
        | Family::Other => transition(raw),
    }
}

fn transaction(raw: Raw<'_>) -> Result<Element, Parked> {
    let transaction = Transaction::read(raw.text)?;
    let (token, notified) = (transaction.token.clone(), &transaction.notified);
    let short = |field| word(field).ok().flatten().map(|text| shortened(&text));
    let kind = short(notified.r#type);
    let state = short(notified.state).unwrap_or_default().to_ascii_uppercase();
    let at = transaction.created();
    Ok(Element {
        family: raw.family,
        key: format!("{}:{token}:{state}", raw.family.as_str()),
        kind,
        subject: None,
        at,
        fingerprint: transaction.fingerprint(),
        content: transaction.told().map(|told| Content::Transaction(token.clone(), told)),
        token: Some(token),
    })
}

fn transition(raw: Raw<'_>) -> Result<Element, Parked> {
    let text: &RawValue = serde_json::from_str(raw.text).map_err(|_| "malformed")?;
    let fields: Fields<'_> = object(Some(text)).ok().flatten().ok_or("malformed")?;
    let token = link(fields.token).ok_or("token_unreadable")?;
    let of = |what: &str, token: Option<Token>| token.map(|token| format!("{what}:{token}"));
    let (subject, content) = match raw.family {
        Family::Card => (of("card", link(fields.card_token)), fields.card().map(Content::Card)),
        Family::User => (of("user", link(fields.user_token)), fields.user().map(Content::User)),
        Family::Business => {
            let subject = of("company", link(fields.business_token));
            (subject, fields.company().map(Content::Company))
        }
        Family::Ping => (None, Ok(Content::Nothing("ping"))),
        Family::Other => (None, Ok(Content::Nothing("unknown_family"))),
        _ => (None, Ok(Content::Nothing("no_effect"))),
    };
    let kind = word(fields.state.or(fields.status)).ok().flatten();
    // Nobody knows what tokens mean in families that nobody knows.
    let name = match raw.family {
        Family::Other => format!("#{}", Fingerprint::of(&[raw.text])),
        _ => token.to_string(),
    };
    Ok(Element {
        family: raw.family,
        key: format!("{}:{name}", raw.family.as_str()),
        kind: kind.map(|text| shortened(&text)),
        subject,
        at: fields.at(),
        fingerprint: fields.fingerprint(),
        content,
        token: Some(token),
    })
}

/// A word of the platform's, cut to what a row and a log line may hold.
fn shortened(text: &str) -> String {
    let legal = |c: &char| c.is_ascii_alphanumeric() || "._-".contains(*c);
    text.chars().filter(legal).take(KIND_BYTES_MAX).collect()
}
