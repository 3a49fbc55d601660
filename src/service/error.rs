//! Why a verb did nothing, by what the caller can do about it.

use crate::ledger::intent::IntentRefusal;
use crate::pipeline::{AuthorizeError, StepError, Unavailable};
use crate::store::{Source, StoreError};
use crate::wire::v1::field::Invalid;

/// Why a verb did nothing.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A field can not be what it is.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// There is no such object; where a field of the body names it, its JSON pointer.
    #[error("there is no such object")]
    NotFound(Option<&'static str>),
    /// The object has changed since the caller read it.
    #[error("the object has changed since it was read")]
    VersionConflict,
    /// The state can not follow the present one.
    #[error("this status can not follow the present one")]
    InvalidTransition,
    /// The limit is what a person's tier sets.
    #[error("the limit is what a person's tier sets")]
    LimitOfTier,
    /// Another object has this token already. Names the field.
    #[error("another object has this {0}")]
    TokenTaken(&'static str),
    /// The limit contradicts itself, or another of its owner.
    #[error("{detail}")]
    LimitConflict {
        /// What contradicts what.
        detail: &'static str,
        /// A JSON pointer to the field to change.
        pointer: &'static str,
    },
    /// The token was used before for another request.
    #[error("the token was used before for another request")]
    TokenReused,
    /// The transaction id was used before for another record.
    #[error("the transaction id was used before for another record")]
    TransactionReused,
    /// The idempotency key was used before for another request.
    #[error("the idempotency key was used before for another request")]
    KeyReused,
    /// The same call is under way.
    #[error("a call with this idempotency key is under way")]
    KeyInProgress,
    /// The account holds another currency.
    #[error("the account holds another currency")]
    CurrencyMismatch,
    /// An advice asks for more than the purchase stands at.
    #[error("an advice can not raise the total")]
    AdviceRaises,
    /// A balance would leave its range.
    #[error("a balance would leave its range")]
    OutOfRange,
    /// The caller may not do this.
    #[error("the caller may not do this")]
    Forbidden,
    /// Not offered yet.
    #[error("{0}")]
    NotSupported(&'static str),
    /// Nothing was done, or it is not known; the same call may be made again.
    #[error("the service is unavailable for now")]
    Unavailable,
    /// Ours to mend.
    #[error("the store failed")]
    Internal(#[source] Source),
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Conflict(_)
            | StoreError::OutcomeUnknown(_)
            | StoreError::Unavailable(_) => Self::Unavailable,
            StoreError::Taken(field) => Self::TokenTaken(field),
            StoreError::Stale => Self::VersionConflict,
            StoreError::Failed(source) => Self::Internal(source),
        }
    }
}

impl From<Unavailable> for Error {
    fn from(_: Unavailable) -> Self {
        Self::Unavailable
    }
}

impl From<AuthorizeError> for Error {
    fn from(error: AuthorizeError) -> Self {
        match error {
            AuthorizeError::TokenReused => Self::TokenReused,
            AuthorizeError::Unavailable(_) => Self::Unavailable,
        }
    }
}

impl From<StepError> for Error {
    fn from(error: StepError) -> Self {
        match error {
            StepError::Refused(refusal) => refusal.into(),
            StepError::Unavailable(_) => Self::Unavailable,
        }
    }
}

impl From<IntentRefusal> for Error {
    fn from(refusal: IntentRefusal) -> Self {
        match refusal {
            IntentRefusal::TokenReused => Self::TokenReused,
            IntentRefusal::KeyReused => Self::KeyReused,
            IntentRefusal::UnknownAccount => Self::NotFound(None),
            IntentRefusal::CurrencyMismatch => Self::CurrencyMismatch,
            IntentRefusal::VersionConflict => Self::VersionConflict,
            IntentRefusal::AdviceRaises => Self::AdviceRaises,
            IntentRefusal::OutOfRange => Self::OutOfRange,
            IntentRefusal::NotDue => Self::NotSupported("the hold has not run out"),
        }
    }
}

/// The stored object, if it is still at the version that the caller has seen.
pub(super) fn at_version<T>(
    found: Option<T>,
    stored: fn(&T) -> i64,
    seen: i64,
) -> Result<T, Error> {
    let object = found.ok_or(Error::NotFound(None))?;
    if stored(&object) == seen { Ok(object) } else { Err(Error::VersionConflict) }
}

/// `Err` unless a change of state is allowed.
pub(super) const fn allowed(transition: bool) -> Result<(), Error> {
    if transition { Ok(()) } else { Err(Error::InvalidTransition) }
}
