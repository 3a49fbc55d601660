//! What the driver says, in the words of the port. The one place that knows MongoDB's error codes.
//!
//! The driver's own text is not kept: it may quote documents, and with them personal data.

use std::collections::BTreeSet;
use std::fmt;

use mongodb::bson::Document;
use mongodb::error::{
    Error, ErrorKind, TRANSIENT_TRANSACTION_ERROR, UNKNOWN_TRANSACTION_COMMIT_RESULT, WriteFailure,
};

use crate::store::{Source, StoreError};

/// Codes of the server (src/mongo/base/error_codes.yml).
mod code {
    pub(super) const UNAUTHORIZED: i32 = 13;
    pub(super) const DUPLICATE_KEY: i32 = 11_000;
    /// LockTimeout, LockBusy, MaxTimeMSExpired, WriteConflict, ConflictingOperationInProgress,
    /// TransactionTooOld, SnapshotTooOld, SnapshotUnavailable, NoSuchTransaction, ExceededTimeLimit.
    pub(super) const CONFLICTS: [i32; 10] = [24, 46, 50, 112, 117, 225, 239, 246, 251, 262];
    /// HostUnreachable, HostNotFound, WriteConcernFailed, NetworkTimeout, ShutdownInProgress,
    /// FailedToSatisfyReadPreference, PrimarySteppedDown, NotYetInitialized, SocketException,
    /// NotWritablePrimary, InterruptedAtShutdown, InterruptedDueToReplStateChange,
    /// NotPrimaryNoSecondaryOk, NotPrimaryOrSecondary.
    pub(super) const OUTAGES: [i32; 14] =
        [6, 7, 64, 89, 91, 133, 189, 94, 9001, 10_107, 11_600, 11_602, 13_435, 13_436];
}

/// What went wrong, by kind and code.
#[derive(Debug, thiserror::Error)]
#[error("{what}{}", Coded(*.code))]
pub(super) struct Said {
    what: String,
    code: Option<i32>,
}

struct Coded(Option<i32>);

impl fmt::Display for Coded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |code| write!(f, " ({code})"))
    }
}

/// Nothing may be asked before [`crate::store::Prepare`] has succeeded.
#[derive(Debug, thiserror::Error)]
#[error("the store is not prepared yet")]
pub(super) struct NotPrepared;

/// Translates an error of the driver.
pub(super) fn translate(error: Error) -> StoreError {
    let said = said(&error);
    if let ErrorKind::Write(WriteFailure::WriteError(failure)) = &*error.kind
        && failure.code == code::DUPLICATE_KEY
    {
        return StoreError::Taken(field(&failure.message));
    }
    if let ErrorKind::Command(failure) = &*error.kind
        && failure.code == code::DUPLICATE_KEY
    {
        return StoreError::Taken(field(&failure.message));
    }
    let transient = error.contains_label(TRANSIENT_TRANSACTION_ERROR);
    match (&*error.kind, said.code) {
        (_, Some(code)) if code::OUTAGES.contains(&code) => unavailable(said),
        (_, Some(code)) if transient || code::CONFLICTS.contains(&code) => conflict(said),
        (
            ErrorKind::Io(_)
            | ErrorKind::DnsResolve { .. }
            | ErrorKind::ServerSelection { .. }
            | ErrorKind::ConnectionPoolCleared { .. }
            | ErrorKind::Shutdown,
            _,
        ) => unavailable(said),
        _ if transient => conflict(said),
        _ => StoreError::Failed(Box::new(said)),
    }
}

/// Whether a commit that failed like this may have taken effect. It may be repeated.
pub(super) fn commit_is_unknown(error: &Error) -> bool {
    error.contains_label(UNKNOWN_TRANSACTION_COMMIT_RESULT)
}

/// The commit may have taken effect.
pub(super) fn unknown(error: &Error) -> StoreError {
    StoreError::OutcomeUnknown(Box::new(said(error)))
}

/// An error inside a reply that says it went well.
pub(super) fn in_reply(failure: &Document) -> StoreError {
    let code = failure.get_i32("code").unwrap_or_default();
    if code == code::DUPLICATE_KEY {
        return StoreError::Taken(field(failure.get_str("errmsg").unwrap_or_default()));
    }
    let said = Said { what: "a write was refused".to_owned(), code: Some(code) };
    if code::CONFLICTS.contains(&code) {
        conflict(said)
    } else {
        StoreError::Failed(Box::new(said))
    }
}

/// In a batch a taken key means that someone else was there first.
pub(super) fn clash(error: StoreError) -> StoreError {
    match error {
        taken @ StoreError::Taken(_) => StoreError::Conflict(Box::new(taken)),
        other => other,
    }
}

