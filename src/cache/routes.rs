//! Routes: in which home a card lives.

use quick_cache::sync::Cache;

use crate::domain::id::Home;
use crate::domain::token::Token;

use super::CacheFuture;

/// Where cards live. A card never moves, so what is known once is known for ever; a card that is not
/// known may be created at any time, so that is not kept.
pub trait Routes: Send + Sync {
    /// The card's home, if it is known without asking anybody.
    fn known(&self, card: &Token) -> Option<Home>;
    /// The card's home, if it has been looked up before, here or by another instance.
    fn route<'a>(&'a self, card: &'a Token) -> CacheFuture<'a, Option<Home>>;
    /// Keeps where a card lives.
    fn keep_route(&self, card: &Token, home: Home);
}

/// Routes in the memory of this process.
#[derive(Debug)]
pub struct MemoryRoutes {
    homes: Cache<Token, Home>,
}

impl MemoryRoutes {
    /// Keeps at most so many; those asked for least go first.
    pub fn new(entries_max: u64) -> Self {
        Self { homes: Cache::new(usize::try_from(entries_max).unwrap_or(usize::MAX)) }
    }
}

impl Routes for MemoryRoutes {
    fn known(&self, card: &Token) -> Option<Home> {
        self.homes.get(card)
    }

    fn route<'a>(&'a self, card: &'a Token) -> CacheFuture<'a, Option<Home>> {
        Box::pin(std::future::ready(self.known(card)))
    }

    fn keep_route(&self, card: &Token, home: Home) {
        self.homes.insert(card.clone(), home);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_route_is_kept_and_an_unknown_card_is_not() {
        let (routes, card) = (MemoryRoutes::new(10), "card".parse::<Token>().unwrap());
        assert_eq!(routes.route(&card).await, None);
        routes.keep_route(&card, Home::Personal);
        assert_eq!(routes.route(&card).await, Some(Home::Personal));
    }
}
