//! What the broker takes for dead by itself: messages that were worth nothing any more when their turn
//! came, and those that come back too often.

use sqlx::Row;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::rows;
use super::writer::move_to;
use crate::broker::headers::{self, DELIVERY_LIMIT, EXPIRED, Onward};
use crate::broker::topology::{DELIVERIES_MAX, Queue};
use crate::broker::{Message, Settlement};

const RETURNED: &str = include_str!("sql/messages_returned.sql");

/// Of these, which have just come back, those that have too often become dead letters.
pub(super) async fn bury_returned(
    connection: &mut SqliteConnection,
    seqs: &[i64],
    now_ms: i64,
) -> Result<(), sqlx::Error> {
    if seqs.is_empty() {
        return Ok(());
    }
    let query = sqlx::query(RETURNED).bind(rows::numbers(seqs)).bind(DELIVERIES_MAX);
    for row in query.fetch_all(&mut *connection).await? {
        bury(connection, &row, DELIVERY_LIMIT, now_ms).await?;
    }
    Ok(())
}

/// What has expired becomes a dead letter; `false`: its queue has none. The row has its `seq`, `queue` and
/// `headers`.
pub(super) async fn bury_expired(
    connection: &mut SqliteConnection,
    row: &SqliteRow,
    now_ms: i64,
) -> Result<bool, sqlx::Error> {
    bury(connection, row, EXPIRED, now_ms).await
}

async fn bury(
    connection: &mut SqliteConnection,
    row: &SqliteRow,
    reason: &str,
    now_ms: i64,
) -> Result<bool, sqlx::Error> {
    let (seq, queue): (i64, String) = (row.try_get("seq")?, row.try_get("queue")?);
    let message =
        Message { headers: rows::parse_headers(row.try_get("headers")?), ..Message::default() };
    let error = headers::error_of(reason).to_owned();
    let dead = Settlement::Dead { reason: reason.to_owned(), error };
    let onward = Queue::parse(&queue)
        .map(|queue| headers::onward(queue, &message, headers::failures(&message), dead));
    let Some(Onward::Dead(message, _)) = onward else { return Ok(false) };
    let headers = rows::headers(&message.headers);
    move_to(connection, seq, Queue::DeadLetters.name(), (headers, None), now_ms).await?;
    Ok(true)
}
