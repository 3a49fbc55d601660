//! Rows of the books, and back into the nouns they stand for.

use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde::de::value::Error as NameError;
use uuid::Uuid;
use uuid::fmt::Hyphenated;

use super::error::unreadable;
use crate::domain::authorization::Authorization;
use crate::domain::chain::Chain;
use crate::domain::decision::{Decision, Echo, Fingerprint};
use crate::domain::finding::Reason;
use crate::domain::id::{AccountId, AuthorizationId, CardId, CompanyId, Home, LimitId, UserId};
use crate::domain::money::{Currency, Money};
use crate::domain::party::Account;
use crate::domain::policy::{Counter, CounterKey, Member};
use crate::domain::posting::{Posting, Side};
use crate::domain::time::Timestamp;
use crate::domain::token::Token;
use crate::ledger::books::AppliedStep;
use crate::store::StoreError;
use crate::store::details::{ChainDetails, Explanation, refusal};

type Read<T> = Result<T, StoreError>;

/// The sides that have no row among the accounts.
const SETTLEMENT: Uuid = Uuid::from_u128(1);
const FUNDING: Uuid = Uuid::from_u128(2);
const DISPUTES: Uuid = Uuid::from_u128(3);

/// Everything here is of the business home.
pub(super) const fn account_id(id: Uuid) -> AccountId {
    AccountId::new(Home::Business, id)
}

pub(super) const fn authorization_id(id: Uuid) -> AuthorizationId {
    AuthorizationId::new(Home::Business, id)
}

pub(super) fn currency(code: &str) -> Read<Currency> {
    Currency::parse(code).ok_or_else(|| unreadable("not an ISO 4217 currency code"))
}

pub(super) fn token(text: &str) -> Read<Token> {
    text.parse().map_err(unreadable)
}

pub(super) fn maybe_token(text: Option<&str>) -> Read<Option<Token>> {
    text.map(token).transpose()
}

/// How a token is kept in the books: a UUID in its usual spelling as a zero and its sixteen bytes, any other token
/// as its letters, none of which is a zero.
pub(super) fn token_row(token: &Token) -> Vec<u8> {
    let text = token.as_str();
    let uuid = if text.len() == Hyphenated::LENGTH { Uuid::try_parse(text).ok() } else { None };
    if let Some(uuid) = uuid {
        let mut usual = Uuid::encode_buffer();
        if uuid.hyphenated().encode_lower(&mut usual) == text {
            return [&[0], uuid.as_bytes().as_slice()].concat();
        }
    }
    text.as_bytes().to_vec()
}

pub(super) fn packed_token(bytes: &[u8]) -> Read<Token> {
    let token: Result<Token, _> = match bytes {
        [0, uuid @ ..] => Uuid::from_slice(uuid).map_err(unreadable)?.to_string().parse(),
        text => std::str::from_utf8(text).map_err(unreadable)?.parse(),
    };
    token.map_err(unreadable)
}

/// A word of ours, as JSON would spell it.
pub(super) fn word<'a, T: Deserialize<'a>>(text: &'a str) -> Read<T> {
    T::deserialize(IntoDeserializer::<NameError>::into_deserializer(text)).map_err(unreadable)
}

pub(super) fn json<'a, T: Deserialize<'a>>(text: &'a str) -> Read<T> {
    serde_json::from_str(text).map_err(unreadable)
}

pub(super) fn fingerprint(bytes: &[u8]) -> Read<Fingerprint> {
    let bytes = <[u8; 16]>::try_from(bytes).map_err(unreadable)?;
    Ok(Fingerprint::from_bytes(bytes))
}

pub(super) fn money(minor: Option<i64>, code: Option<&str>) -> Read<Option<Money>> {
    let currency = code.map(currency).transpose()?;
    Ok(minor.zip(currency).map(|(minor, currency)| Money::new(minor, currency)))
}

fn time(micros: Option<i64>) -> Option<Timestamp> {
    micros.map(Timestamp::from_micros)
}

/// `accounts`.
pub(super) type AccountRow = (Uuid, String, i64, i64, i64, i64, i64);

pub(super) fn account(row: AccountRow) -> Read<Account> {
    let (id, code, limit, funded, held, posted, version) = row;
    let currency = currency(&code)?;
    Ok(Account { id: account_id(id), currency, limit, funded, held, posted, version })
}

/// `holds`.
pub(super) type ChainRow = (Uuid, Uuid, Uuid, String, i32, i64, Option<i64>, Option<Uuid>, String);

pub(super) fn chain(row: ChainRow) -> Read<Chain> {
    let (id, account, card, code, postings, opened, expires, merged, details) = row;
    let details: ChainDetails = json(&details)?;
    Ok(Chain {
        id: authorization_id(id),
        account: account_id(account),
        card: CardId::new(card),
        currency: currency(&code)?,
        merchant: details.merchant,
        told: details.told,
        totals: details.totals,
        closings: details.closings,
        uses: details.uses,
        postings: postings.try_into().map_err(unreadable)?,
        expires_at: time(expires),
        opened_at: Timestamp::from_micros(opened),
        merged_into: merged.map(authorization_id),
    })
}

/// What an answer echoes, without what other columns tell.
pub(super) fn echo_row(echo: &Echo, authorization: &Authorization) -> Echo {
    let mut echo = echo.clone();
    if echo.operation == authorization.operation {
        echo.operation = None;
    }
    if echo.amount == authorization.amount {
        echo.amount = None;
    }
    echo
}

