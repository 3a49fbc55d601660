//! History: what has been decided, and what came of it.

use super::PostgresStore;
use super::error::{translate, unreadable};
use super::rows;
use crate::domain::authorization::Authorization;
use crate::domain::chain::{Chain, Link};
use crate::domain::id::{AccountId, AuthorizationId, Home};
use crate::domain::posting::Posting;
use crate::domain::token::Token;
use crate::store::{History, StoreFuture};

const AUTHORIZATION: &str = include_str!("sql/authorization_find.sql");
const KNOWN: &str = include_str!("sql/authorizations_known.sql");
const CHAIN: &str = include_str!("sql/chain_find.sql");
const LINKED: &str = include_str!("sql/linked.sql");
const DECIDED: &str = include_str!("sql/decided_under.sql");
const TAKEN_ON: &str = include_str!("sql/intent_account.sql");
const POSTINGS: &str = include_str!("sql/postings_find.sql");

/// The key of a row; none where the id is of the other home.
fn own(id: AuthorizationId) -> Option<uuid::Uuid> {
    (id.home() == Home::Business).then(|| id.uuid())
}

impl History for PostgresStore {
    fn authorization(&self, id: AuthorizationId) -> StoreFuture<'_, Option<Authorization>> {
        Box::pin(async move {
            let asked = sqlx::query_as(AUTHORIZATION).bind(own(id));
            let row = asked.fetch_optional(&mut self.reader().await?).await.map_err(translate)?;
            row.map(rows::authorization).transpose()
        })
    }

    fn known<'a>(&'a self, ids: &'a [AuthorizationId]) -> StoreFuture<'a, Vec<AuthorizationId>> {
        Box::pin(async move {
            let keys: Vec<_> = ids.iter().copied().filter_map(own).collect();
            let asked = sqlx::query_scalar(KNOWN).bind(keys);
            let found = asked.fetch_all(&mut self.reader().await?).await.map_err(translate)?;
            Ok(found.into_iter().map(rows::authorization_id).collect())
        })
    }

    fn chain(&self, id: AuthorizationId) -> StoreFuture<'_, Option<Chain>> {
        Box::pin(async move {
            let asked = sqlx::query_as(CHAIN).bind(own(id));
            let row = asked.fetch_optional(&mut self.reader().await?).await.map_err(translate)?;
            row.map(rows::chain).transpose()
        })
    }

    fn taken_on<'a>(&'a self, key: &'a str) -> StoreFuture<'a, Vec<AccountId>> {
        Box::pin(async move {
            let asked = sqlx::query_scalar(TAKEN_ON).bind(key);
            let found = asked.fetch_all(&mut self.reader().await?).await.map_err(translate)?;
            Ok(found.into_iter().map(|id| AccountId::new(Home::Business, id)).collect())
        })
    }

    fn postings(&self, source: AuthorizationId) -> StoreFuture<'_, Vec<Posting>> {
        Box::pin(async move {
            let asked = sqlx::query_as(POSTINGS).bind(own(source));
            let rows = asked.fetch_all(&mut self.reader().await?).await.map_err(translate)?;
            rows.into_iter().map(rows::posting).collect()
        })
    }

    fn linked<'a>(&'a self, names: &'a [Link]) -> StoreFuture<'a, Vec<(Link, AuthorizationId)>> {
        Box::pin(async move {
            let texts: Vec<_> = names.iter().map(Link::to_string).collect();
            let transactions = names.iter().filter_map(|name| match name {
                Link::Transaction(token) => Some(rows::token_row(token)),
                Link::Funding(_) => None,
            });
            let transactions: Vec<_> = transactions.collect();
            let asked = sqlx::query_as(LINKED).bind(texts).bind(transactions);
            let rows: Vec<(String, uuid::Uuid)> =
                asked.fetch_all(&mut self.reader().await?).await.map_err(translate)?;
            let read = |(link, id): (String, _)| {
                Ok((link.parse().map_err(unreadable)?, rows::authorization_id(id)))
            };
            rows.into_iter().map(read).collect()
        })
    }

    fn decided_under<'a>(
        &'a self,
        tokens: &'a [Token],
    ) -> StoreFuture<'a, Vec<(Token, AuthorizationId)>> {
        Box::pin(async move {
            let packed: Vec<_> = tokens.iter().map(rows::token_row).collect();
            let asked = sqlx::query_as(DECIDED).bind(packed);
            let rows: Vec<(Vec<u8>, uuid::Uuid)> =
                asked.fetch_all(&mut self.reader().await?).await.map_err(translate)?;
            let read = |(token, id): (Vec<u8>, _)| {
                Ok((rows::packed_token(&token)?, rows::authorization_id(id)))
            };
            rows.into_iter().map(read).collect()
        })
    }
}
