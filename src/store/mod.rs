//! Ports to what is kept: policy facts, resources, the money home, history. Loads and saves;
//! decides nothing. Adapters sit in folders beside this file, decorators in files.

pub mod ahead;
pub mod api_keys;
pub mod audit_log;
pub mod bound;
pub mod cached;
pub mod cached_transactions;
pub mod daily_runs;
pub mod dead_letters;
mod details;
mod each_resource;
pub mod guarded;
pub mod ingest;
pub mod lists;
pub mod mongodb;
pub mod outbox;
pub mod postgres;
mod refresh;
pub mod routed;
pub mod seal;
pub mod sealed;
pub mod sealed_lists;
pub mod shards;
pub mod sqlite;
pub mod webhooks;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use crate::domain::audit::Record;

use crate::domain::authorization::Authorization;
use crate::domain::chain::{Chain, Link};
use crate::domain::facts::{CardFacts, Facts, LimitFacts, UserFacts};
use crate::domain::id::{
    AccountId, AuthorizationId, CardId, CompanyId, ControlId, KycId, LimitId, UserId,
};
use crate::domain::kyc::{KycGrant, KycRecord};
use crate::domain::party::{Account, Card, Company, User, Wallet};
use crate::domain::policy::{Control, Counter, CounterKey, Limit, PolicyStamp};
use crate::domain::posting::Posting;
use crate::domain::time::Timestamp;
use crate::domain::token::Token;
use crate::ledger::books::Books;
use crate::ledger::intent::Intent;
use crate::ledger::wanted::Wanted;

/// A boxed future of a store call.
pub type StoreFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// A boxed future of a hint, which can not fail.
pub type Hint<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// What the driver said, kept for the log.
pub type Source = Box<dyn std::error::Error + Send + Sync>;

