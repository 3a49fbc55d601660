//! What people have submitted, and what was decided.

use std::sync::Arc;

use mongodb::bson::{Document, doc};
use serde::{Deserialize, Serialize};

use super::MongoStore;
use super::narrow::{Id, key};
use super::parties::{Stamped, replace};
use super::policies::require;
use super::transaction::Tx;
use super::{parties, policies};
use crate::domain::id::{KycId, UserId};
use crate::domain::kyc::{KycGrant, KycRecord, KycStatus};
use crate::domain::time::Timestamp;
use crate::store::StoreError;
use crate::store::lists::KycQuery;

const RECORDS: &str = "kyc_records";

/// `kyc_records`.
#[derive(Serialize, Deserialize)]
pub(super) struct KycRow {
    #[serde(rename = "_id")]
    id: Id<KycId>,
    user: Id<UserId>,
    tier: Arc<str>,
    documents: Vec<Arc<str>>,
    status: KycStatus,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<Arc<str>>,
    version: i64,
    created_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    decided_at: Option<Timestamp>,
}

impl KycRow {
    pub(super) fn record(self) -> KycRecord {
        KycRecord {
            id: self.id.0,
            user: self.user.0,
            tier: self.tier,
            documents: self.documents,
            status: self.status,
            reason: self.reason,
            version: self.version,
            created_at: self.created_at,
            decided_at: self.decided_at,
        }
    }
}

fn row(record: KycRecord) -> KycRow {
    KycRow {
        id: Id(record.id),
        user: Id(record.user),
        tier: record.tier,
        documents: record.documents,
        status: record.status,
        reason: record.reason,
        version: record.version,
        created_at: record.created_at,
        decided_at: record.decided_at,
    }
}

pub(super) async fn insert(tx: &mut Tx, record: KycRecord) -> Stamped {
    require(tx, "personal_users", key(&record.user)).await?;
    tx.insert(RECORDS, &[row(record)]).await?;
    Ok(Vec::new())
}

/// The decision, and what it gives, or none of it.
pub(super) async fn decide(tx: &mut Tx, record: KycRecord, grant: Option<KycGrant>) -> Stamped {
    let (id, version) = (record.id, record.version);
    replace(tx, RECORDS, Id(id), version, row(record)).await?;
    let Some(KycGrant { limit, user }) = grant else { return Ok(Vec::new()) };
    let mut stamps = match limit.version {
        1 => policies::insert_limit(tx, limit).await?,
        _ => policies::update_limit(tx, limit).await?,
    };
    if let Some(user) = user {
        stamps.extend(parties::update_user(tx, user).await?);
    }
    Ok(stamps)
}

impl MongoStore {
    pub(super) async fn kyc_page(&self, query: KycQuery) -> Result<Vec<KycRecord>, StoreError> {
        let mut filter = Document::new();
        filter.extend(
            query.page.before.map(|id| ("_id".to_owned(), doc! { "$lt": key(&id) }.into())),
        );
        filter.extend(query.user.map(|user| ("user".to_owned(), key(&user))));
        if let Some(status) = query.status {
            filter.insert("status", status.as_str());
        }
        let rows: Vec<KycRow> = self.list(RECORDS, filter, query.page.rows_max).await?;
        Ok(rows.into_iter().map(KycRow::record).collect())
    }
}
