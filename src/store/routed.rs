//! Routing: company objects live in the business home, personal ones in the personal home. Tokens do
//! not tell which; where the home of a token is not known, both are asked at once, the first that
//! has it wins, and "unknown" needs both.

mod facts;
mod history;
mod lists;
mod program;
mod resources;

use std::sync::Arc;

use crate::cache::Routes;
use crate::domain::clock::Clock;
use crate::domain::id::Home;
use crate::domain::token::Token;

use super::audit_log::AuditLog;
use super::lists::Lists;
use super::{FactsStore, History, Outbox, ResourceStore, StoreError, StoreFuture};

/// One home, by what it is used for.
#[derive(Clone)]
pub struct HomeStores {
    /// Policy facts, through the home's own cache.
    pub facts: Arc<dyn FactsStore>,
    /// Resources, through the same.
    pub resources: Arc<dyn ResourceStore>,
    /// What has been decided.
    pub history: Arc<dyn History>,
    /// Events that wait.
    pub outbox: Arc<dyn Outbox>,
    /// Pages of all these.
    pub lists: Arc<dyn Lists>,
}

/// Two homes that look like one store.
pub struct RoutedStore {
    business: HomeStores,
    personal: HomeStores,
    users: Arc<dyn Routes>,
    cards: Arc<dyn Routes>,
    log: Arc<dyn AuditLog>,
    clock: Arc<dyn Clock>,
}

impl RoutedStore {
    /// `users` and `cards` remember where references lead: a user's and a card's may be the same
    /// text. `log` is the audit log, which the business home keeps.
    pub fn new(
        business: HomeStores,
        personal: HomeStores,
        users: Arc<dyn Routes>,
        cards: Arc<dyn Routes>,
        log: Arc<dyn AuditLog>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { business, personal, users, cards, log, clock }
    }

    const fn home(&self, home: Home) -> &HomeStores {
        match home {
            Home::Business => &self.business,
            Home::Personal => &self.personal,
        }
    }
}

const fn other(home: Home) -> Home {
    match home {
        Home::Business => Home::Personal,
        Home::Personal => Home::Business,
    }
}

/// Asks the home that a reference is known to lead to. Where none is known, or it has lost the
/// object (a token can be changed), both are asked.
async fn find<'a, T: Send + 'a>(
    routes: &dyn Routes,
    reference: &Token,
    ask: impl Fn(Home) -> StoreFuture<'a, Option<T>>,
) -> Result<Option<T>, StoreError> {
    let known = routes.route(reference).await;
    if let Some(home) = known
        && let Some(found) = ask(home).await?
    {
        return Ok(Some(found));
    }
    let Some((home, found)) = ask_both(ask).await? else { return Ok(None) };
    if known != Some(home) {
        routes.keep_route(reference, home);
    }
    Ok(Some(found))
}

/// Asks both homes at once. The first that has it wins; if neither has it, an outage of one leaves
/// the answer unknown.
async fn ask_both<'a, T: Send + 'a>(
    ask: impl Fn(Home) -> StoreFuture<'a, Option<T>>,
) -> Result<Option<(Home, T)>, StoreError> {
    let tagged = |home: Home| {
        let asked = ask(home);
        Box::pin(async move { (home, asked.await) })
    };
    let asked = futures_util::future::select(tagged(Home::Business), tagged(Home::Personal));
    let ((home, first), still) = asked.await.factor_first();
    if let Ok(Some(found)) = first {
        return Ok(Some((home, found)));
    }
    let (home, second) = still.await;
    match (first, second) {
        (_, Ok(Some(found))) => Ok(Some((home, found))),
        (Err(error), _) | (_, Err(error)) => Err(error),
        (Ok(_), Ok(None)) => Ok(None),
    }
}