/// Why a store call failed, by what the caller can do about it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Someone else was there first (lock, serialization, unique clash in a batch): begin again.
    #[error("the store was busy with a conflicting change")]
    Conflict(#[source] Source),
    /// A token or id that must be unique is taken. Names the field.
    #[error("{0} is taken")]
    Taken(&'static str),
    /// The object has changed since it was read.
    #[error("the object has changed since it was read")]
    Stale,
    /// Whether the commit took effect is not known: run the batch again, and what is there is
    /// answered from its row.
    #[error("the outcome of the commit is unknown")]
    OutcomeUnknown(#[source] Source),
    /// The store does not answer. Try again later.
    #[error("the store is unavailable")]
    Unavailable(#[source] Source),
    /// The store refuses this very statement, or holds something that can not be read. Ours to mend.
    #[error("the store failed")]
    Failed(#[source] Source),
}

impl StoreError {
    /// What is behind it, outermost first, in one line for the log. Drivers' texts pass through the
    /// adapters, which leave out what may be secret.
    pub fn cause(&self) -> String {
        let mut cause = std::error::Error::source(self);
        let mut line = String::new();
        while let Some(error) = cause {
            let separator = if line.is_empty() { "" } else { ": " };
            line = format!("{line}{separator}{error}");
            cause = error.source();
        }
        line.replace('\n', " ")
    }
}

/// Policy facts, by the platform's token or our id.
pub trait FactsStore: Send + Sync {
    /// `None`: there is no such user, a fact to decide on. `Err`: the answer is unknown.
    fn user<'a>(&'a self, reference: &'a Token) -> StoreFuture<'a, Option<Arc<UserFacts>>>;

    /// The card with its owner, company and account's currency and zone.
    fn card<'a>(&'a self, reference: &'a Token) -> StoreFuture<'a, Option<Arc<CardFacts>>>;

    /// The limits and controls of card, user, company and program, narrowest scope first.
    fn limits<'a>(&'a self, card: &'a CardFacts) -> StoreFuture<'a, Arc<LimitFacts>>;

    /// Says what will be asked for next, so that a shared cache can be asked once for all of it.
    /// A hint: nothing is known to be there afterwards, and a failure is nobody's concern.
    fn expect<'a>(&'a self, _user: Option<&'a Token>, _card: &'a Token) -> Hint<'a> {
        Box::pin(std::future::ready(()))
    }

    /// A lane has seen newer policy versions than these facts carry: forget them.
    fn outdated(&self, _facts: &Facts) {}
}

/// Companies, users, cards, wallets, limits, controls. Every write bumps the policy versions of
/// its subjects in the same transaction and returns them. `update_*` expects the stored version to
/// be one less than the object's ([`StoreError::Stale`] otherwise, or when there is no such row).
/// A taken token or id is [`StoreError::Taken`].
pub trait ResourceStore: Send + Sync {
    /// The same store, whose first committed write leaves this record in the audit log, in the same
    /// transaction. `None`: it keeps no such log.
    fn recording(&self, _record: &Arc<Record>) -> Option<Arc<dyn ResourceStore>> {
        None
    }

    /// A company and its account.
    fn insert_company(
        &self,
        company: Company,
        account: Account,
    ) -> StoreFuture<'_, Vec<PolicyStamp>>;
    /// One company.
    fn company(&self, id: CompanyId) -> StoreFuture<'_, Option<Company>>;
    /// Name, status, time zone, token.
    fn update_company(&self, company: Company) -> StoreFuture<'_, Vec<PolicyStamp>>;

    /// A user of either home.
    fn insert_user(&self, user: User) -> StoreFuture<'_, Vec<PolicyStamp>>;
    /// One user, by id.
    fn user_record(&self, id: UserId) -> StoreFuture<'_, Option<User>>;
    /// Everything but id and company.
    fn update_user(&self, user: User) -> StoreFuture<'_, Vec<PolicyStamp>>;

    /// A card of either home.
    fn insert_card(&self, card: Card) -> StoreFuture<'_, Vec<PolicyStamp>>;
    /// One card, by id.
    fn card_record(&self, id: CardId) -> StoreFuture<'_, Option<Card>>;
    /// The same, for those who only look: as of the latest change that this process has heard of.
    fn card_view(&self, id: CardId) -> StoreFuture<'_, Option<Card>> {
        self.card_record(id)
    }
    /// Status, expiry, token, product, last four.
    fn update_card(&self, card: Card) -> StoreFuture<'_, Vec<PolicyStamp>>;

    /// Many users of one home. Those whose token is taken stay as they are; the versions tell which
    /// are new.
    fn insert_users(&self, users: Vec<User>) -> StoreFuture<'_, Vec<PolicyStamp>> {
        Box::pin(async move {
            let mut stamps = Vec::new();
            for user in users {
                stamps.extend(unless_taken(self.insert_user(user).await)?);
            }
            Ok(stamps)
        })
    }
    /// Many cards of one home, in the same way.
    fn insert_cards(&self, cards: Vec<Card>) -> StoreFuture<'_, Vec<PolicyStamp>> {
        Box::pin(async move {
            let mut stamps = Vec::new();
            for card in cards {
                stamps.extend(unless_taken(self.insert_card(card).await)?);
            }
            Ok(stamps)
        })
    }

    /// A wallet and its account.
    fn insert_wallet(&self, wallet: Wallet, account: Account) -> StoreFuture<'_, Vec<PolicyStamp>>;
    /// One wallet, by its account.
    fn wallet(&self, account: AccountId) -> StoreFuture<'_, Option<Wallet>>;
    /// All wallets of a user, oldest first.
    fn wallets_of(&self, user: UserId) -> StoreFuture<'_, Vec<Wallet>>;
    /// Time zone.
    fn update_wallet(&self, wallet: Wallet) -> StoreFuture<'_, Vec<PolicyStamp>>;

    /// One account, as last committed.
    fn account(&self, id: AccountId) -> StoreFuture<'_, Option<Account>>;

    /// A limit.
    fn insert_limit(&self, limit: Limit) -> StoreFuture<'_, Vec<PolicyStamp>>;
    /// One limit.
    fn limit(&self, id: LimitId) -> StoreFuture<'_, Option<Limit>>;
    /// Amount and count.
    fn update_limit(&self, limit: Limit) -> StoreFuture<'_, Vec<PolicyStamp>>;
    /// Many limits of one home: those that are there already stay as they are. A version for each new
    /// one, of whom it binds.
    fn insert_limits(&self, limits: Vec<Limit>) -> StoreFuture<'_, Vec<PolicyStamp>> {
        Box::pin(async move {
            let mut stamps = Vec::new();
            for limit in limits {
                stamps.extend(unless_taken(self.insert_limit(limit).await)?);
            }
            Ok(stamps)
        })
    }
    /// Removes a limit and its counters; `None` if there is none.
    fn delete_limit(&self, id: LimitId) -> StoreFuture<'_, Option<Vec<PolicyStamp>>>;

    /// What a person has submitted. Where another submission of theirs waits, it is
    /// [`StoreError::Taken`]. (A store that keeps no people has none of this.)
    fn insert_kyc(&self, _record: KycRecord) -> StoreFuture<'_, Vec<PolicyStamp>> {
        no_people()
    }
    /// One submission.
    fn kyc(&self, _id: KycId) -> StoreFuture<'_, Option<KycRecord>> {
        no_people()
    }
    /// What was decided, with what it gives, or none of it.
    fn decide_kyc(
        &self,
        _record: KycRecord,
        _grant: Option<KycGrant>,
    ) -> StoreFuture<'_, Vec<PolicyStamp>> {
        no_people()
    }

    /// A control.
    fn insert_control(&self, control: Control) -> StoreFuture<'_, Vec<PolicyStamp>>;
    /// One control.
    fn control(&self, id: ControlId) -> StoreFuture<'_, Option<Control>>;
    /// Everything but whom it binds.
    fn update_control(&self, control: Control) -> StoreFuture<'_, Vec<PolicyStamp>>;
    /// Removes a control; `None` if there is none.
    fn delete_control(&self, id: ControlId) -> StoreFuture<'_, Option<Vec<PolicyStamp>>>;
}

