//! The one mapping from what went wrong behind the HTTP doors to a status and a stable code.

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use tracing::error;

use super::problem::Problem;
use crate::service::error::Error;
use crate::wire::v1::field::Invalid;

/// What a handler answers when it does not answer what was asked.
pub struct ApiError(Problem);

impl From<Problem> for ApiError {
    fn from(problem: Problem) -> Self {
        Self(problem)
    }
}

impl From<Invalid> for ApiError {
    fn from(fault: Invalid) -> Self {
        let problem = Problem::new(StatusCode::BAD_REQUEST, fault.code, fault.detail);
        Self(if fault.pointer.is_empty() { problem } else { problem.at(fault.pointer) })
    }
}

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        match error {
            Error::Invalid(fault) => fault.into(),
            Error::Internal(source) => {
                error!(error.source = %source, "the store failed");
                Self(Problem::new(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "internal",
                    "something is wrong on our side; it has been logged",
                ))
            }
            other => Self(refusal(&other)),
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        self.0.into_response()
    }
}

fn refusal(error: &Error) -> Problem {
    let (status, code) = status_and_code(error);
    let problem = Problem::new(status, code, detail(error));
    match pointer(error) {
        Some(pointer) => problem.at(pointer),
        None => problem,
    }
}

const fn status_and_code(error: &Error) -> (StatusCode, &'static str) {
    match error {
        Error::Invalid(fault) => (StatusCode::BAD_REQUEST, fault.code),
        Error::NotFound(_) => (StatusCode::NOT_FOUND, "not_found"),
        Error::VersionConflict => (StatusCode::PRECONDITION_FAILED, "version_conflict"),
        Error::InvalidTransition => (StatusCode::CONFLICT, "invalid_transition"),
        Error::LimitOfTier => (StatusCode::CONFLICT, "limit_of_tier"),
        Error::TokenTaken(_) => (StatusCode::CONFLICT, "token_taken"),
        Error::TokenReused => (StatusCode::CONFLICT, "token_reused"),
        Error::TransactionReused => (StatusCode::CONFLICT, "transaction_id_reused"),
        Error::LimitConflict { .. } => (StatusCode::UNPROCESSABLE_ENTITY, "limit_conflict"),
        Error::KeyReused => (StatusCode::UNPROCESSABLE_ENTITY, "idempotency_key_reused"),
        Error::KeyInProgress => (StatusCode::CONFLICT, "idempotency_in_progress"),
        Error::CurrencyMismatch => (StatusCode::UNPROCESSABLE_ENTITY, "currency_mismatch"),
        Error::AdviceRaises => (StatusCode::UNPROCESSABLE_ENTITY, "advice_raises"),
        Error::OutOfRange => (StatusCode::UNPROCESSABLE_ENTITY, "amount_out_of_range"),
        Error::Forbidden => (StatusCode::FORBIDDEN, "forbidden"),
        Error::NotSupported(_) => (StatusCode::UNPROCESSABLE_ENTITY, "not_supported"),
        Error::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
        Error::Internal(_) => (StatusCode::INTERNAL_SERVER_ERROR, "internal"),
    }
}

const fn detail(error: &Error) -> &'static str {
    match error {
        Error::Invalid(_) => "a field is not valid",
        Error::NotFound(_) => "there is no such object",
        Error::VersionConflict => {
            "the object has changed since it was read; read it again and repeat with its version"
        }
        Error::InvalidTransition => "this status can not follow the present one",
        Error::LimitOfTier => {
            "a person's KYC tier sets this limit; approve another tier to change it"
        }
        Error::TokenTaken(_) => "another object has this token already",
        Error::TokenReused => {
            "the token was used before for another request; nothing has been done"
        }
        Error::TransactionReused => {
            "the transaction id was used before for another record; nothing has been done"
        }
        Error::LimitConflict { detail, .. } | Error::NotSupported(detail) => detail,
        Error::KeyReused => "the idempotency key was used before for another request",
        Error::KeyInProgress => {
            "a call with this idempotency key is under way; send it again later"
        }
        Error::CurrencyMismatch => "the account holds another currency",
        Error::AdviceRaises => "an advice can not raise the total; use an increment",
        Error::Forbidden => "this key is valid, and may not do this",
        Error::OutOfRange => "a balance would leave the range it is kept in",
        Error::Unavailable => "not possible for now; the same request may be sent again",
        Error::Internal(_) => "something is wrong on our side",
    }
}

fn pointer(error: &Error) -> Option<String> {
    match error {
        Error::NotFound(pointer) => pointer.map(str::to_owned),
        Error::LimitConflict { pointer, .. } => Some((*pointer).to_owned()),
        Error::TransactionReused => Some("/transaction_id".to_owned()),
        Error::TokenTaken(field) => Some(format!("/{field}")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(error: Error, status: u16, code: &str) {
        let ApiError(problem) = ApiError::from(error);
        assert_eq!((problem.status.as_u16(), problem.code), (status, code));
    }

    #[test]
    fn every_error_has_its_status_and_code() {
        check(Invalid::missing("name").into(), 400, "missing_field");
        check(Error::NotFound(None), 404, "not_found");
        check(Error::VersionConflict, 412, "version_conflict");
        check(Error::InvalidTransition, 409, "invalid_transition");
        check(Error::LimitOfTier, 409, "limit_of_tier");
        check(Error::TokenTaken("marqeta_token"), 409, "token_taken");
        check(Error::TokenReused, 409, "token_reused");
        check(Error::TransactionReused, 409, "transaction_id_reused");
        let conflict = Error::LimitConflict { detail: "no", pointer: "/mode" };
        check(conflict, 422, "limit_conflict");
        check(Error::KeyReused, 422, "idempotency_key_reused");
        check(Error::KeyInProgress, 409, "idempotency_in_progress");
        check(Error::CurrencyMismatch, 422, "currency_mismatch");
        check(Error::AdviceRaises, 422, "advice_raises");
        check(Error::OutOfRange, 422, "amount_out_of_range");
        check(Error::Forbidden, 403, "forbidden");
        check(Error::NotSupported("not yet"), 422, "not_supported");
        check(Error::Unavailable, 503, "unavailable");
        check(Error::Internal("broken".into()), 500, "internal");
    }

    #[test]
    fn a_fault_in_the_store_is_not_told_to_the_caller() {
        let ApiError(problem) = ApiError::from(Error::Internal("secret of the store".into()));
        assert!(!problem.detail.contains("secret"));
    }

    #[test]
    fn a_fault_is_blamed_on_its_field() {
        let pointer = |error: Error| ApiError::from(error).0.pointer;
        assert_eq!(pointer(Invalid::missing("name").into()).as_deref(), Some("/name"));
        assert_eq!(pointer(Error::NotFound(Some("/user_id"))).as_deref(), Some("/user_id"));
        assert_eq!(pointer(Error::TokenTaken("marqeta_token")).as_deref(), Some("/marqeta_token"));
        assert_eq!(pointer(Error::NotFound(None)), None);
    }
}
