//! Routes on the server, behind those in memory. They never change and never end.

use std::sync::Arc;

use redis::aio::ConnectionManager;

use crate::cache::{CacheFuture, MemoryRoutes, Routes};
use crate::domain::id::Home;
use crate::domain::token::Token;

use super::Watch;
use super::absent::Absent;
use super::codec::{Decoded, decode, encode};
use super::fills::Fills;
use super::keys::Keys;
use super::link::Link;

/// Routes in both levels.
pub struct RedisRoutes {
    memory: MemoryRoutes,
    link: Arc<Link>,
    fills: Fills,
    keys: Keys,
    absent: Absent,
    _watch: Arc<Watch>,
}

/// A route belongs to no home: it says which one the card does. So its value is written as the
/// business home's, wherever the card lives.
const WRITTEN_FOR: Home = Home::Business;

impl RedisRoutes {
    pub(super) fn new(
        (link, watch): (Arc<Link>, Arc<Watch>),
        fills: Fills,
        keys: Keys,
        entries_max: u64,
    ) -> Self {
        let (memory, absent) = (MemoryRoutes::new(entries_max), Absent::new());
        Self { memory, link, fills, keys, absent, _watch: watch }
    }

    async fn fetch(&self, card: &Token) -> Option<Home> {
        let key = self.keys.route(card);
        if self.absent.has(&key) {
            return None;
        }
        let found = self.ask(&key).await;
        match found {
            Some(home) => self.memory.keep_route(card, home),
            None => self.absent.remember(key),
        }
        found
    }

    async fn ask(&self, key: &str) -> Option<Home> {
        let value = self.link.get(key).await??;
        match decode(WRITTEN_FOR, key, &value) {
            Decoded::Facts(home) => Some(home),
            Decoded::Tombstone | Decoded::Elsewhere | Decoded::Unreadable => None,
        }
    }
}

impl Routes for RedisRoutes {
    fn known(&self, card: &Token) -> Option<Home> {
        self.memory.known(card)
    }

    fn route<'a>(&'a self, card: &'a Token) -> CacheFuture<'a, Option<Home>> {
        match self.known(card) {
            Some(home) => Box::pin(std::future::ready(Some(home))),
            None => Box::pin(self.fetch(card)),
        }
    }

    fn keep_route(&self, card: &Token, home: Home) {
        if self.known(card) == Some(home) {
            return;
        }
        self.memory.keep_route(card, home);
        let key = self.keys.route(card);
        self.fills.write(|link| async move {
            let mut set = redis::cmd("SET");
            set.arg(&key).arg(encode(WRITTEN_FOR, &key, &[], &home));
            let query =
                |mut to: ConnectionManager| async move { set.query_async::<()>(&mut to).await };
            // What is not kept now is looked up and kept by another.
            let _kept = link.call(query).await;
        });
    }
}
