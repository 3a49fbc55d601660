//! The level that all instances share, on a Redis server. It only ever saves time: a server that is
//! slow, gone, empty or full of rubbish makes lookups slower and changes nothing else.

mod absent;
mod announce;
mod cache;
mod codec;
mod fills;
mod hear;
mod keys;
mod link;
mod routes;
mod scripts;
mod transactions;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use crate::domain::clock::Clock;
use crate::domain::id::Home;

use super::{FactsCache, MemoryTransactions};

use fills::Fills;
use keys::Keys;
use link::Link;
use scripts::Scripts;

pub use cache::RedisCache;
pub use routes::RedisRoutes;
pub use transactions::RedisTransactions;

/// Where the server is, and how patient to be with it.
#[derive(Clone)]
pub struct RedisOptions {
    /// `redis://user:password@host:port/database`, or `rediss://…`.
    pub url: String,
    /// Certificates (PEM) of who may vouch for the server; `None`: those that the system trusts.
    pub authority: Option<String>,
    /// What every key begins with.
    pub prefix: String,
    /// How long connecting may take.
    pub connect: Duration,
    /// How long a call may take before one goes on without it.
    pub budget: Duration,
}

/// The URL may hold a password.
impl fmt::Debug for RedisOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { url: _, authority: _, prefix, connect, budget } = self;
        f.debug_struct("RedisOptions")
            .field("prefix", prefix)
            .field("connect", connect)
            .field("budget", budget)
            .finish_non_exhaustive()
    }
}

/// How long the server keeps facts, give or take a tenth.
#[derive(Clone, Copy, Debug)]
pub struct Lifetimes {
    /// Users.
    pub user: Duration,
    /// Cards.
    pub card: Duration,
    /// Limits and controls of cards.
    pub limits: Duration,
}

/// The URL of the server makes no sense.
#[derive(Debug, thiserror::Error)]
#[error("the URL of the cache's server can not be used")]
pub struct RedisUrlError(#[source] redis::RedisError);

/// The server lets nobody in who comes with these settings: a wrong password, or too few rights.
#[derive(Debug, thiserror::Error)]
#[error("the cache's server lets nobody in with these settings")]
pub struct RedisRefused(#[source] redis::RedisError);

/// The server, over one connection. Whatever is made of it shares that, and can outlive it.
pub struct RedisServer {
    link: Arc<Link>,
    keys: Keys,
    watch: Arc<Watch>,
}

/// Keeps watch over the connection until it is dropped.
struct Watch {
    _task: JoinSet<()>,
}

impl RedisServer {
    /// Connects in the background: a server that is down delays nothing. Must be called within a
    /// runtime.
    pub fn open(options: RedisOptions, clock: Arc<dyn Clock>) -> Result<Self, RedisUrlError> {
        let keys = Keys::new(&options.prefix);
        let link = Arc::new(Link::new(options, clock).map_err(RedisUrlError)?);
        let mut task = JoinSet::new();
        let watched = Arc::clone(&link);
        task.spawn(async move { watched.keep_watch().await });
        let watched = Arc::clone(&link);
        task.spawn(async move { watched.watch_memory().await });
        Ok(Self { link, keys, watch: Arc::new(Watch { _task: task }) })
    }

    /// Asks the server once to be let in, and waits for that no longer than a moment.
    ///
    /// # Errors
    /// Where the server refuses. One that does not answer is none: it may come later.
    pub async fn greet(&self) -> Result<(), RedisRefused> {
        self.link.greet().await.map_err(RedisRefused)
    }

    /// Whether it has answered lately.
    pub fn is_available(&self) -> bool {
        self.link.is_available()
    }

    /// The facts of one home, with the memory before them. Policy versions of one home mean nothing
    /// in the other, so each has its own memory, floors and announcements.
    pub fn for_home(
        &self,
        home: Home,
        lifetimes: Lifetimes,
        memory: Arc<dyn FactsCache>,
    ) -> RedisCache {
        RedisCache::new(self.watched(), self.keys.clone(), home, lifetimes, memory)
    }

    /// Where cards live; so many routes are kept in memory, too.
    pub fn routes(&self, entries_max: u64) -> RedisRoutes {
        RedisRoutes::new(self.watched(), self.fills(), self.keys.clone(), entries_max)
    }

    /// Processed transactions, with the memory before them. The server keeps them for `ttl`, give or take
    /// a tenth.
    pub fn transactions(&self, ttl: Duration, memory: MemoryTransactions) -> RedisTransactions {
        RedisTransactions::new(self.watched(), self.fills(), self.keys.clone(), ttl, memory)
    }

    fn watched(&self) -> (Arc<Link>, Arc<Watch>) {
        (Arc::clone(&self.link), Arc::clone(&self.watch))
    }

    /// Writes of what belongs to no home of its own.
    fn fills(&self) -> Fills {
        let scripts = Arc::new(Scripts::new(self.keys.clone(), Home::Business));
        Fills::new(Arc::clone(&self.link), scripts)
    }
}
