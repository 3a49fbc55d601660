//! History: what has been decided, and what came of it.

use super::PostgresStore;
use super::error::translate;
use super::rows;
use crate::domain::authorization::Authorization;
use crate::domain::chain::Chain;
use crate::domain::id::{AuthorizationId, Home};
use crate::domain::posting::Posting;
use crate::store::{History, StoreFuture};

const AUTHORIZATION: &str = include_str!("sql/authorization_find.sql");
const CHAIN: &str = include_str!("sql/chain_find.sql");
const POSTINGS: &str = include_str!("sql/postings_find.sql");

/// The key of a row; none where the id is of the other home.
fn own(id: AuthorizationId) -> Option<uuid::Uuid> {
    (id.home() == Home::Business).then(|| id.uuid())
}

impl History for PostgresStore {
    fn authorization(&self, id: AuthorizationId) -> StoreFuture<'_, Option<Authorization>> {
        Box::pin(async move {
            let asked = sqlx::query_as(AUTHORIZATION).bind(own(id));
            let row = asked.fetch_optional(&mut *self.reader().await?).await.map_err(translate)?;
            row.map(rows::authorization).transpose()
        })
    }

    fn chain(&self, id: AuthorizationId) -> StoreFuture<'_, Option<Chain>> {
        Box::pin(async move {
            let asked = sqlx::query_as(CHAIN).bind(own(id));
            let row = asked.fetch_optional(&mut *self.reader().await?).await.map_err(translate)?;
            row.map(rows::chain).transpose()
        })
    }

    fn postings(&self, source: AuthorizationId) -> StoreFuture<'_, Vec<Posting>> {
        Box::pin(async move {
            let asked = sqlx::query_as(POSTINGS).bind(own(source));
            let rows = asked.fetch_all(&mut *self.reader().await?).await.map_err(translate)?;
            rows.into_iter().map(rows::posting).collect()
        })
    }
}
