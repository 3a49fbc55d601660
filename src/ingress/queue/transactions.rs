//! Transactions that programs report through the queue: taken in as at the HTTP door.

use std::sync::Arc;

use super::cleanse::Scanned;
use super::{Handled, Handler, Handling};
use crate::broker::Message;
use crate::service::dead_letters::ID_CONFLICT;
use crate::service::error::Error;
use crate::service::ingest::Ingest;
use crate::wire::v1::transaction::CreateTransaction;

/// The largest body, in bytes: as at the HTTP door.
const BODY_BYTES_MAX: usize = 64 * 1024;

/// Takes reported transactions in.
pub struct TransactionHandler {
    /// Where to.
    pub ingest: Arc<Ingest>,
}

impl Handler for TransactionHandler {
    fn handle<'a>(&'a self, message: &'a Message, body: Scanned) -> Handling<'a> {
        Box::pin(async move {
            let body = match read(&message.body, body) {
                Ok(body) => body,
                Err((reason, error)) => return Handled::Never { reason, error },
            };
            let record = match body.parse() {
                Ok(record) => record,
                Err(fault) => {
                    return Handled::Never { reason: fault.code, error: fault.to_string() };
                }
            };
            match self.ingest.accept(record).await {
                Ok(_) => Handled::Done,
                Err(Error::TransactionReused) => {
                    let error = "the transaction id was used before for another record".to_owned();
                    Handled::Never { reason: ID_CONFLICT, error }
                }
                Err(Error::Unavailable) => Handled::Unavailable,
                Err(error) => Handled::Failed { error: error.to_string() },
            }
        })
    }
}

/// Reads a record; what can not be read is told by a code and a sentence.
fn read(body: &[u8], scanned: Scanned) -> Result<CreateTransaction, (&'static str, String)> {
    if body.len() > BODY_BYTES_MAX {
        return Err(("body_too_large", "a body has at most 64 KiB".to_owned()));
    }
    scanned.map_err(|error| (error.code(), error.detail().to_owned()))?;
    serde_json::from_slice(body)
        .map_err(|_| ("wrong_schema", "the body is not a transaction".to_owned()))
}