/// What is there already is no failure of many.
fn unless_taken(
    written: Result<Vec<PolicyStamp>, StoreError>,
) -> Result<Vec<PolicyStamp>, StoreError> {
    match written {
        Err(StoreError::Taken(_)) => Ok(Vec::new()),
        other => other,
    }
}

/// People on their own are of the other home: whoever asks for them has gone the wrong way.
fn no_people<T>() -> StoreFuture<'static, T> {
    Box::pin(async { Err(StoreError::Failed("people on their own are not kept here".into())) })
}

/// Whether facts had to be replaced inside a batch's transaction.
#[derive(Debug)]
pub enum Refreshed {
    /// All facts were current.
    Current,
    /// Some were stale and have been replaced; what they name is loaded. The stale ones, to forget.
    Replaced(Vec<Facts>),
    /// The fresh ones name something that is not locked: roll back and begin again with them.
    BeginAgain(Vec<Facts>),
}

/// One home of money: accounts, decisions, holds, counters, postings, outbox commit together.
pub trait MoneyHome: Send + Sync {
    /// Begins a transaction: locks the accounts in id order, then loads the rest and the time.
    fn begin<'a>(&'a self, wanted: &'a Wanted) -> StoreFuture<'a, Box<dyn MoneyTxn>>;
}

/// A transaction of a money home. Dropped without `commit`, it is rolled back.
pub trait MoneyTxn: Send {
    /// Compares the policy versions in the intents' facts with the stored ones, and replaces
    /// facts that are stale.
    fn refresh_stale_facts<'a>(
        &'a mut self,
        intents: &'a mut [Intent],
    ) -> StoreFuture<'a, Refreshed>;

    /// The loaded books.
    fn books(&mut self) -> &mut Books;

    /// Writes the changes of the books and commits.
    fn commit(self: Box<Self>) -> StoreFuture<'static, ()>;
}