/// A row that was there is not any more, or has changed.
pub(super) fn moved_on(collection: &str) -> StoreError {
    conflict(Said { what: format!("a document of {collection} has changed"), code: None })
}

/// What is stored can not be read back.
pub(super) fn unreadable(error: impl Into<Source>) -> StoreError {
    StoreError::Failed(error.into())
}

/// The server, or what was asked, is not as it must be. One line, for the log.
pub(super) fn refused(what: impl Into<String>) -> StoreError {
    StoreError::Failed(Box::new(Said { what: what.into(), code: None }))
}

/// Whoever may not change the schema is told who does.
pub(super) fn behind(error: StoreError) -> StoreError {
    let code = |source: &Source| source.downcast_ref::<Said>().and_then(|said| said.code);
    match error {
        StoreError::Failed(source) if code(&source) == Some(code::UNAUTHORIZED) => refused(
            "the schema is not up to date, and this user may not change it: run `tollgate migrate` \
             with the owner's URL in store.mongodb.url",
        ),
        other => other,
    }
}

/// Companies are kept in the business store.
pub(super) fn no_companies() -> StoreError {
    refused("companies and what belongs to them are not kept in this store")
}

fn said(error: &Error) -> Said {
    let (what, code) = match &*error.kind {
        ErrorKind::Command(failure) => (failure.code_name.clone(), Some(failure.code)),
        ErrorKind::Write(WriteFailure::WriteError(failure)) => {
            let name = failure.code_name.clone();
            (name.unwrap_or_else(|| "a write was refused".to_owned()), Some(failure.code))
        }
        ErrorKind::Write(WriteFailure::WriteConcernError(failure)) => {
            (failure.code_name.clone(), Some(failure.code))
        }
        ErrorKind::Io(error) => (error.to_string(), None),
        ErrorKind::ServerSelection { message, .. } => (unselected(message), None),
        ErrorKind::ConnectionPoolCleared { .. } => ("the connections were lost".to_owned(), None),
        ErrorKind::DnsResolve { .. } => ("the server's name is not known".to_owned(), None),
        ErrorKind::Authentication { .. } => ("the server refuses the password".to_owned(), None),
        ErrorKind::BsonDeserialization(_) | ErrorKind::Bson(_) => {
            ("a document can not be read".to_owned(), None)
        }
        ErrorKind::InvalidArgument { .. } => ("an argument is not valid".to_owned(), None),
        ErrorKind::InvalidResponse { .. } => ("the reply makes no sense".to_owned(), None),
        ErrorKind::Shutdown => ("the client is closed".to_owned(), None),
        _ => ("the driver failed".to_owned(), None),
    };
    Said { what, code }
}

/// The rest of the message is the topology: addresses, and why each server was not reached. Nothing has been
/// asked of them yet that could be quoted.
fn unselected(message: &str) -> String {
    let each = message.split(", Error: ").skip(1);
    let each = each.filter_map(|error| error.split(", labels:").next());
    let why: BTreeSet<&str> = each.map(|error| error.trim_start_matches("Kind: ")).collect();
    let why: Vec<&str> = why.into_iter().collect();
    match why.as_slice() {
        [] => "no server can take the call".to_owned(),
        why => format!("no server can take the call: {}", why.join("; ")),
    }
}

fn conflict(said: Said) -> StoreError {
    StoreError::Conflict(Box::new(said))
}

fn unavailable(said: Said) -> StoreError {
    StoreError::Unavailable(Box::new(said))
}

/// Messages name the index whose key is taken.
fn field(message: &str) -> &'static str {
    if message.contains("marqeta_token") { "marqeta_token" } else { "id" }
}

#[cfg(test)]
mod tests {
    use super::unselected;

    #[test]
    fn why_no_server_was_selected_is_told_once_for_each_reason() {
        let refused = "Error: Kind: I/O error: Connection refused, labels: {}, source: None";
        let timed_out = "Error: Kind: I/O error: timed out, labels: {}, source: None";
        let server = |error: &str| format!("{{ Address: a:1, Type: Unknown, {error} }}");
        let servers = [server(timed_out), server(refused), server(refused)].join(", ");
        let message = format!(
            "Server selection timeout: No available servers. Topology: {{ Type: Unknown, Servers: [ {servers} ] }}"
        );
        let expected =
            "no server can take the call: I/O error: Connection refused; I/O error: timed out";
        assert_eq!(unselected(&message), expected);
        assert_eq!(unselected("No available servers."), "no server can take the call");
    }
}
