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
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
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

/// The outbox of one store, as relays use it.
pub trait OutboxShards: Send + Sync {
    /// Leases a fair share of the shards, counted by the store's own time, or makes what the relay has
    /// last longer. What is not among the answer is not the relay's any more.
    fn lease(&self, relay: Uuid, lasting: Duration) -> StoreFuture<'_, Shards>;
    /// Gives up all leases of a relay.
    fn release(&self, relay: Uuid) -> StoreFuture<'_, ()>;
    /// The oldest events of these shards, at most so many; those of each shard in order.
    fn oldest(&self, shards: RangeInclusive<u8>, rows_max: u32) -> StoreFuture<'_, Vec<Waiting>>;
    /// Removes events that have been published. What is not there any more does not matter. A crash of
    /// the store may bring some of them back.
    fn remove(&self, published: Vec<Waiting>) -> StoreFuture<'_, ()>;
}
