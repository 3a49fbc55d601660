//! Routes: which home a reference leads to. It never changes, so a route needs no lifetime.

use std::future::Future;
use std::pin::Pin;

use moka::sync::Cache;

use crate::domain::id::Home;
use crate::domain::token::Token;

/// Remembers where references lead.
pub trait Routes: Send + Sync {
    /// The home of what is called `reference`; `None`: not known here.
    fn route<'a>(
        &'a self,
        reference: &'a Token,
    ) -> Pin<Box<dyn Future<Output = Option<Home>> + Send + 'a>>;

    /// Remembers a home.
    fn keep_route(&self, reference: &Token, home: Home);
}

/// Routes in the memory of this process.
pub struct MemoryRoutes {
    entries: Cache<Token, Home>,
}

impl MemoryRoutes {
    /// Remembers at most so many.
    pub fn new(entries_max: u64) -> Self {
        Self { entries: Cache::new(entries_max) }
    }
}

impl Routes for MemoryRoutes {
    fn route<'a>(
        &'a self,
        reference: &'a Token,
    ) -> Pin<Box<dyn Future<Output = Option<Home>> + Send + 'a>> {
        Box::pin(std::future::ready(self.entries.get(reference)))
    }

    fn keep_route(&self, reference: &Token, home: Home) {
        self.entries.insert(reference.clone(), home);
    }
}
