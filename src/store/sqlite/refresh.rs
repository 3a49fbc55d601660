//! Facts are read again in the transaction of the batch.

use std::sync::Arc;

use sqlx::sqlite::SqliteConnection;

use super::encode::keys;
use super::error::translate;
use super::facts;
use super::query::decode;
use crate::domain::facts::{CardFacts, LimitFacts, UserFacts};
use crate::domain::token::Token;
use crate::store::StoreFuture;
use crate::store::refresh::FactsReader;

const KNOWN: &str = include_str!("sql/references_known.sql");

/// Reads with the writer's connection.
pub(super) struct Reader<'c>(pub(super) &'c mut SqliteConnection);

impl FactsReader for Reader<'_> {
    fn user<'a>(&'a mut self, reference: &'a str) -> StoreFuture<'a, Option<Arc<UserFacts>>> {
        Box::pin(facts::user(self.0, reference))
    }

    fn card<'a>(&'a mut self, reference: &'a str) -> StoreFuture<'a, Option<Arc<CardFacts>>> {
        Box::pin(facts::card(self.0, reference))
    }

    fn limits<'a>(&'a mut self, card: &'a CardFacts) -> StoreFuture<'a, Arc<LimitFacts>> {
        Box::pin(facts::limits(self.0, card))
    }

    fn known<'a>(
        &'a mut self,
        cards: Vec<&'a Token>,
        users: Vec<&'a Token>,
    ) -> StoreFuture<'a, (Vec<Token>, Vec<Token>)> {
        Box::pin(async move {
            let query = sqlx::query_as(KNOWN).bind(keys(cards)).bind(keys(users));
            let (cards, users): (String, String) =
                query.fetch_one(&mut *self.0).await.map_err(translate)?;
            Ok((decode(&cards)?, decode(&users)?))
        })
    }
}
