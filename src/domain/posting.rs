//! Postings and movements: what a life-cycle step did to the books.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::chain::{HoldState, Totals};
use super::id::{AccountId, AuthorizationId, IdError};
use super::money::Money;
use super::time::Timestamp;

/// One side of a posting. System accounts have no balance row: theirs is the sum of their postings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Side {
    /// A cardholder's account.
    Account(AccountId),
    /// What is owed to the network.
    Settlement,
    /// Where funding comes from.
    Funding,
    /// What has been credited provisionally, and is claimed from the network.
    Disputes,
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account(id) => id.fmt(f),
            Self::Settlement => f.write_str("settlement"),
            Self::Funding => f.write_str("funding"),
            Self::Disputes => f.write_str("disputes"),
        }
    }
}

impl FromStr for Side {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        match text {
            "settlement" => Ok(Self::Settlement),
            "funding" => Ok(Self::Funding),
            "disputes" => Ok(Self::Disputes),
            account => account.parse().map(Self::Account),
        }
    }
}

/// Why money moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// A clearing of a purchase.
    Clearing,
    /// A clearing without any authorization.
    ForcePost,
    /// A single-message purchase.
    Debit,
    /// A refund, or a credit.
    Refund,
    /// Money put into the account.
    Fund,
    /// A single message is undone whose answer never reached the platform.
    Void,
    /// A disputed purchase is credited provisionally.
    Chargeback,
    /// The dispute was lost or withdrawn: the provisional credit is taken back.
    ChargebackReversal,
    /// The dispute was won: the network pays for the provisional credit.
    ChargebackWon,
    /// A correction by the program.
    Adjustment,
}

impl Cause {
    /// Every cause, in the order of declaration.
    pub const ALL: [Self; 10] = [
        Self::Clearing,
        Self::ForcePost,
        Self::Debit,
        Self::Refund,
        Self::Fund,
        Self::Void,
        Self::Chargeback,
        Self::ChargebackReversal,
        Self::ChargebackWon,
        Self::Adjustment,
    ];

    /// The name used in JSON and rows.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Clearing => "clearing",
            Self::ForcePost => "force_post",
            Self::Debit => "debit",
            Self::Refund => "refund",
            Self::Fund => "fund",
            Self::Void => "void",
            Self::Chargeback => "chargeback",
            Self::ChargebackReversal => "chargeback_reversal",
            Self::ChargebackWon => "chargeback_won",
            Self::Adjustment => "adjustment",
        }
    }

    /// Reads the name back.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|cause| cause.as_str() == text)
    }
}

/// A double entry: `amount` leaves `debit` and reaches `credit`, so it sums to zero by its shape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posting {
    /// The chain it belongs to, or an id of its own. With `number`, its key.
    pub source: AuthorizationId,
    /// Its number among the postings of `source`.
    pub number: u32,
    /// Where the money leaves.
    pub debit: Side,
    /// Where the money arrives.
    pub credit: Side,
    /// How much; above zero.
    pub amount: Money,
    /// Why.
    pub cause: Cause,
    /// When.
    pub at: Timestamp,
}

impl Posting {
    /// Where it stands among the postings of an account.
    pub const fn place(&self) -> Place {
        Place { at: self.at, source: self.source, number: self.number }
    }
}

/// The place of a posting among those of an account: by time, and where that is the same by its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// When.
    pub at: Timestamp,
    /// The first half of its key.
    pub source: AuthorizationId,
    /// The second.
    pub number: u32,
}

/// The text is not a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a time, a source and a number")]
pub struct PlaceError;

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.at.as_micros(), self.source, self.number)
    }
}

impl FromStr for Place {
    type Err = PlaceError;

    fn from_str(text: &str) -> Result<Self, PlaceError> {
        let mut parts = text.split('.');
        let (Some(at), Some(source), Some(number), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(PlaceError);
        };
        let at = at.parse().map(Timestamp::from_micros).map_err(|_| PlaceError)?;
        let source = source.parse().map_err(|_| PlaceError)?;
        Ok(Self { at, source, number: number.parse().map_err(|_| PlaceError)? })
    }
}

