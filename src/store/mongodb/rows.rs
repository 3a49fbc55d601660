//! Documents, and back into the nouns they stand for. Each is written and read by one type.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::narrow::{Id, Subject};
use crate::domain::authorization::{Authorization, StageTimes};
use crate::domain::chain::{Chain, Closings, HoldState, Totals, Use};
use crate::domain::decision::{Balances, Decision, Echo, Fingerprint};
use crate::domain::finding::{Code, Finding, Reason, Refusal};
use crate::domain::id::{AccountId, AuthorizationId, CardId, LimitId};
use crate::domain::merchant::Merchant;
use crate::domain::money::{Currency, Money};
use crate::domain::party::Account;
use crate::domain::policy::{Counter, CounterKey, Member};
use crate::domain::posting::{Cause, Movement, Posting, Side};
use crate::domain::request::{Door, Operation};
use crate::domain::time::Timestamp;
use crate::domain::token::Token;
use crate::ledger::books::AppliedStep;

/// `policy_versions`.
#[derive(Deserialize)]
pub(super) struct PolicyRow {
    #[serde(rename = "_id")]
    pub(super) subject: Subject,
    pub(super) version: i64,
}

/// The account in a document of `wallets`.
#[derive(Deserialize)]
pub(super) struct AccountRow {
    #[serde(rename = "_id")]
    id: Id<AccountId>,
    currency: Currency,
    limit: i64,
    funded: i64,
    held: i64,
    posted: i64,
    account_version: i64,
    /// The highest order that an event of this account has been given.
    pub(super) order: i64,
}

impl AccountRow {
    pub(super) const fn account(&self) -> Account {
        Account {
            id: self.id.0,
            currency: self.currency,
            limit: self.limit,
            funded: self.funded,
            held: self.held,
            posted: self.posted,
            version: self.account_version,
        }
    }
}

/// `holds`: a chain. What it holds and its state are for others to look at: they follow from the rest.
#[derive(Serialize, Deserialize)]
pub(super) struct HoldRow<M = Merchant, U = Vec<Use>> {
    #[serde(rename = "_id")]
    id: Id<AuthorizationId>,
    account: Id<AccountId>,
    card: Id<CardId>,
    currency: Currency,
    amount: i64,
    state: HoldState,
    postings: u32,
    opened_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last_use_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    merged_into: Option<Id<AuthorizationId>>,
    totals: Totals,
    closings: Closings,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    told: Vec<Token>,
    merchant: M,
    uses: U,
}

pub(super) fn hold(chain: &Chain) -> HoldRow<&Merchant, &[Use]> {
    HoldRow {
        id: Id(chain.id),
        account: Id(chain.account),
        card: Id(chain.card),
        currency: chain.currency,
        amount: chain.hold(),
        state: chain.state(),
        postings: chain.postings,
        opened_at: chain.opened_at,
        expires_at: chain.expires_at,
        last_use_at: chain.last_use_at(),
        merged_into: chain.merged_into.map(Id),
        totals: chain.totals,
        closings: chain.closings,
        told: chain.told.clone(),
        merchant: &chain.merchant,
        uses: &chain.uses,
    }
}

impl HoldRow {
    /// The chain, and the amount that is stored as held.
    pub(super) fn chain(self) -> (Chain, i64) {
        let chain = Chain {
            id: self.id.0,
            account: self.account.0,
            card: self.card.0,
            currency: self.currency,
            merchant: self.merchant,
            totals: self.totals,
            closings: self.closings,
            told: self.told,
            uses: self.uses,
            postings: self.postings,
            expires_at: self.expires_at,
            opened_at: self.opened_at,
            merged_into: self.merged_into.map(|id| id.0),
        };
        (chain, self.amount)
    }
}

/// `decisions`, with the names and the chain of the authorization.
#[derive(Serialize, Deserialize)]
pub(super) struct DecisionRow<E = Echo> {
    #[serde(rename = "_id")]
    pub(super) token: Token,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) transaction: Option<Token>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) chain: Option<Id<AuthorizationId>>,
    fingerprint: Id<Fingerprint>,
    pub(super) authorization: Id<AuthorizationId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<Reason>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    code: Option<Code>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    balances: Option<Balances>,
    repeated: bool,
    at: Timestamp,
    echo: E,
}

