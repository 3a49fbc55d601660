//! Rows of the books, as statements put them together, and back into the nouns they stand for.

use std::sync::Arc;

use serde::Deserialize;

use super::error::unreadable;
use crate::domain::authorization::Authorization;
use crate::domain::chain::Chain;
use crate::domain::decision::{Balances, Decision, Echo, Fingerprint};
use crate::domain::finding::Reason;
use crate::domain::id::{AccountId, AuthorizationId, CardId, LimitId};
use crate::domain::money::{Currency, Money};
use crate::domain::party::Account;
use crate::domain::policy::{Counter, CounterKey, Member};
use crate::domain::posting::{Cause, Movement, Posting};
use crate::domain::request::Operation;
use crate::domain::time::Timestamp;
use crate::domain::token::Token;
use crate::ledger::books::AppliedStep;
use crate::store::details::{ChainDetails, Explanation, refusal};
use crate::store::{AccountSums, ChainSums, RowCounts, StoreError};

/// `accounts`.
pub(super) type AccountRow = (AccountId, Currency, i64, i64, i64, i64, i64);

pub(super) const fn account(row: AccountRow) -> Account {
    let (id, currency, limit, funded, held, posted, version) = row;
    Account { id, currency, limit, funded, held, posted, version }
}

/// `holds`.
#[derive(Deserialize)]
pub(super) struct ChainRow(
    AuthorizationId,
    AccountId,
    CardId,
    Currency,
    u32,
    Timestamp,
    Option<Timestamp>,
    Option<AuthorizationId>,
    ChainDetails,
);

pub(super) fn chain(row: ChainRow) -> Chain {
    let ChainRow(id, account, card, currency, postings, opened_at, expires_at, merged, details) =
        row;
    Chain {
        id,
        account,
        card,
        currency,
        merchant: details.merchant,
        told: details.told,
        totals: details.totals,
        closings: details.closings,
        uses: details.uses,
        postings,
        expires_at,
        opened_at,
        merged_into: merged,
    }
}

/// `decisions`, each with the chain of its authorization.
pub(super) type DecisionRow = (
    Token,
    Fingerprint,
    AuthorizationId,
    Option<Reason>,
    Option<String>,
    Option<Balances>,
    i64,
    Timestamp,
    Echo,
    Option<AuthorizationId>,
);

/// The decision, and the chain that its authorization belongs to.
pub(super) fn decision(row: DecisionRow) -> (Decision, Option<AuthorizationId>) {
    let (token, fingerprint, authorization, reason, code, balances, ..) = row;
    let (repeated, at, echo, chain) = (row.6, row.7, row.8, row.9);
    let decision = Decision {
        token,
        fingerprint,
        authorization,
        refusal: refusal(reason, code),
        echo,
        balances,
        repeated: repeated != 0,
        at,
    };
    (decision, chain)
}

/// `intents`.
pub(super) type StepRow = (String, Fingerprint, Arc<Movement>);

pub(super) fn step(row: StepRow) -> AppliedStep {
    let (key, fingerprint, movement) = row;
    AppliedStep { key, fingerprint, movement }
}

/// `counters`.
pub(super) type CounterRow = (LimitId, Member, Timestamp, i64, i64);

pub(super) fn counter(row: CounterRow) -> (CounterKey, Counter) {
    let (limit, member, window_start, amount, count) = row;
    (CounterKey { limit, member }, Counter { window_start, amount, count })
}

/// `postings`.
pub(super) type PostingRow =
    (AuthorizationId, u32, String, String, i64, Currency, Cause, Timestamp);

pub(super) fn posting(row: PostingRow) -> Result<Posting, StoreError> {
    let (source, number, debit, credit, amount, currency, cause, at) = row;
    Ok(Posting {
        source,
        number,
        debit: debit.parse().map_err(unreadable)?,
        credit: credit.parse().map_err(unreadable)?,
        amount: Money::new(amount, currency),
        cause,
        at,
    })
}

/// `authorizations`.
pub(super) type AuthorizationRow = (
    AuthorizationId,
    Token,
    Option<Token>,
    Option<AuthorizationId>,
    Option<CardId>,
    Option<AccountId>,
    Option<Operation>,
    Option<i64>,
    Option<Currency>,
    i64,
    Option<Reason>,
    Option<String>,
    Timestamp,
    Explanation,
);

pub(super) fn authorization(row: AuthorizationRow) -> Authorization {
    let (id, token, transaction, chain, card, account, operation, minor, currency, ..) = row;
    let (held, reason, code, at, why) = (row.9, row.10, row.11, row.12, row.13);
    Authorization {
        id,
        token,
        door: why.door,
        operation,
        transaction,
        preceding: why.preceding,
        original: why.original,
        chain,
        card,
        account,
        amount: minor.zip(currency).map(|(minor, currency)| Money::new(minor, currency)),
        held,
        refusal: refusal(reason, code),
        thinned: why.findings.is_none(),
        findings: why.findings.unwrap_or_default(),
        stages: why.stages,
        merchant: why.merchant,
        entry_mode: why.entry_mode,
        channel: why.channel,
        at,
    }
}

/// An account beside what its rows add up to.
pub(super) type AccountSumsRow = (AccountId, Currency, i64, i64, i64, i64, i64, i64, i64, i64, u64);

pub(super) const fn account_sums(row: AccountSumsRow) -> AccountSums {
    let (id, currency, limit, funded, held, posted, version, holds, debits, funding, causes) = row;
    AccountSums {
        account: account((id, currency, limit, funded, held, posted, version)),
        holds,
        posted: debits,
        funded: funding,
        overdraft_causes: causes,
    }
}

/// A chain beside what its rows add up to.
#[derive(Deserialize)]
pub(super) struct ChainSumsRow(
    AuthorizationId,
    AccountId,
    CardId,
    Currency,
    u32,
    Timestamp,
    Option<Timestamp>,
    Option<AuthorizationId>,
    ChainDetails,
    i64,
    i64,
    i64,
    i64,
);

pub(super) fn chain_sums(row: ChainSumsRow) -> ChainSums {
    let ChainSumsRow(id, account, card, currency, postings, opened, expires, into, details, ..) =
        row;
    let of_chain = ChainRow(id, account, card, currency, postings, opened, expires, into, details);
    ChainSums {
        chain: chain(of_chain),
        stored_hold: row.9,
        cleared: row.10,
        refunded: row.11,
        approved: row.12,
    }
}

/// Rows, counted.
pub(super) type CountsRow = (u64, u64, u64, u64, u64, u64, u64, u64);

pub(super) const fn counts(row: CountsRow) -> RowCounts {
    let (decisions, approved, unexplained, authorizations, chains, postings, unbalanced, outbox) =
        row;
    RowCounts {
        decisions,
        approved,
        unexplained,
        authorizations,
        chains,
        postings,
        unbalanced,
        outbox,
    }
}