/// What has been decided and what came of it.
pub trait History: Send + Sync {
    /// One decided message.
    fn authorization(&self, id: AuthorizationId) -> StoreFuture<'_, Option<Authorization>>;
    /// Those of these decided messages that there are.
    fn known<'a>(&'a self, ids: &'a [AuthorizationId]) -> StoreFuture<'a, Vec<AuthorizationId>>;
    /// A chain, by the id of its first authorization or of one that was merged into it.
    fn chain(&self, id: AuthorizationId) -> StoreFuture<'_, Option<Chain>>;
    /// The postings of a chain, in order.
    fn postings(&self, source: AuthorizationId) -> StoreFuture<'_, Vec<Posting>>;
    /// The authorizations that were decided under these tokens, beside their tokens. Tokens that
    /// nothing was decided under are left out.
    fn decided_under<'a>(
        &'a self,
        tokens: &'a [Token],
    ) -> StoreFuture<'a, Vec<(Token, AuthorizationId)>>;
    /// Where these names lead: to chains, or to authorizations, which tell theirs. Names of funding
    /// events that were decided are [`History::decided_under`]'s. Unknown ones are left out.
    fn linked<'a>(&'a self, names: &'a [Link]) -> StoreFuture<'a, Vec<(Link, AuthorizationId)>>;
    /// The accounts on which a step was taken under this key: one at most in each home.
    fn taken_on<'a>(&'a self, key: &'a str) -> StoreFuture<'a, Vec<AccountId>>;
}

/// Events that wait for a relay, as a whole. (Relays see them by shard: [`outbox::OutboxShards`].)
pub trait Outbox: Send + Sync {
    /// How many rows wait.
    fn depth(&self) -> StoreFuture<'_, u64>;
    /// When the oldest of them happened; `None`: nothing waits.
    fn oldest_at(&self) -> StoreFuture<'_, Option<Timestamp>>;
    /// Drops at most `rows_max` rows written before `before`; says how many.
    fn drop_before(&self, before: Timestamp, rows_max: u32) -> StoreFuture<'_, u64>;
}

/// Explanations, for as long as they are kept.
pub trait Explanations: Send + Sync {
    /// Takes checks and stage times from the oldest decisions that still have them and were made before
    /// `before`, from at most so many, in the order in which they came; says from how many. The decision
    /// stays, and so does all that answers repeats or moves money. None where another instance is at it.
    fn thin(&self, before: Timestamp, decisions_max: u32) -> StoreFuture<'_, u64>;
}

/// A hold whose time is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DueHold {
    /// The chain it is of.
    pub chain: AuthorizationId,
    /// The account that the money is held on.
    pub account: AccountId,
    /// The card.
    pub card: CardId,
    /// When it ran out.
    pub expires_at: Timestamp,
}

/// Finds holds that have run out.
pub trait DueHolds: Send + Sync {
    /// Active holds that ran out at `from` or later and, by the store's own time, have run out by now:
    /// at most `holds_max`, in the order in which they did.
    fn due_holds(&self, from: Timestamp, holds_max: u32) -> StoreFuture<'_, Vec<DueHold>>;
}

