//! What has been decided, by ids that tell their home; events of both homes.

use crate::domain::authorization::Authorization;
use crate::domain::chain::{Chain, Link};
use crate::domain::id::{AccountId, AuthorizationId, Home};
use crate::domain::posting::Posting;
use crate::domain::time::Timestamp;
use crate::domain::token::Token;
use crate::store::{History, Outbox, StoreFuture};

use super::RoutedStore;

impl History for RoutedStore {
    fn authorization(&self, id: AuthorizationId) -> StoreFuture<'_, Option<Authorization>> {
        self.home(id.home()).history.authorization(id)
    }

    fn known<'a>(&'a self, ids: &'a [AuthorizationId]) -> StoreFuture<'a, Vec<AuthorizationId>> {
        Box::pin(async move {
            let asked = Home::ALL.map(|home| async move {
                let own: Vec<_> = ids.iter().copied().filter(|id| id.home() == home).collect();
                if own.is_empty() {
                    return Ok(own); // whether that home answers is nothing to these
                }
                self.home(home).history.known(&own).await
            });
            let found = futures_util::future::try_join_all(asked).await?;
            Ok(found.into_iter().flatten().collect())
        })
    }

    fn chain(&self, id: AuthorizationId) -> StoreFuture<'_, Option<Chain>> {
        self.home(id.home()).history.chain(id)
    }

    fn postings(&self, source: AuthorizationId) -> StoreFuture<'_, Vec<Posting>> {
        self.home(source.home()).history.postings(source)
    }

    fn linked<'a>(&'a self, names: &'a [Link]) -> StoreFuture<'a, Vec<(Link, AuthorizationId)>> {
        Box::pin(async move {
            let asked = Home::ALL.map(|home| self.home(home).history.linked(names));
            let found = futures_util::future::try_join_all(asked).await?;
            Ok(found.into_iter().flatten().collect())
        })
    }

    fn taken_on<'a>(&'a self, key: &'a str) -> StoreFuture<'a, Vec<AccountId>> {
        Box::pin(async move {
            let asked = Home::ALL.map(|home| self.home(home).history.taken_on(key));
            let found = futures_util::future::try_join_all(asked).await?;
            Ok(found.into_iter().flatten().collect())
        })
    }

    fn decided_under<'a>(
        &'a self,
        tokens: &'a [Token],
    ) -> StoreFuture<'a, Vec<(Token, AuthorizationId)>> {
        Box::pin(async move {
            let asked = Home::ALL.map(|home| self.home(home).history.decided_under(tokens));
            let found = futures_util::future::try_join_all(asked).await?;
            Ok(found.into_iter().flatten().collect())
        })
    }
}

impl Outbox for RoutedStore {
    fn depth(&self) -> StoreFuture<'_, u64> {
        Box::pin(async move {
            let mut depth = 0;
            for home in Home::ALL {
                depth += self.home(home).outbox.depth().await?;
            }
            Ok(depth)
        })
    }

    fn oldest_at(&self) -> StoreFuture<'_, Option<Timestamp>> {
        Box::pin(async move {
            let business = self.home(Home::Business).outbox.oldest_at().await?;
            let personal = self.home(Home::Personal).outbox.oldest_at().await?;
            Ok(business.into_iter().chain(personal).min())
        })
    }

    fn drop_before(&self, before: Timestamp, rows_max: u32) -> StoreFuture<'_, u64> {
        Box::pin(async move {
            // One home that is down must not keep the other's rows.
            let mut dropped = Ok(0);
            for home in Home::ALL {
                let rows = self.home(home).outbox.drop_before(before, rows_max).await;
                dropped = match (dropped, rows) {
                    (Ok(dropped), Ok(rows)) => Ok(dropped + rows),
                    (Err(error), _) | (Ok(_), Err(error)) => Err(error),
                };
            }
            dropped
        })
    }
}
