//! Notifications of the card platform.

use sqlx::sqlite::SqliteConnection;
use uuid::Uuid;

use super::SqliteStore;
use super::error::{translate, unreadable};
use crate::domain::decision::Fingerprint;
use crate::domain::id::EventId;
use crate::domain::time::Timestamp;
use crate::domain::webhook::{
    ClaimedWebhook, Kept, NewWebhook, Sealed, WebhookEnd, WebhookRecord, WebhookStatus,
};
use crate::store::webhooks::{Claim, WebhookEvents, Which};
use crate::store::{StoreError, StoreFuture};

const INSERT: &str = include_str!("sql/webhook_insert.sql");
const FIND: &str = include_str!("sql/webhook_find.sql");
const CLAIM_DUE: &str = include_str!("sql/webhooks_claim.sql");
const CLAIM_ONE: &str = include_str!("sql/webhook_claim.sql");
const SETTLE: &str = include_str!("sql/webhook_settle.sql");
const SUPERSEDED: &str = include_str!("sql/webhook_supersede.sql");
const COUNT: &str = include_str!("sql/webhooks_count.sql");
const FORGET: &str = include_str!("sql/webhooks_forget.sql");
const LIST: &str = include_str!("sql/webhooks_list.sql");
const PARKED: &str = include_str!("sql/webhooks_parked.sql");
const SHOW: &str = include_str!("sql/webhook_show.sql");
const RETRY: &str = include_str!("sql/webhook_retry.sql");

/// `webhook_events`, without what only workers need.
type RecordRow = (
    String,
    String,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<i64>,
    i64,
    String,
    Option<String>,
    i64,
    Option<i64>,
);

fn record(row: RecordRow) -> Result<WebhookRecord, StoreError> {
    let (id, family, token, kind, subject, event_at, received_at, status, ..) = row;
    let (reason, attempts, next_at) = (row.8, row.9, row.10);
    let unknown = || unreadable("a notification in an unknown state");
    Ok(WebhookRecord {
        id: id.parse().map_err(unreadable)?,
        family,
        token,
        kind,
        subject,
        event_at: event_at.map(Timestamp::from_micros),
        received_at: Timestamp::from_micros(received_at),
        status: WebhookStatus::parse(&status).ok_or_else(unknown)?,
        reason,
        attempts: u32::try_from(attempts).unwrap_or(0),
        next_at: next_at.map(Timestamp::from_micros),
    })
}

type ClaimedRow = (String, String, Option<String>, Option<i64>, i64, i64, String, Vec<u8>);

fn claimed(row: ClaimedRow) -> Result<ClaimedWebhook, StoreError> {
    let (id, family, subject, event_at, received_at, attempts, key_id, bytes) = row;
    Ok(ClaimedWebhook {
        id: id.parse().map_err(unreadable)?,
        family,
        subject,
        event_at: event_at.map(Timestamp::from_micros),
        received_at: Timestamp::from_micros(received_at),
        attempts: u32::try_from(attempts).unwrap_or(0).saturating_sub(1),
        body: Sealed { key_id, bytes },
    })
}

