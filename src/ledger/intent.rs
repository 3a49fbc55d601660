//! Intents: what callers want done to the books, and what came of it.

use std::sync::Arc;

use crate::domain::authorization::StageTimes;
use crate::domain::chain::Link;
use crate::domain::decision::{Decision, Fingerprint};
use crate::domain::facts::Facts;
use crate::domain::id::{AccountId, AuthorizationId, EventId, Home};
use crate::domain::money::Money;
use crate::domain::posting::{Movement, StepKind};
use crate::domain::preview::Preview;
use crate::domain::request::{AuthRequest, FaultyRequest};
use crate::domain::token::Token;
use uuid::Uuid;

/// One thing to be done to the books of one home.
#[derive(Clone, Debug)]
pub struct Intent {
    /// A fresh UUID: what this intent creates is named by it (authorization, chain, event).
    pub uuid: Uuid,
    /// What was known when it was submitted; the lane replaces what has become stale.
    pub facts: Facts,
    /// How long the stages before the lane took.
    pub stages: StageTimes,
    /// What is to be done.
    pub act: Act,
}

/// What is to be done.
#[derive(Clone, Debug)]
pub enum Act {
    /// Decide a request.
    Authorize(AuthRequest),
    /// Find the decision of a request that is too late to be judged.
    Recall(AuthRequest),
    /// Say what would be decided, and decide nothing. Its token is nobody's.
    Preview(AuthRequest),
    /// Store the decline of a request that could be read only in part.
    Decline(FaultyRequest),
    /// Take a life-cycle step.
    Step(StepIntent),
    /// An answer did not reach its caller in time: turn its approval into a late decline.
    Void(Undelivered),
    /// The platform tells what became of a message that asks for a decision.
    Notice(NoticeIntent),
}

/// A request whose answer nobody was there for any more.
#[derive(Clone, Debug)]
pub struct Undelivered {
    /// The request's token.
    pub token: Token,
    /// The intent that it asked with. Only what this one has decided is taken back: an approval that
    /// an earlier one was answered with stands, whatever became of its repeats.
    pub asked: Uuid,
}

/// What the platform tells of a message that asks for a decision. It wins over our own record.
#[derive(Clone, Debug)]
pub struct NoticeIntent {
    /// Unique in the home: the message's transaction and what is told of it.
    pub key: String,
    /// The key of the opposite. Where both are told, in whatever order, the decline stands.
    pub opposite: String,
    /// What must be the same for a repeat to be a repeat.
    pub fingerprint: Fingerprint,
    /// The platform's token of the message's transaction.
    pub transaction: Token,
    /// The funding token, where it is named.
    pub funding: Option<Token>,
    /// The account of the card.
    pub account: AccountId,
    /// What is told.
    pub notice: Notice,
}

/// What became of a message.
#[derive(Clone, Debug)]
pub enum Notice {
    /// It was approved, by us or in our name. The request is the message as the platform tells it;
    /// its token is the funding token, or the transaction's where none is named.
    Approved(AuthRequest),
    /// It was declined, or our answer came too late for the platform. If its funding token has not
    /// been seen, this is stored under it.
    Declined(Option<FaultyRequest>),
}

/// A life-cycle step. Never declined: it reports what has happened.
#[derive(Clone, Debug)]
pub struct StepIntent {
    /// Unique in the home: the event's token and state, or the caller's idempotency key.
    pub key: String,
    /// What must be the same for a repeat to be a repeat.
    pub fingerprint: Fingerprint,
    /// The account; a known chain's own account takes precedence.
    pub account: AccountId,
    /// The chain, where the step belongs to one.
    pub chain: Option<ChainRef>,
    /// The step.
    pub step: Step,
}

/// How a step knows its chain. All that is known is given; any of it may find the chain.
#[derive(Clone, Debug, Default)]
pub struct ChainRef {
    /// The first authorization, where the caller knows it.
    pub root: Option<AuthorizationId>,
    /// Earlier messages that this one follows.
    pub parents: Vec<Link>,
    /// This message's own names, under which later ones may follow it.
    pub own: Vec<Link>,
}

