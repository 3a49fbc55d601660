//! What people have submitted, and what was decided.

use std::sync::Arc;

use sqlx::sqlite::SqliteConnection;

use super::SqliteStore;
use super::query::{affected, ask, many, replaced};
use super::{parties, policies};
use crate::domain::id::{KycId, UserId};
use crate::domain::kyc::{KycGrant, KycRecord, KycStatus};
use crate::domain::policy::PolicyStamp;
use crate::domain::time::Timestamp;
use crate::store::StoreError;
use crate::store::lists::KycQuery;

/// `kyc_records`.
pub(super) type KycRow = (
    KycId,
    UserId,
    Arc<str>,
    Vec<Arc<str>>,
    KycStatus,
    Option<Arc<str>>,
    i64,
    Timestamp,
    Option<Timestamp>,
);

pub(super) fn record(row: KycRow) -> KycRecord {
    let (id, user, tier, documents, status, reason, version, created_at, decided_at) = row;
    KycRecord { id, user, tier, documents, status, reason, version, created_at, decided_at }
}

pub(super) async fn insert(
    connection: &mut SqliteConnection,
    record: KycRecord,
) -> Result<Vec<PolicyStamp>, StoreError> {
    let query = sqlx::query(include_str!("sql/kyc_insert.sql"))
        .bind(record.id.to_string())
        .bind(record.user.to_string())
        .bind(record.tier.to_string())
        .bind(documents(&record))
        .bind(record.status.as_str())
        .bind(record.version)
        .bind(record.created_at.as_micros());
    affected(connection, query).await?;
    Ok(Vec::new())
}

fn documents(record: &KycRecord) -> String {
    serde_json::to_string(&record.documents).unwrap_or_default()
}

/// The decision, and what it gives, or none of it.
pub(super) async fn decide(
    connection: &mut SqliteConnection,
    record: KycRecord,
    grant: Option<KycGrant>,
) -> Result<Vec<PolicyStamp>, StoreError> {
    let documents = documents(&record);
    let query = sqlx::query(include_str!("sql/kyc_update.sql"))
        .bind(record.id.to_string())
        .bind(record.version)
        .bind(record.status.as_str())
        .bind(record.reason.map(|reason| reason.to_string()))
        .bind(record.decided_at.map(Timestamp::as_micros))
        .bind(documents);
    replaced(connection, query).await?;
    let Some(KycGrant { limit, user }) = grant else { return Ok(Vec::new()) };
    let mut stamps = match limit.version {
        1 => policies::insert_limit(connection, limit).await?,
        _ => policies::update_limit(connection, limit).await?,
    };
    if let Some(user) = user {
        stamps.extend(parties::update_user(connection, user).await?);
    }
    Ok(stamps)
}

impl SqliteStore {
    pub(super) async fn kyc_page(&self, query: KycQuery) -> Result<Vec<KycRecord>, StoreError> {
        let sql = match (&query.user, &query.status) {
            (Some(_), _) => include_str!("sql/kyc_by_user.sql"),
            (None, Some(_)) => include_str!("sql/kyc_by_status.sql"),
            (None, None) => include_str!("sql/kyc_page.sql"),
        };
        let before = query.page.before.map_or_else(|| "kyc_~".to_owned(), |id| id.to_string());
        let asked = ask(sql)
            .bind(before)
            .bind(query.page.rows_max)
            .bind(query.user.map(|user| user.to_string()))
            .bind(query.status.map(KycStatus::as_str));
        let rows: Vec<KycRow> = many(&mut *self.reader().await?, asked).await?;
        Ok(rows.into_iter().map(record).collect())
    }
}
