//! Policy facts, one statement each: what is read together is of one moment.

use std::sync::Arc;

use sqlx::sqlite::SqliteConnection;

use super::SqliteStore;
use super::encode::keys;
use super::query::{ask, one};
use crate::domain::facts::{CardFacts, LimitFacts, UserFacts};
use crate::domain::policy::Scope;
use crate::domain::token::Token;
use crate::store::{FactsStore, StoreError, StoreFuture};

const USER: &str = include_str!("sql/user_facts_find.sql");
const CARD: &str = include_str!("sql/card_facts_find.sql");
const LIMITS: &str = include_str!("sql/limit_facts_find.sql");

impl FactsStore for SqliteStore {
    fn user<'a>(&'a self, reference: &'a Token) -> StoreFuture<'a, Option<Arc<UserFacts>>> {
        Box::pin(async move { user(&mut *self.reader().await?, reference.as_str()).await })
    }

    fn card<'a>(&'a self, reference: &'a Token) -> StoreFuture<'a, Option<Arc<CardFacts>>> {
        Box::pin(async move { card(&mut *self.reader().await?, reference.as_str()).await })
    }

    fn limits<'a>(&'a self, card: &'a CardFacts) -> StoreFuture<'a, Arc<LimitFacts>> {
        Box::pin(async move { limits(&mut *self.reader().await?, card).await })
    }
}

/// A user, by token or id.
pub(super) async fn user(
    connection: &mut SqliteConnection,
    reference: &str,
) -> Result<Option<Arc<UserFacts>>, StoreError> {
    Ok(one(connection, ask(USER).bind(reference.to_owned())).await?.map(Arc::new))
}

/// A card, by token or id.
pub(super) async fn card(
    connection: &mut SqliteConnection,
    reference: &str,
) -> Result<Option<Arc<CardFacts>>, StoreError> {
    Ok(one(connection, ask(CARD).bind(reference.to_owned())).await?.map(Arc::new))
}

/// What binds a card, narrowest scope first.
pub(super) async fn limits(
    connection: &mut SqliteConnection,
    card: &CardFacts,
) -> Result<Arc<LimitFacts>, StoreError> {
    let company = card.owner.company.as_ref().map(|company| Scope::Company(company.id));
    let scopes = [Some(Scope::Card(card.id)), Some(Scope::User(card.owner.id)), company];
    let scopes = scopes.into_iter().flatten().chain([Scope::Program]);
    let facts: Option<LimitFacts> = one(connection, ask(LIMITS).bind(keys(scopes))).await?;
    let mut facts = facts.unwrap_or_default();
    facts.limits.sort_by_key(|limit| (limit.scope, limit.window, limit.id));
    facts.controls.sort_by_key(|control| (control.scope, control.id));
    facts.stamps.sort_by_key(|stamp| stamp.subject);
    Ok(Arc::new(facts))
}
