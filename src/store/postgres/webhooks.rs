//! Notifications of the card platform.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::Ordering;

use sqlx::postgres::PgConnection;
use uuid::Uuid;

use super::PostgresStore;
use super::error::{translate, unreadable};
use super::rows::fingerprint;
use crate::domain::decision::Fingerprint;
use crate::domain::id::EventId;
use crate::domain::time::Timestamp;
use crate::domain::webhook::{
    ClaimedWebhook, Kept, NewWebhook, Sealed, WebhookEnd, WebhookRecord, WebhookStatus,
};
use crate::store::webhooks::{Claim, WebhookEvents, Which};
use crate::store::{StoreError, StoreFuture};

const INSERT: &str = include_str!("sql/webhooks_insert.sql");
const FIND: &str = include_str!("sql/webhooks_find.sql");
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
    Uuid,
    String,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<i64>,
    i64,
    String,
    Option<String>,
    i32,
    Option<i64>,
);

fn record(row: RecordRow) -> Result<WebhookRecord, StoreError> {
    let (id, family, token, kind, subject, event_at, received_at, status, ..) = row;
    let (reason, attempts, next_at) = (row.8, row.9, row.10);
    let unknown = || unreadable("a notification in an unknown state");
    Ok(WebhookRecord {
        id: EventId::new(id),
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

type ClaimedRow = (Uuid, String, Option<String>, Option<i64>, i64, i32, String, Vec<u8>);

fn claimed(row: ClaimedRow) -> ClaimedWebhook {
    let (id, family, subject, event_at, received_at, attempts, key_id, bytes) = row;
    ClaimedWebhook {
        id: EventId::new(id),
        family,
        subject,
        event_at: event_at.map(Timestamp::from_micros),
        received_at: Timestamp::from_micros(received_at),
        attempts: u32::try_from(attempts).unwrap_or(0).saturating_sub(1),
        body: Sealed { key_id, bytes },
    }
}

impl WebhookEvents for PostgresStore {
    fn keep(&self, events: Vec<NewWebhook>) -> StoreFuture<'_, Vec<Kept>> {
        Box::pin(self.write(move |connection| Box::pin(keep(connection, events))))
    }

    fn claim(&self, claim: Claim) -> StoreFuture<'_, Vec<ClaimedWebhook>> {
        let offset_us = self.options.clock_offset_us.load(Ordering::Relaxed);
        Box::pin(self.write(move |connection| {
            Box::pin(async move {
                let rows: Vec<ClaimedRow> = match claim.which {
                    Which::One(id) => sqlx::query_as(CLAIM_ONE)
                        .bind(claim.key_ids)
                        .bind(id.uuid())
                        .bind(claim.lease_us)
                        .bind(offset_us)
                        .fetch_all(connection)
                        .await
                        .map_err(translate)?,
                    Which::Due { rows_max } => sqlx::query_as(CLAIM_DUE)
                        .bind(claim.key_ids)
                        .bind(i64::from(rows_max))
                        .bind(claim.lease_us)
                        .bind(offset_us)
                        .fetch_all(connection)
                        .await
                        .map_err(translate)?,
                };
                Ok(rows.into_iter().map(claimed).collect())
            })
        }))
    }

    fn settle(&self, id: EventId, end: WebhookEnd) -> StoreFuture<'_, ()> {
        Box::pin(self.write(move |connection| {
            Box::pin(async move {
                let query = sqlx::query(SETTLE)
                    .bind(id.uuid())
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
            let asked = sqlx::query_scalar(SUPERSEDED).bind(subject).bind(than.as_micros());
            asked.fetch_one(&mut self.reader().await?).await.map_err(translate)
        })
    }

    fn list(
        &self,
        status: Option<WebhookStatus>,
        before: Option<EventId>,
        rows_max: u32,
    ) -> StoreFuture<'_, Vec<WebhookRecord>> {
        Box::pin(async move {
            let before = before.map_or(Uuid::max(), |id| id.uuid());
            let asked = match status {
                Some(WebhookStatus::Parked) => sqlx::query_as(PARKED),
                _ => sqlx::query_as(LIST).bind(status.map(WebhookStatus::as_str)),
            };
            let asked = asked.bind(before).bind(i64::from(rows_max));
            let rows: Vec<RecordRow> =
                asked.fetch_all(&mut self.reader().await?).await.map_err(translate)?;
            rows.into_iter().map(record).collect()
        })
    }

    fn one(&self, id: EventId) -> StoreFuture<'_, Option<WebhookRecord>> {
        Box::pin(async move {
            let asked = sqlx::query_as(SHOW).bind(id.uuid());
            let row: Option<RecordRow> =
                asked.fetch_optional(&mut self.reader().await?).await.map_err(translate)?;
            row.map(record).transpose()
        })
    }

    fn retry(&self, id: EventId, _now: Timestamp) -> StoreFuture<'_, bool> {
        let offset_us = self.options.clock_offset_us.load(Ordering::Relaxed);
        Box::pin(self.write(move |connection| {
            Box::pin(async move {
                let query = sqlx::query(RETRY).bind(id.uuid()).bind(offset_us);
                let done = query.execute(connection).await.map_err(translate)?;
                Ok(done.rows_affected() == 1)
            })
        }))
    }

    fn counts(&self) -> StoreFuture<'_, Vec<(WebhookStatus, u64)>> {
        Box::pin(async move {
            let asked = sqlx::query_as(COUNT);
            let rows: Vec<(String, i64)> =
                asked.fetch_all(&mut self.reader().await?).await.map_err(translate)?;
            let count = |(status, count): (String, i64)| {
                Some((WebhookStatus::parse(&status)?, u64::try_from(count).unwrap_or(0)))
            };
            Ok(rows.into_iter().filter_map(count).collect())
        })
    }

    fn forget_before(&self, before: Timestamp, rows_max: u32) -> StoreFuture<'_, u64> {
        Box::pin(self.write(move |connection| {
            Box::pin(async move {
                let query = sqlx::query(FORGET).bind(before.as_micros()).bind(i64::from(rows_max));
                Ok(query.execute(connection).await.map_err(translate)?.rows_affected())
            })
        }))
    }
}

