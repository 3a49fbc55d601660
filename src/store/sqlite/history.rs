//! History: what has been decided, and what came of it.

use super::SqliteStore;
use super::encode::keys;
use super::error::unreadable;
use super::query::{ask, many, one};
use super::rows;
use crate::domain::authorization::Authorization;
use crate::domain::chain::{Chain, Link};
use crate::domain::id::{AccountId, AuthorizationId};
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

impl History for SqliteStore {
    fn authorization(&self, id: AuthorizationId) -> StoreFuture<'_, Option<Authorization>> {
        Box::pin(async move {
            let asked = ask(AUTHORIZATION).bind(id.to_string());
            Ok(one(&mut *self.reader().await?, asked).await?.map(rows::authorization))
        })
    }

    fn known<'a>(&'a self, ids: &'a [AuthorizationId]) -> StoreFuture<'a, Vec<AuthorizationId>> {
        Box::pin(async move {
            let asked = ask(KNOWN).bind(keys(ids));
            many(&mut *self.reader().await?, asked).await
        })
    }

    fn chain(&self, id: AuthorizationId) -> StoreFuture<'_, Option<Chain>> {
        Box::pin(async move {
            let asked = ask(CHAIN).bind(id.to_string());
            Ok(one(&mut *self.reader().await?, asked).await?.map(rows::chain))
        })
    }

    fn taken_on<'a>(&'a self, key: &'a str) -> StoreFuture<'a, Vec<AccountId>> {
        Box::pin(async move {
            let asked = ask(TAKEN_ON).bind(key.to_owned());
            many(&mut *self.reader().await?, asked).await
        })
    }

    fn postings(&self, source: AuthorizationId) -> StoreFuture<'_, Vec<Posting>> {
        Box::pin(async move {
            let asked = ask(POSTINGS).bind(source.to_string());
            let rows = many(&mut *self.reader().await?, asked).await?;
            rows.into_iter().map(rows::posting).collect()
        })
    }

    fn linked<'a>(&'a self, names: &'a [Link]) -> StoreFuture<'a, Vec<(Link, AuthorizationId)>> {
        Box::pin(async move {
            let transactions = names.iter().filter_map(|name| match name {
                Link::Transaction(token) => Some(token),
                Link::Funding(_) => None,
            });
            let asked = ask(LINKED).bind(keys(names)).bind(keys(transactions));
            let rows: Vec<(String, AuthorizationId)> =
                many(&mut *self.reader().await?, asked).await?;
            let read = |(link, id): (String, _)| Ok((link.parse().map_err(unreadable)?, id));
            rows.into_iter().map(read).collect()
        })
    }

    fn decided_under<'a>(
        &'a self,
        tokens: &'a [Token],
    ) -> StoreFuture<'a, Vec<(Token, AuthorizationId)>> {
        Box::pin(async move {
            let asked = ask(DECIDED).bind(keys(tokens));
            many(&mut *self.reader().await?, asked).await
        })
    }
}