/// Messages that came again after their consumer may have died of them. Attempts are counted before
/// they begin.
pub trait Inbox: Send + Sync {
    /// How many attempts have begun, as far as is known here.
    fn begun(&self, queue: &'static str, message: String) -> StoreFuture<'_, u32>;
    /// The attempt with this number begins; says how many have, should more be known here. Written twice it
    /// is one: whoever was not answered may repeat it.
    fn begin(
        &self,
        queue: &'static str,
        message: String,
        attempt: u32,
        now: Timestamp,
    ) -> StoreFuture<'_, u32>;
    /// The last attempt, which has this number, was none: a store did not answer, or the process does not
    /// wait for its end. Taken back twice it is one: nothing is if another one is the last.
    fn undo(&self, queue: &'static str, message: String, attempt: u32) -> StoreFuture<'_, ()>;
    /// The message is settled, or was handled.
    fn end(&self, queue: &'static str, message: String) -> StoreFuture<'_, ()>;
    /// Forgets what began before; says how many messages that were.
    fn drop_before(&self, before: Timestamp) -> StoreFuture<'_, u64>;
}

/// An account beside what its rows add up to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountSums {
    /// The row.
    pub account: Account,
    /// The sum of its holds' amounts.
    pub holds: i64,
    /// Debits less credits of all its postings but funding.
    pub posted: i64,
    /// The sum of its funding.
    pub funded: i64,
    /// Steps of this account that were flagged as overdrawing it, and limit changes.
    pub overdraft_causes: u64,
}

/// A chain beside what its rows add up to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainSums {
    /// The row.
    pub chain: Chain,
    /// The amount its hold is stored with.
    pub stored_hold: i64,
    /// The sum of its debits.
    pub cleared: i64,
    /// The sum of its refunds.
    pub refunded: i64,
    /// What its approved authorizations asked for (single-message debits included).
    pub approved: i64,
}

/// Rows of a home, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RowCounts {
    /// Decisions.
    pub decisions: u64,
    /// Approved ones among them.
    pub approved: u64,
    /// Decisions without their authorization, or with one that says otherwise.
    pub unexplained: u64,
    /// Authorizations.
    pub authorizations: u64,
    /// Chains.
    pub chains: u64,
    /// Postings.
    pub postings: u64,
    /// Postings whose sides are the same, or whose amount is not above zero, or whose currency is
    /// not the account's.
    pub unbalanced: u64,
    /// Outbox rows.
    pub outbox: u64,
}

/// Who else a card counts for, beside itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CardOwner {
    /// The card.
    pub card: CardId,
    /// Who holds it.
    pub user: UserId,
    /// The user's company; `None` for a personal user.
    pub company: Option<CompanyId>,
}

/// Reads everything back in one snapshot, to be recomputed.
pub trait Audit: Send + Sync {
    /// Opens a snapshot of one moment.
    fn snapshot(&self) -> StoreFuture<'_, Box<dyn AuditSnapshot>>;
}

/// One moment of a home. Pages are in id order; an empty page is the end.
pub trait AuditSnapshot: Send {
    /// Accounts after this one.
    fn accounts(&mut self, after: Option<AccountId>) -> StoreFuture<'_, Vec<AccountSums>>;
    /// Chains after this one.
    fn chains(&mut self, after: Option<AuthorizationId>) -> StoreFuture<'_, Vec<ChainSums>>;
    /// Owners of the cards after this one. Pools are recomputed by them; without them they can
    /// not be.
    fn owners(&mut self, _after: Option<CardId>) -> StoreFuture<'_, Vec<CardOwner>> {
        Box::pin(std::future::ready(Ok(Vec::new())))
    }
    /// All counters with their limits (`None`: the limit is gone, so is the need to count).
    fn counters(&mut self) -> StoreFuture<'_, Vec<(CounterKey, Counter, Option<Limit>)>>;
    /// Rows, counted.
    fn counts(&mut self) -> StoreFuture<'_, RowCounts>;
}

/// A store on a server that must be prepared before it can be used.
pub trait Prepare: Send + Sync {
    /// Brings the schema up to date, under a lock that other instances respect, and checks that the
    /// server keeps what the promises need. Until it has succeeded, every other call is
    /// [`StoreError::Unavailable`]. May be called again: [`StoreError::Unavailable`] is worth
    /// another try, [`StoreError::Failed`] is not (a wrong password, an unsafe server, a schema
    /// that is newer than this release).
    fn prepare(&self) -> StoreFuture<'_, ()>;
}

/// Whether a store answers, for health checks.
pub trait Probe: Send + Sync {
    /// Answers when the store does: with its time, where it has a clock of its own.
    fn probe(&self) -> StoreFuture<'_, Option<Timestamp>>;

    /// How the connections of each of its pools are used; none where there are none to speak of.
    fn pools(&self) -> Vec<(&'static str, PoolStats)> {
        Vec::new()
    }
}

/// How a pool's connections are used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct PoolStats {
    /// Connections that are open.
    pub open: u64,
    /// Those of them that are at work.
    pub in_use: u64,
    /// How many there may be.
    pub max: u64,
}