/// `authorizations`, as decisions.
pub(super) type DecisionRow = (
    Vec<u8>,
    Vec<u8>,
    Uuid,
    Option<String>,
    Option<String>,
    Option<String>,
    bool,
    i64,
    String,
    Option<String>,
    Option<i64>,
    Option<String>,
    Option<Uuid>,
);

/// The decision, and the chain that its authorization belongs to.
pub(super) fn decision(row: DecisionRow) -> Read<(Decision, Option<AuthorizationId>)> {
    let (name, bytes, authorization, why, code, balances, repeated, at, ..) = row;
    let (operation, minor, chain) = (row.9, row.10, row.12);
    let mut echo: Echo = json(&row.8)?;
    if echo.operation.is_none() {
        echo.operation = operation.as_deref().map(word).transpose()?;
    }
    if echo.amount.is_none() {
        echo.amount = money(minor, row.11.as_deref())?;
    }
    let decision = Decision {
        token: packed_token(&name)?,
        fingerprint: fingerprint(&bytes)?,
        authorization: authorization_id(authorization),
        refusal: refusal(reason(why.as_deref())?, code),
        echo,
        balances: balances.as_deref().map(json).transpose()?,
        repeated,
        at: Timestamp::from_micros(at),
    };
    Ok((decision, chain.map(authorization_id)))
}

pub(super) fn reason(text: Option<&str>) -> Read<Option<Reason>> {
    text.map(word).transpose()
}

/// `intents`.
pub(super) type StepRow = (String, Vec<u8>, String);

pub(super) fn step(row: StepRow) -> Read<AppliedStep> {
    let (key, bytes, movement) = row;
    Ok(AppliedStep { key, fingerprint: fingerprint(&bytes)?, movement: json(&movement)? })
}

/// How a member is kept: its kind beside its id. A user's currency, if it has one, is its
/// company's.
pub(super) const fn member_row(member: Member) -> (i16, Uuid) {
    match member {
        Member::Card(id) => (0, id.uuid()),
        Member::User(id, _) => (1, id.uuid()),
        Member::Company(id) => (2, id.uuid()),
    }
}

/// `counters`.
pub(super) type CounterRow = (Uuid, Uuid, i16, i64, i64, i64, Option<String>);

pub(super) fn counter(row: CounterRow) -> Read<(CounterKey, Counter)> {
    let (limit, member, kind, window_start, amount, count, code) = row;
    let member = match kind {
        0 => Member::Card(CardId::new(member)),
        1 => Member::User(UserId::new(member), code.as_deref().map(currency).transpose()?),
        2 => Member::Company(CompanyId::new(member)),
        _ => return Err(unreadable("a counter of an unknown kind of member")),
    };
    let window_start = Timestamp::from_micros(window_start);
    let key = CounterKey { limit: LimitId::new(limit), member };
    Ok((key, Counter { window_start, amount, count }))
}

/// How a side of a posting is kept.
pub(super) const fn side_row(side: Side) -> Uuid {
    match side {
        Side::Account(id) => id.uuid(),
        Side::Settlement => SETTLEMENT,
        Side::Funding => FUNDING,
        Side::Disputes => DISPUTES,
    }
}

fn side(id: Uuid) -> Side {
    match id {
        SETTLEMENT => Side::Settlement,
        FUNDING => Side::Funding,
        DISPUTES => Side::Disputes,
        account => Side::Account(account_id(account)),
    }
}

/// `postings`.
pub(super) type PostingRow = (Uuid, i32, Uuid, Uuid, i64, String, String, i64);

pub(super) fn posting(row: PostingRow) -> Read<Posting> {
    let (source, number, debit, credit, amount, code, cause, at) = row;
    Ok(Posting {
        source: authorization_id(source),
        number: number.try_into().map_err(unreadable)?,
        debit: side(debit),
        credit: side(credit),
        amount: Money::new(amount, currency(&code)?),
        cause: word(&cause)?,
        at: Timestamp::from_micros(at),
    })
}

/// `authorizations`.
pub(super) type AuthorizationRow = (
    Uuid,
    Vec<u8>,
    Option<Vec<u8>>,
    Option<Uuid>,
    Option<Uuid>,
    Option<Uuid>,
    Option<String>,
    Option<i64>,
    Option<String>,
    i64,
    Option<String>,
    Option<String>,
    i64,
    String,
);

pub(super) fn authorization(row: AuthorizationRow) -> Read<Authorization> {
    let (id, name, transaction, chain, card, account, operation, minor, code, ..) = row;
    let (held, why, refused, at, details) = (row.9, row.10, row.11, row.12, row.13);
    let explained: Explanation = json(&details)?;
    Ok(Authorization {
        id: authorization_id(id),
        token: packed_token(&name)?,
        door: explained.door,
        operation: operation.as_deref().map(word).transpose()?,
        transaction: transaction.as_deref().map(packed_token).transpose()?,
        preceding: explained.preceding,
        original: explained.original,
        chain: chain.map(authorization_id),
        card: card.map(CardId::new),
        account: account.map(account_id),
        amount: money(minor, code.as_deref())?,
        held,
        refusal: refusal(reason(why.as_deref())?, refused),
        thinned: explained.findings.is_none(),
        findings: explained.findings.unwrap_or_default(),
        stages: explained.stages,
        merchant: explained.merchant,
        entry_mode: explained.entry_mode,
        channel: explained.channel,
        at: Timestamp::from_micros(at),
    })
}