/// A decision, with the names of its authorization: of a new one, or as they were stored.
pub(super) fn decision(decision: &Decision, names: Names) -> DecisionRow<&Echo> {
    let (reason, code) = split(decision.refusal.as_ref());
    DecisionRow {
        token: decision.token.clone(),
        transaction: names.transaction,
        chain: names.chain.map(Id),
        fingerprint: Id(decision.fingerprint),
        authorization: Id(decision.authorization),
        reason,
        code,
        balances: decision.balances,
        repeated: decision.repeated,
        at: decision.at,
        echo: &decision.echo,
    }
}

/// What an authorization is known by, beside its token.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    pub(super) transaction: Option<Token>,
    pub(super) chain: Option<AuthorizationId>,
}

impl DecisionRow {
    /// The decision.
    pub(super) fn decision(self) -> Decision {
        Decision {
            token: self.token,
            fingerprint: self.fingerprint.0,
            authorization: self.authorization.0,
            refusal: refusal(self.reason, self.code),
            echo: self.echo,
            balances: self.balances,
            repeated: self.repeated,
            at: self.at,
        }
    }
}

pub(super) fn split(refusal: Option<&Refusal>) -> (Option<Reason>, Option<Code>) {
    refusal.map(|refusal| (refusal.reason, refusal.code.clone())).unzip()
}

fn refusal(reason: Option<Reason>, code: Option<Code>) -> Option<Refusal> {
    let code = code.unwrap_or(Code::new(""));
    reason.map(|reason| Refusal { reason, code })
}

/// `authorizations`.
#[derive(Serialize, Deserialize)]
pub(super) struct AuthorizationRow<F = Option<Vec<Finding>>, M = Merchant> {
    #[serde(rename = "_id")]
    id: Id<AuthorizationId>,
    token: Token,
    door: Door,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    operation: Option<Operation>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    transaction: Option<Token>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    preceding: Option<Token>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    original: Option<Token>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    chain: Option<Id<AuthorizationId>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    card: Option<Id<CardId>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    account: Option<Id<AccountId>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    amount: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    currency: Option<Currency>,
    held: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<Reason>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    code: Option<Code>,
    at: Timestamp,
    #[serde(default)]
    stages: StageTimes,
    /// Absent, as the stage times, where they were taken away.
    #[serde(default)]
    findings: F,
    merchant: M,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    entry_mode: Option<Arc<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    channel: Option<Arc<str>>,
}

pub(super) fn authorization(made: &Authorization) -> AuthorizationRow<&[Finding], &Merchant> {
    let (reason, code) = split(made.refusal.as_ref());
    AuthorizationRow {
        id: Id(made.id),
        token: made.token.clone(),
        door: made.door,
        operation: made.operation,
        transaction: made.transaction.clone(),
        preceding: made.preceding.clone(),
        original: made.original.clone(),
        chain: made.chain.map(Id),
        card: made.card.map(Id),
        account: made.account.map(Id),
        amount: made.amount.map(Money::minor),
        currency: made.amount.map(Money::currency),
        held: made.held,
        reason,
        code,
        at: made.at,
        stages: made.stages,
        findings: &made.findings,
        merchant: &made.merchant,
        entry_mode: made.entry_mode.clone(),
        channel: made.channel.clone(),
    }
}

impl AuthorizationRow {
    pub(super) fn authorization(self) -> Authorization {
        let amount = self.amount.zip(self.currency);
        Authorization {
            id: self.id.0,
            token: self.token,
            door: self.door,
            operation: self.operation,
            transaction: self.transaction,
            preceding: self.preceding,
            original: self.original,
            chain: self.chain.map(|id| id.0),
            card: self.card.map(|id| id.0),
            account: self.account.map(|id| id.0),
            amount: amount.map(|(minor, currency)| Money::new(minor, currency)),
            held: self.held,
            refusal: refusal(self.reason, self.code),
            thinned: self.findings.is_none(),
            findings: self.findings.unwrap_or_default(),
            stages: self.stages,
            merchant: self.merchant,
            entry_mode: self.entry_mode,
            channel: self.channel,
            at: self.at,
        }
    }
}