fn keep(connection: &mut PgConnection, events: Vec<NewWebhook>) -> StoreFuture<'_, Vec<Kept>> {
    Box::pin(async move {
        let new = insert(connection, &events).await?;
        let old: Vec<&str> = events
            .iter()
            .filter(|event| !new.contains(&event.id.uuid()))
            .map(|event| event.key.as_str())
            .collect();
        let known = if old.is_empty() { HashMap::new() } else { find(connection, old).await? };
        let kept = |event: &NewWebhook| match known.get(&event.key) {
            _ if new.contains(&event.id.uuid()) => Kept::New,
            Some(kept) if *kept != event.fingerprint => Kept::Conflict,
            _ => Kept::Duplicate,
        };
        Ok(events.iter().map(kept).collect())
    })
}

async fn insert(
    connection: &mut PgConnection,
    events: &[NewWebhook],
) -> Result<HashSet<Uuid>, StoreError> {
    fn column<T>(events: &[NewWebhook], part: impl Fn(&NewWebhook) -> T) -> Vec<T> {
        events.iter().map(part).collect()
    }
    let asked = sqlx::query_scalar(INSERT)
        .bind(column(events, |it| it.received_at.as_micros()))
        .bind(column(events, |it| it.event_at.map(Timestamp::as_micros)))
        .bind(column(events, |it| it.due_at.map(Timestamp::as_micros)))
        .bind(column(events, |it| it.id.uuid()))
        .bind(column(events, |it| it.status.as_str().to_owned()))
        .bind(column(events, |it| it.key.clone()))
        .bind(column(events, |it| it.fingerprint.to_bytes().to_vec()))
        .bind(column(events, |it| it.family.to_owned()))
        .bind(column(events, |it| it.token.as_ref().map(ToString::to_string)))
        .bind(column(events, |it| it.kind.clone()))
        .bind(column(events, |it| it.subject.clone()))
        .bind(column(events, |it| it.reason.clone()))
        .bind(column(events, |it| it.body.key_id.clone()))
        .bind(column(events, |it| it.body.bytes.clone()));
    let ids: Vec<Uuid> = asked.fetch_all(connection).await.map_err(translate)?;
    Ok(ids.into_iter().collect())
}

async fn find(
    connection: &mut PgConnection,
    keys: Vec<&str>,
) -> Result<HashMap<String, Fingerprint>, StoreError> {
    let asked = sqlx::query_as(FIND).bind(keys);
    let rows: Vec<(String, Vec<u8>)> = asked.fetch_all(connection).await.map_err(translate)?;
    rows.into_iter().map(|(key, bytes)| Ok((key, fingerprint(&bytes)?))).collect()
}
