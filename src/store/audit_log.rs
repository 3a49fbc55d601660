//! Port to the audit log: only ever added to. An act and its entry are one transaction where the store
//! that the act is done in keeps the log as well; else one entry is written before it, and one right after.

use crate::domain::audit::{Act, Entry, Hash, Record};

use super::{StoreError, StoreFuture};

/// The log.
pub trait AuditLog: Send + Sync {
    /// Adds an entry for this act.
    fn append(&self, act: Act) -> StoreFuture<'_, ()>;
    /// Entries after this number, in order.
    fn entries(&self, after: i64, rows_max: u32) -> StoreFuture<'_, Vec<Entry>>;
    /// Entries before this number, latest first. `None`: from the end.
    fn latest(&self, before: Option<i64>, rows_max: u32) -> StoreFuture<'_, Vec<Entry>>;
    /// Number and hash of the last entry, as kept apart from the entries; `(0, BEGINNING)` before the
    /// first.
    fn head(&self) -> StoreFuture<'_, (i64, Hash)>;
}

/// Writes that an act is begun, unless it is in the log already.
pub async fn ahead(log: &dyn AuditLog, record: &Record) -> Result<(), StoreError> {
    let Some(act) = record.ahead() else { return Ok(()) };
    log.append(act).await?;
    record.begun();
    Ok(())
}