impl WebhookEvents for SqliteStore {
    fn keep(&self, events: Vec<NewWebhook>) -> StoreFuture<'_, Vec<Kept>> {
        Box::pin(self.jobs.write(move |connection| {
            Box::pin(async move {
                let mut kept = Vec::with_capacity(events.len());
                for event in &events {
                    kept.push(keep(connection, event).await?);
                }
                Ok(kept)
            })
        }))
    }

    fn claim(&self, claim: Claim) -> StoreFuture<'_, Vec<ClaimedWebhook>> {
        Box::pin(self.jobs.write(move |connection| {
            Box::pin(async move {
                let keys = serde_json::to_string(&claim.key_ids).map_err(unreadable)?;
                let asked = match claim.which {
                    Which::One(id) => sqlx::query_as(CLAIM_ONE)
                        .bind(claim.now.as_micros())
                        .bind(keys)
                        .bind(id.to_string()),
                    Which::Due { rows_max } => sqlx::query_as(CLAIM_DUE)
                        .bind(claim.now.as_micros())
                        .bind(keys)
                        .bind(rows_max),
                };
                let asked = asked.bind(claim.lease_us);
                let rows: Vec<ClaimedRow> = asked.fetch_all(connection).await.map_err(translate)?;
                rows.into_iter().map(claimed).collect()
            })
        }))
    }

    fn settle(&self, id: EventId, end: WebhookEnd) -> StoreFuture<'_, ()> {
        Box::pin(self.jobs.write(move |connection| {
            Box::pin(async move {
                let query = sqlx::query(SETTLE)
                    .bind(id.to_string())
                    .bind(end.status.as_str())
                    .bind(end.reason)
                    .bind(end.retry_at.map(Timestamp::as_micros))
                    .bind(end.counted);
                query.execute(connection).await.map_err(translate).map(drop)
            })
        }))
    }

    fn superseded<'a>(&'a self, subject: &'a str, than: Timestamp) -> StoreFuture<'a, bool> {
        Box::pin(async move {
            let asked = sqlx::query_scalar(SUPERSEDED).bind(subject.to_owned());
            let asked = asked.bind(than.as_micros());
            asked.fetch_one(&mut *self.reader().await?).await.map_err(translate)
        })
    }

    fn list(
        &self,
        status: Option<WebhookStatus>,
        before: Option<EventId>,
        rows_max: u32,
    ) -> StoreFuture<'_, Vec<WebhookRecord>> {
        Box::pin(async move {
            let before = before.unwrap_or_else(|| EventId::new(Uuid::max())).to_string();
            let asked = match status {
                Some(WebhookStatus::Parked) => sqlx::query_as(PARKED),
                _ => sqlx::query_as(LIST).bind(status.map(WebhookStatus::as_str)),
            };
            let asked = asked.bind(before).bind(i64::from(rows_max));
            let rows: Vec<RecordRow> =
                asked.fetch_all(&mut *self.reader().await?).await.map_err(translate)?;
            rows.into_iter().map(record).collect()
        })
    }

    fn one(&self, id: EventId) -> StoreFuture<'_, Option<WebhookRecord>> {
        Box::pin(async move {
            let asked = sqlx::query_as(SHOW).bind(id.to_string());
            let row: Option<RecordRow> =
                asked.fetch_optional(&mut *self.reader().await?).await.map_err(translate)?;
            row.map(record).transpose()
        })
    }

    fn retry(&self, id: EventId, now: Timestamp) -> StoreFuture<'_, bool> {
        Box::pin(self.jobs.write(move |connection| {
            Box::pin(async move {
                let query = sqlx::query(RETRY).bind(id.to_string()).bind(now.as_micros());
                let done = query.execute(connection).await.map_err(translate)?;
                Ok(done.rows_affected() == 1)
            })
        }))
    }

    fn counts(&self) -> StoreFuture<'_, Vec<(WebhookStatus, u64)>> {
        Box::pin(async move {
            let asked = sqlx::query_as(COUNT);
            let rows: Vec<(String, i64)> =
                asked.fetch_all(&mut *self.reader().await?).await.map_err(translate)?;
            let count = |(status, count): (String, i64)| {
                Some((WebhookStatus::parse(&status)?, u64::try_from(count).unwrap_or(0)))
            };
            Ok(rows.into_iter().filter_map(count).collect())
        })
    }

    fn forget_before(&self, before: Timestamp, rows_max: u32) -> StoreFuture<'_, u64> {
        Box::pin(self.jobs.write(move |connection| {
            Box::pin(async move {
                let query = sqlx::query(FORGET).bind(before.as_micros()).bind(rows_max);
                Ok(query.execute(connection).await.map_err(translate)?.rows_affected())
            })
        }))
    }
}

async fn keep(connection: &mut SqliteConnection, event: &NewWebhook) -> Result<Kept, StoreError> {
    let query = sqlx::query(INSERT)
        .bind(event.id.to_string())
        .bind(event.key.clone())
        .bind(event.fingerprint.to_string())
        .bind(event.family)
        .bind(event.token.as_ref().map(ToString::to_string))
        .bind(event.kind.clone())
        .bind(event.subject.clone())
        .bind(event.event_at.map(Timestamp::as_micros))
        .bind(event.received_at.as_micros())
        .bind(event.status.as_str())
        .bind(event.reason.clone())
        .bind(event.due_at.map(Timestamp::as_micros))
        .bind(event.body.key_id.clone())
        .bind(event.body.bytes.clone());
    let inserted = query.execute(&mut *connection).await.map_err(translate)?.rows_affected();
    if inserted == 1 {
        return Ok(Kept::New);
    }
    let asked = sqlx::query_scalar(FIND).bind(event.key.clone());
    let known: String = asked.fetch_one(connection).await.map_err(translate)?;
    let known: Fingerprint = known.parse().map_err(unreadable)?;
    Ok(if known == event.fingerprint { Kept::Duplicate } else { Kept::Conflict })
}
