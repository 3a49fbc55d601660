//! History: what has been decided, and what came of it.

use super::SqliteStore;
use super::query::{ask, many, one};
use super::rows;
use crate::domain::authorization::Authorization;
use crate::domain::chain::Chain;
use crate::domain::id::AuthorizationId;
use crate::domain::posting::Posting;
use crate::store::{History, StoreFuture};

const AUTHORIZATION: &str = include_str!("sql/authorization_find.sql");
const CHAIN: &str = include_str!("sql/chain_find.sql");
const POSTINGS: &str = include_str!("sql/postings_find.sql");

impl History for SqliteStore {
    fn authorization(&self, id: AuthorizationId) -> StoreFuture<'_, Option<Authorization>> {
        Box::pin(async move {
            let asked = ask(AUTHORIZATION).bind(id.to_string());
            Ok(one(&mut *self.reader().await?, asked).await?.map(rows::authorization))
        })
    }

    fn chain(&self, id: AuthorizationId) -> StoreFuture<'_, Option<Chain>> {
        Box::pin(async move {
            let asked = ask(CHAIN).bind(id.to_string());
            Ok(one(&mut *self.reader().await?, asked).await?.map(rows::chain))
        })
    }

    fn postings(&self, source: AuthorizationId) -> StoreFuture<'_, Vec<Posting>> {
        Box::pin(async move {
            let asked = ask(POSTINGS).bind(source.to_string());
            let rows = many(&mut *self.reader().await?, asked).await?;
            rows.into_iter().map(rows::posting).collect()
        })
    }
}
