//! The audit log, as answered.

use std::sync::Arc;

use serde::Serialize;

use super::field::Read;
use crate::domain::audit::Entry;

/// Entries of a page where the caller does not say, and at most.
const LIMIT: u32 = 50;
const LIMIT_MAX: u32 = 200;

/// A page of entries to list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuditList {
    /// Before this number.
    pub cursor: Option<i64>,
    /// Entries of the page.
    pub limit: u32,
}

impl AuditList {
    /// Reads the parameters of a query; each may be given once.
    pub fn parse(pairs: &[(String, String)]) -> Read<Self> {
        let (cursor, limit) = super::page::parse(pairs, LIMIT, LIMIT_MAX)?;
        Ok(Self { cursor, limit })
    }
}

/// Who has done what.
#[derive(Serialize)]
pub struct AuditEntry {
    number: i64,
    at: String,
    who: Arc<str>,
    reach: String,
    what: String,
    object: Option<String>,
    request_id: String,
    previous: String,
    hash: String,
}

impl From<Entry> for AuditEntry {
    fn from(entry: Entry) -> Self {
        let act = entry.act;
        Self {
            number: entry.number,
            at: act.at.to_string(),
            who: act.who,
            reach: act.reach.to_string(),
            what: act.what,
            object: act.object,
            request_id: act.request_id,
            previous: hex(&entry.previous),
            hash: hex(&entry.hash),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A page of entries.
#[derive(Serialize)]
pub struct AuditPage {
    /// The entries, latest first.
    pub items: Vec<AuditEntry>,
    /// Where the next page begins; `None`: this was the last.
    pub next: Option<i64>,
}