/// The kinds of life-cycle step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepKind {
    /// Shrink what is held.
    Advise,
    /// Give back part or all.
    Reverse,
    /// Post a purchase.
    Clear,
    /// Give money back to the cardholder.
    Refund,
    /// The hold ran out.
    Expire,
    /// Post what has no authorization.
    ForcePost,
    /// Put money into an account.
    Fund,
    /// Change the credit granted.
    ChangeLimit,
    /// The platform tells that it approved a message.
    Confirm,
    /// The platform tells that it declined a message, or did not wait for our answer.
    Revoke,
    /// A credit is announced.
    ExpectCredit,
    /// An announced credit will not come.
    CancelCredit,
    /// Credit a disputed purchase provisionally.
    Chargeback,
    /// Take a provisional credit back.
    ChargebackReversal,
    /// The network pays for a provisional credit.
    ChargebackWon,
    /// Correct the account in the cardholder's favour.
    AdjustCredit,
    /// Correct the account at the cardholder's expense.
    AdjustDebit,
}

impl StepKind {
    /// The name used in JSON, rows and events.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Advise => "advise",
            Self::Reverse => "reverse",
            Self::Clear => "clear",
            Self::Refund => "refund",
            Self::Expire => "expire",
            Self::ForcePost => "force_post",
            Self::Fund => "fund",
            Self::ChangeLimit => "change_limit",
            Self::Confirm => "confirm",
            Self::Revoke => "revoke",
            Self::ExpectCredit => "expect_credit",
            Self::CancelCredit => "cancel_credit",
            Self::Chargeback => "chargeback",
            Self::ChargebackReversal => "chargeback_reversal",
            Self::ChargebackWon => "chargeback_won",
            Self::AdjustCredit => "adjust_credit",
            Self::AdjustDebit => "adjust_debit",
        }
    }
}

/// What is worth a second look about a step. Money that is owed is always posted; this says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Flag {
    /// Cleared more than was held.
    OverClearing,
    /// Cleared after the chain had been closed.
    ClearedAfterClose,
    /// Posted without any authorization.
    NoAuthorization,
    /// Gave back more than was held.
    OverReversal,
    /// Refunded more than was cleared.
    OverRefund,
    /// held + posted is above limit + funded because of this step.
    Overdrawn,
    /// Approved without us: by the platform or the network, or against our own record.
    StandIn,
    /// The platform approved another amount than we did.
    AmountDiffers,
    /// The platform told the opposite as well; the decline stands.
    Contradicted,
}

impl Flag {
    /// The name used in JSON, rows and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OverClearing => "over_clearing",
            Self::ClearedAfterClose => "cleared_after_close",
            Self::NoAuthorization => "no_authorization",
            Self::OverReversal => "over_reversal",
            Self::OverRefund => "over_refund",
            Self::Overdrawn => "overdrawn",
            Self::StandIn => "stand_in",
            Self::AmountDiffers => "amount_differs",
            Self::Contradicted => "contradicted",
        }
    }
}

/// What a life-cycle step did: the answer to it, and to every repeat.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Movement {
    /// Which step.
    pub kind: StepKind,
    /// The chain; `None` for funding and limit changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chain: Option<AuthorizationId>,
    /// The account.
    pub account: AccountId,
    /// What the step was about.
    #[serde(flatten)]
    pub amount: Money,
    /// What it changed `held` by.
    pub held_change: i64,
    /// What it changed `posted` by.
    pub posted_change: i64,
    /// What the chain holds afterwards.
    pub hold: i64,
    /// What has become of the chain's hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold_state: Option<HoldState>,
    /// The chain's sums afterwards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub totals: Option<Totals>,
    /// What the account has available afterwards.
    pub available: i64,
    /// The account's policy version afterwards.
    pub account_version: i64,
    /// What is worth a second look.
    pub flags: Vec<Flag>,
    /// When it was applied.
    pub at: Timestamp,
}
