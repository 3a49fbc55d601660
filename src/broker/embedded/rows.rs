//! Messages as rows.

use std::collections::BTreeMap;

use bytes::Bytes;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, query::Query};

use crate::broker::Message;

type Insert = Query<'static, sqlx::Sqlite, sqlx::sqlite::SqliteArguments>;

/// A message that is to be kept.
pub(super) struct NewRow {
    pub(super) queue: String,
    message: Message,
}

impl NewRow {
    /// A message whose turn comes at once. Where nobody has said when it was published, it is now.
    pub(super) fn new(queue: String, mut message: Message, wall_ms: i64) -> Self {
        message.published_ms.get_or_insert(wall_ms);
        Self { queue, message }
    }

    /// Its values, in the order of the statement's columns.
    pub(super) fn bind(self, insert: Insert, ready_ms: i64) -> Insert {
        let Self { queue, message } = self;
        let lives = message.expires_after.map(|after| {
            ready_ms.saturating_add(i64::try_from(after.as_millis()).unwrap_or(i64::MAX))
        });
        insert
            .bind(queue)
            .bind(ready_ms)
            .bind(lives)
            .bind(message.id)
            .bind(message.content_type)
            .bind(message.reply_to)
            .bind(message.correlation_id)
            .bind(headers(&message.headers))
            .bind(message.published_ms)
            .bind(message.body.to_vec())
    }
}

/// Headers as they are stored.
pub(super) fn headers(headers: &BTreeMap<String, String>) -> String {
    serde_json::to_string(headers).expect("texts always become JSON")
}

/// Numbers of rows, as statements take them.
pub(super) fn numbers(seqs: &[i64]) -> String {
    serde_json::to_string(seqs).expect("numbers always become JSON")
}

/// Headers as they were stored.
pub(super) fn parse_headers(text: &str) -> BTreeMap<String, String> {
    serde_json::from_str(text).unwrap_or_default() // only this program writes them
}

/// A row that was handed out.
pub(super) struct HeldRow {
    pub(super) seq: i64,
    pub(super) ready_ms: i64,
    pub(super) redelivered: bool,
    pub(super) message: Message,
}

/// Reads a row of the claim.
pub(super) fn held(row: &SqliteRow) -> Result<HeldRow, sqlx::Error> {
    let body: Vec<u8> = row.try_get("body")?;
    Ok(HeldRow {
        seq: row.try_get("seq")?,
        ready_ms: row.try_get("ready_ms")?,
        redelivered: row.try_get("redelivered")?,
        message: Message {
            id: row.try_get("message_id")?,
            content_type: row.try_get("content_type")?,
            reply_to: row.try_get("reply_to")?,
            correlation_id: row.try_get("correlation_id")?,
            headers: parse_headers(row.try_get("headers")?),
            unread: Vec::new(),
            published_ms: row.try_get("published_ms")?,
            expires_after: None,
            body: Bytes::from(body),
        },
    })
}
