//! Keys of the REST routes.

use uuid::Uuid;

use super::PostgresStore;
use super::audit_log::as_hash;
use super::error::translate;
use super::parties::affected;
use crate::domain::access::{Reach, Scopes};
use crate::domain::api_key::ApiKey;
use crate::domain::audit::Hash;
use crate::domain::audit::Recording;
use crate::domain::id::{ApiKeyId, CompanyId};
use crate::domain::time::Timestamp;
use crate::store::api_keys::ApiKeys;
use crate::store::{StoreError, StoreFuture};

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    prefix: String,
    name: String,
    scopes: String,
    company_id: Option<Uuid>,
    created_by: String,
    created_at: i64,
    expires_at: Option<i64>,
    revoked_at: Option<i64>,
    last_used_at: Option<i64>,
}

#[derive(sqlx::FromRow)]
struct Hashed {
    #[sqlx(flatten)]
    key: Row,
    hash: Vec<u8>,
}

fn key(row: Row) -> Result<ApiKey, StoreError> {
    let reach = match row.company_id {
        None => Reach::Program,
        Some(company) => Reach::Company(CompanyId::new(company)),
    };
    Ok(ApiKey {
        id: ApiKeyId::new(row.id),
        prefix: row.prefix,
        name: row.name.into(),
        scopes: Scopes::granted(&row.scopes),
        reach,
        created_by: row.created_by.into(),
        created_at: Timestamp::from_micros(row.created_at),
        expires_at: row.expires_at.map(Timestamp::from_micros),
        revoked_at: row.revoked_at.map(Timestamp::from_micros),
        last_used_at: row.last_used_at.map(Timestamp::from_micros),
    })
}

impl ApiKeys for PostgresStore {
    fn insert_key(&self, key: ApiKey, hash: Hash, record: Recording) -> StoreFuture<'_, ()> {
        let store = self.recording_with(record);
        Box::pin(async move {
            let insert = store.write(move |connection| {
                Box::pin(async move {
                    let insert = sqlx::query(include_str!("sql/api_key_insert.sql"))
                        .bind(key.id.uuid())
                        .bind(key.prefix)
                        .bind(hash.to_vec())
                        .bind(key.name.to_string())
                        .bind(key.scopes.to_string())
                        .bind(key.reach.company().map(CompanyId::uuid))
                        .bind(key.created_by.to_string())
                        .bind(key.created_at.as_micros())
                        .bind(key.expires_at.map(Timestamp::as_micros));
                    affected(connection, insert).await.map(drop)
                })
            });
            insert.await
        })
    }

    fn key_by_prefix(&self, prefix: String) -> StoreFuture<'_, Option<(ApiKey, Hash)>> {
        Box::pin(async move {
            let asked = sqlx::query_as(include_str!("sql/api_key_by_prefix.sql")).bind(prefix);
            let row: Option<Hashed> =
                asked.fetch_optional(&mut self.reader().await?).await.map_err(translate)?;
            row.map(|row| Ok((key(row.key)?, as_hash(&row.hash)?))).transpose()
        })
    }

    fn key(&self, id: ApiKeyId, company: Option<CompanyId>) -> StoreFuture<'_, Option<ApiKey>> {
        Box::pin(async move {
            let asked = sqlx::query_as(include_str!("sql/api_key_find.sql"))
                .bind(id.uuid())
                .bind(company.map(CompanyId::uuid));
            let row: Option<Row> =
                asked.fetch_optional(&mut self.reader().await?).await.map_err(translate)?;
            row.map(key).transpose()
        })
    }

    fn keys(
        &self,
        company: Option<CompanyId>,
        before: Option<ApiKeyId>,
        rows_max: u32,
    ) -> StoreFuture<'_, Vec<ApiKey>> {
        Box::pin(async move {
            let asked = sqlx::query_as(include_str!("sql/api_keys_find.sql"))
                .bind(company.map(CompanyId::uuid))
                .bind(before.map_or(Uuid::max(), ApiKeyId::uuid))
                .bind(i64::from(rows_max));
            let rows: Vec<Row> =
                asked.fetch_all(&mut self.reader().await?).await.map_err(translate)?;
            rows.into_iter().map(key).collect()
        })
    }

    fn revoke_key(
        &self,
        id: ApiKeyId,
        company: Option<CompanyId>,
        at: Timestamp,
        record: Recording,
    ) -> StoreFuture<'_, bool> {
        let store = self.recording_with(record);
        Box::pin(async move {
            let revoke = store.write(move |connection| {
                Box::pin(async move {
                    let revoke = sqlx::query(include_str!("sql/api_key_revoke.sql"))
                        .bind(id.uuid())
                        .bind(company.map(CompanyId::uuid))
                        .bind(at.as_micros());
                    affected(connection, revoke).await.map(|rows| rows > 0)
                })
            });
            revoke.await
        })
    }

    fn keys_used(&self, used: Vec<(ApiKeyId, Timestamp)>) -> StoreFuture<'_, ()> {
        Box::pin(self.write(move |connection| {
            Box::pin(async move {
                for (id, at) in used {
                    let update = sqlx::query(include_str!("sql/api_key_used.sql"))
                        .bind(id.uuid())
                        .bind(at.as_micros());
                    affected(connection, update).await?;
                }
                Ok(())
            })
        }))
    }
}
