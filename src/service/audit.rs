//! The audit log: an administrative act leaves an entry before it is answered.

use std::sync::Arc;

use super::error::Error;
use crate::domain::access::Caller;
use crate::domain::audit::{Act, Entry, Record};
use crate::domain::clock::Clock;
use crate::store::audit_log::AuditLog;

/// What the verbs work with.
pub struct AuditDesk {
    /// The log.
    pub log: Arc<dyn AuditLog>,
    /// Time.
    pub clock: Arc<dyn Clock>,
}

impl AuditDesk {
    /// An act that a caller is about to do: what, on which object, under which request id.
    pub fn begin(
        &self,
        caller: &Caller,
        what: String,
        object: Option<String>,
        request_id: String,
    ) -> Arc<Record> {
        let (who, reach) = (Arc::clone(&caller.key), caller.reach);
        Record::new(Act { at: self.clock.now(), who, reach, what, object, request_id })
    }

    /// Writes the entry of an act that was done, where its own transaction has not.
    pub async fn settle(&self, record: &Record) -> Result<(), Error> {
        let Some(act) = record.pending() else { return Ok(()) };
        self.log.append(act).await?;
        record.committed();
        Ok(())
    }

    /// Entries before this number, latest first.
    pub async fn list(&self, before: Option<i64>, rows_max: u32) -> Result<Vec<Entry>, Error> {
        Ok(self.log.latest(before, rows_max).await?)
    }
}