/// What a step does. Amounts are positive, in the account's currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The purchase shall stand at this total.
    AdviseTotal(Money),
    /// The purchase shrinks by this much.
    AdviseBy(Money),
    /// This much of the hold is given back; `None`: all of it, for good.
    Reverse(Option<Money>),
    /// A clearing; a final one releases what remains of the hold.
    Clear {
        /// How much is posted.
        amount: Money,
        /// Whether it is the last.
        last: bool,
    },
    /// Money goes back to the cardholder.
    Refund(Money),
    /// The hold has run out.
    Expire,
    /// The same, if it has run out by its own time: refused where it has not.
    Lapse,
    /// Post without any authorization.
    ForcePost(Money),
    /// A credit is announced: nothing moves yet.
    ExpectCredit(Money),
    /// So much of what was announced will not come.
    CancelCredit(Money),
    /// A disputed purchase is credited provisionally.
    Chargeback(Money),
    /// A provisional credit is taken back.
    ChargebackReversal(Money),
    /// The network pays for a provisional credit.
    ChargebackWon(Money),
    /// A correction in the cardholder's favour.
    AdjustCredit(Money),
    /// A correction at the cardholder's expense.
    AdjustDebit(Money),
    /// Money is put into the account.
    Fund(Money),
    /// The credit granted becomes this; refused if the account's version is another.
    ChangeLimit {
        /// The new limit.
        limit: Money,
        /// The version that the caller has seen.
        version: i64,
    },
}

impl Step {
    /// The kind, for rows and events.
    pub const fn kind(&self) -> StepKind {
        match self {
            Self::AdviseTotal(_) | Self::AdviseBy(_) => StepKind::Advise,
            Self::Reverse(_) => StepKind::Reverse,
            Self::Clear { .. } => StepKind::Clear,
            Self::Refund(_) => StepKind::Refund,
            Self::Expire | Self::Lapse => StepKind::Expire,
            Self::ForcePost(_) => StepKind::ForcePost,
            Self::ExpectCredit(_) => StepKind::ExpectCredit,
            Self::CancelCredit(_) => StepKind::CancelCredit,
            Self::Chargeback(_) => StepKind::Chargeback,
            Self::ChargebackReversal(_) => StepKind::ChargebackReversal,
            Self::ChargebackWon(_) => StepKind::ChargebackWon,
            Self::AdjustCredit(_) => StepKind::AdjustCredit,
            Self::AdjustDebit(_) => StepKind::AdjustDebit,
            Self::Fund(_) => StepKind::Fund,
            Self::ChangeLimit { .. } => StepKind::ChangeLimit,
        }
    }
}

/// What came of an intent.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// A decision, new or repeated.
    Decided(Arc<Decision>),
    /// A step was taken, now or before.
    Moved(Arc<Movement>),
    /// What would have been decided.
    Previewed(Box<Preview>),
    /// The void found nothing to void, or has voided it.
    Voided,
    /// There was nothing to find.
    Unknown,
    /// Nothing was done.
    Refused(IntentRefusal),
}

/// Why nothing was done. The caller's fault, and final.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IntentRefusal {
    /// The token was used before for a request that was not the same.
    #[error("the token was used before for another request")]
    TokenReused,
    /// The idempotency key was used before for a step that was not the same.
    #[error("the idempotency key was used before for another request")]
    KeyReused,
    /// There is no such account.
    #[error("there is no such account")]
    UnknownAccount,
    /// The account holds another currency.
    #[error("the account holds another currency")]
    CurrencyMismatch,
    /// The account's policy has changed since the caller saw it.
    #[error("the account has changed since it was read")]
    VersionConflict,
    /// An advice that asks for more than the purchase stands at.
    #[error("an advice can not raise the total; use an increment")]
    AdviceRaises,
    /// The hold has not run out by its own time, or there is none any more.
    #[error("the hold has not run out")]
    NotDue,
    /// The sums would leave the range of 64 bits.
    #[error("the amount is out of range")]
    OutOfRange,
}

impl Intent {
    /// The account, where one can be named.
    pub fn account(&self) -> Option<AccountId> {
        match &self.act {
            Act::Step(step) => Some(step.account),
            Act::Notice(notice) => Some(notice.account),
            Act::Authorize(_) | Act::Recall(_) | Act::Preview(_) | Act::Void(_) => {
                self.facts.account()
            }
            Act::Decline(_) => None,
        }
    }

    /// The home; the business home where no account can be named.
    pub fn home(&self) -> Home {
        self.account().map_or(Home::Business, AccountId::home)
    }

    /// The id of the authorization, or of the chain, that this intent may create.
    pub fn authorization_id(&self) -> AuthorizationId {
        AuthorizationId::new(self.home(), self.uuid)
    }

    /// The id of the event that this intent may tell.
    pub const fn event_id(&self) -> EventId {
        EventId::new(self.uuid)
    }
}
