//! Verification of the audit log: every entry follows the one before, and the last one is there.

use crate::domain::audit::BEGINNING;
use crate::store::StoreError;
use crate::store::audit_log::AuditLog;

/// Entries that are read at a time.
const PAGE: u32 = 1_000;

/// What was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogReport {
    /// Entries that follow each other from the beginning.
    pub entries: i64,
    /// The number of the first entry that is missing, was changed, or does not follow.
    pub broken_at: Option<i64>,
}

/// Reads the whole log. Entries that are added meanwhile need not be seen.
pub async fn verify_log(log: &dyn AuditLog) -> Result<LogReport, StoreError> {
    let head = log.head().await?;
    let mut last = (0, BEGINNING);
    let broken = |(number, _): (i64, _)| LogReport {
        entries: number,
        broken_at: Some(number.saturating_add(1)),
    };
    loop {
        let page = log.entries(last.0, PAGE).await?;
        if page.is_empty() {
            break;
        }
        for entry in page {
            // The head was read before: it must be met on the way.
            if !entry.follows(last) || (last.0 == head.0 && last != head) {
                return Ok(broken(last));
            }
            last = (entry.number, entry.hash);
        }
    }
    let complete = last.0 > head.0 || last == head;
    Ok(if complete { LogReport { entries: last.0, broken_at: None } } else { broken(last) })
}