/// `counters`. Their key is text: a limit's id and a member's.
#[derive(Serialize, Deserialize)]
pub(super) struct CounterRow {
    #[serde(rename = "_id")]
    key: String,
    limit: Id<LimitId>,
    member: Member,
    window_start: Timestamp,
    amount: i64,
    count: i64,
}

pub(super) fn counter_key(key: &CounterKey) -> String {
    format!("{}:{}", key.limit, key.member)
}

pub(super) fn counter(key: CounterKey, counter: Counter) -> CounterRow {
    CounterRow {
        key: counter_key(&key),
        limit: Id(key.limit),
        member: key.member,
        window_start: counter.window_start,
        amount: counter.amount,
        count: counter.count,
    }
}

impl CounterRow {
    pub(super) fn counter(&self) -> (CounterKey, Counter) {
        let Self { member, window_start, amount, count, .. } = *self;
        (CounterKey { limit: self.limit.0, member }, Counter { window_start, amount, count })
    }
}

/// `intents`: steps that were taken.
#[derive(Serialize, Deserialize)]
pub(super) struct StepRow<'a> {
    #[serde(rename = "_id")]
    key: String,
    fingerprint: Id<Fingerprint>,
    kind: std::borrow::Cow<'a, str>,
    account: Id<AccountId>,
    at: Timestamp,
    movement: Arc<Movement>,
}

pub(super) fn step(step: &AppliedStep) -> StepRow<'static> {
    StepRow {
        key: step.key.clone(),
        fingerprint: Id(step.fingerprint),
        kind: step.movement.kind.as_str().into(),
        account: Id(step.movement.account),
        at: step.movement.at,
        movement: Arc::clone(&step.movement),
    }
}

impl StepRow<'_> {
    pub(super) fn step(self) -> AppliedStep {
        AppliedStep { key: self.key, fingerprint: self.fingerprint.0, movement: self.movement }
    }
}

/// `postings`. Their key is what they belong to and a number.
#[derive(Serialize, Deserialize)]
pub(super) struct PostingRow {
    #[serde(rename = "_id")]
    key: PostingKey,
    debit: SideRow,
    credit: SideRow,
    amount: i64,
    currency: Currency,
    cause: Cause,
    at: Timestamp,
}

/// Comparable as a whole: the source first.
#[derive(Serialize, Deserialize)]
struct PostingKey {
    source: Id<AuthorizationId>,
    number: u32,
}

/// An account by its id, a system account by its name.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum SystemSide {
    Settlement,
    Funding,
    Disputes,
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum SideRow {
    System(SystemSide),
    Account(Id<AccountId>),
}

impl SideRow {
    const fn of(side: Side) -> Self {
        match side {
            Side::Account(id) => Self::Account(Id(id)),
            Side::Settlement => Self::System(SystemSide::Settlement),
            Side::Funding => Self::System(SystemSide::Funding),
            Side::Disputes => Self::System(SystemSide::Disputes),
        }
    }

    const fn side(self) -> Side {
        match self {
            Self::Account(id) => Side::Account(id.0),
            Self::System(SystemSide::Settlement) => Side::Settlement,
            Self::System(SystemSide::Funding) => Side::Funding,
            Self::System(SystemSide::Disputes) => Side::Disputes,
        }
    }
}

pub(super) fn posting(posting: &Posting) -> PostingRow {
    PostingRow {
        key: PostingKey { source: Id(posting.source), number: posting.number },
        debit: SideRow::of(posting.debit),
        credit: SideRow::of(posting.credit),
        amount: posting.amount.minor(),
        currency: posting.amount.currency(),
        cause: posting.cause,
        at: posting.at,
    }
}

impl PostingRow {
    pub(super) fn posting(self) -> Posting {
        Posting {
            source: self.key.source.0,
            number: self.key.number,
            debit: self.debit.side(),
            credit: self.credit.side(),
            amount: Money::new(self.amount, self.currency),
            cause: self.cause,
            at: self.at,
        }
    }
}

/// `links`: a name under which a chain is known.
#[derive(Serialize, Deserialize)]
pub(super) struct LinkRow {
    #[serde(rename = "_id")]
    pub(super) link: String,
    pub(super) chain: Id<AuthorizationId>,
}
