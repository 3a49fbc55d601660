//! The port of relays: events that wait, by shard, and the leases under which they are taken away.
//!
//! A relay takes the oldest events of the shards that it has leased, publishes them, and removes exactly
//! those that were confirmed. It keeps no position: an event with a smaller number may become visible
//! after one with a greater, because whoever draws first may commit last. (Not so within one key: its
//! numbers are drawn under a lock.)

use std::ops::RangeInclusive;
use std::time::Duration;

use uuid::Uuid;

use crate::domain::event::Event;

use super::StoreFuture;
use super::shards::Shards;

/// Where an event stands in the outbox. Within a shard places are in the order in which the events of
/// each key were committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    /// The shard of its key.
    pub shard: u8,
    /// Grows with every batch that tells of the key.
    pub order: i64,
    /// Its number within the batch, where the order is one for all of it.
    pub number: u32,
}

/// An event that waits.
#[derive(Clone, Debug)]
pub struct Waiting {
    /// Where it stands.
    pub place: Place,
    /// What it tells.
    pub event: Event,
}

/// An event that waits and can not be read.
#[derive(Clone, Debug)]
pub struct Unreadable {
    /// Where it stands.
    pub place: Place,
    /// The id that is stored with it.
    pub id: String,
    /// What is stored, as text.
    pub row: String,
    /// What is wrong with it.
    pub error: String,
}

/// Events that wait, row by row.
#[derive(Clone, Debug, Default)]
pub struct Sifted {
    /// Those that can be read.
    pub waiting: Vec<Waiting>,
    /// And those that can not.
    pub unreadable: Vec<Unreadable>,
}

/// The outbox of one store, as relays use it.
pub trait OutboxShards: Send + Sync {
    /// Leases a fair share of the shards, counted by the store's own time, or makes what the relay has
    /// last longer. What is not among the answer is not the relay's any more.
    fn lease(&self, relay: Uuid, lasting: Duration) -> StoreFuture<'_, Shards>;
    /// Gives up all leases of a relay.
    fn release(&self, relay: Uuid) -> StoreFuture<'_, ()>;
    /// The oldest events of these shards, at most so many; those of each shard in order.
    fn oldest(&self, shards: RangeInclusive<u8>, rows_max: u32) -> StoreFuture<'_, Vec<Waiting>>;
    /// The same where that has failed because of what is stored: each event by itself.
    fn sift(&self, shards: RangeInclusive<u8>, rows_max: u32) -> StoreFuture<'_, Sifted>;
    /// Removes events that can not be read, and are kept elsewhere.
    fn discard(&self, places: Vec<Place>) -> StoreFuture<'_, ()>;
    /// Removes events that have been published. What is not there any more does not matter. A crash of
    /// the store may bring some of them back.
    fn remove(&self, published: Vec<Waiting>) -> StoreFuture<'_, ()>;
}
