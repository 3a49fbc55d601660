//! The audit log, as answered.

use std::sync::Arc;

use serde::Serialize;
use utoipa::ToSchema;

use super::field::{Invalid, Read};
use super::terms;
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
        if cursor.is_some_and(|number: i64| number < 0) {
            return Err(Invalid::new("invalid_parameter", "numbers of entries begin with 1"));
        }
        Ok(Self { cursor, limit })
    }
}

/// Who has done what.
#[derive(Serialize, ToSchema)]
pub struct AuditEntry {
    /// Its place in the chain.
    number: i64,
    #[schema(value_type = terms::Timestamp)]
    at: String,
    /// `admin`, the id of a key, or a subject of a token.
    #[schema(value_type = String)]
    who: Arc<str>,
    /// How far the caller sees: `program`, or a company.
    reach: String,
    /// Method and path.
    what: String,
    /// What it was about.
    #[schema(required)]
    object: Option<String>,
    /// Of the request.
    request_id: String,
    /// `begun` stands before an act that is done where no log is kept: the next entry of its request says
    /// `done`, or `failed` if nothing of it was. Where none follows, what came of it is not known here: its
    /// object tells.
    #[schema(value_type = terms::ActOutcome)]
    outcome: &'static str,
    /// The hash of the entry before.
    previous: String,
    /// The hash of this entry.
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
            outcome: act.outcome.as_str(),
            previous: hex(&entry.previous),
            hash: hex(&entry.hash),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A page of entries.
#[derive(Serialize, ToSchema)]
pub struct AuditPage {
    /// The entries, latest first.
    pub items: Vec<AuditEntry>,
    /// Where the next page begins; `None`: this was the last.
    #[schema(value_type = Option<i64>, required)]
    pub next: Option<i64>,
}
