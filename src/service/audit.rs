//! The audit log: an administrative act leaves an entry before it is answered.

use std::sync::Arc;

use super::error::Error;
use crate::domain::access::Caller;
use crate::domain::audit::{Act, Entry, Outcome, Record, Recording};
use crate::domain::clock::Clock;
use crate::store::audit_log::{self, AuditLog};

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
        let outcome = Outcome::Done;
        Record::new(Act { at: self.clock.now(), who, reach, what, object, request_id, outcome })
    }

    /// Writes the entry of an act that was done, where its own transaction has not.
    pub async fn settle(&self, record: &Record) -> Result<(), Error> {
        let Some(act) = record.pending() else { return Ok(()) };
        self.log.append(act).await?;
        record.committed();
        Ok(())
    }

    /// Writes that an act is about to be done, where no transaction of the log's own store will do it:
    /// should this process end in the midst of it, it is known that it was begun.
    pub async fn ahead(&self, record: &Recording) -> Result<(), Error> {
        let Some(record) = record else { return Ok(()) };
        Ok(audit_log::ahead(&*self.log, record).await?)
    }

    /// Writes that an act was begun and refused, if it was begun and nothing of it can have been done.
    pub async fn fail(&self, record: &Record) -> Result<(), Error> {
        let Some(act) = record.failure() else { return Ok(()) };
        Ok(self.log.append(act).await?)
    }

    /// Entries before this number, latest first.
    pub async fn list(&self, before: Option<i64>, rows_max: u32) -> Result<Vec<Entry>, Error> {
        Ok(self.log.latest(before, rows_max).await?)
    }
}
