//! How connections outside the lanes are used. The driver keeps no such figures, but tells of each event.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use mongodb::event::EventHandler;
use mongodb::event::cmap::CmapEvent;
use mongodb::options::ServerAddress;

use crate::store::PoolStats;

/// The connections of a client, by server: each member of a set has a pool of its own.
#[derive(Debug, Default)]
pub(super) struct Connections(Mutex<HashMap<ServerAddress, Pool>>);

/// By number, not counted: of a call that is dropped at the wrong moment only the latter half is told.
#[derive(Debug, Default)]
struct Pool {
    open: HashSet<u32>,
    in_use: HashSet<u32>,
}

impl Connections {
    /// Has a client tell what happens to its connections.
    pub(super) fn listen(self: &Arc<Self>) -> EventHandler<CmapEvent> {
        let connections = Arc::clone(self);
        EventHandler::callback(move |event| connections.hear(event))
    }

    /// Those to the server with most of them at work, each server may have so many.
    pub(super) fn stats(&self, max: u32) -> PoolStats {
        let pools = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let figures = pools.values().map(|pool| (pool.in_use.len(), pool.open.len()));
        let (in_use, open) = figures.max().unwrap_or_default();
        PoolStats { open: open as u64, in_use: in_use as u64, max: u64::from(max) }
    }

    fn hear(&self, event: CmapEvent) {
        let mut pools = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            CmapEvent::ConnectionCreated(created) => {
                pools.entry(created.address).or_default().open.insert(created.connection_id);
            }
            CmapEvent::ConnectionCheckedOut(lent) => {
                pools.entry(lent.address).or_default().in_use.insert(lent.connection_id);
            }
            CmapEvent::ConnectionCheckedIn(returned) => {
                let pool = pools.entry(returned.address).or_default();
                pool.in_use.remove(&returned.connection_id);
            }
            CmapEvent::ConnectionClosed(closed) => {
                let pool = pools.entry(closed.address).or_default();
                pool.open.remove(&closed.connection_id);
                pool.in_use.remove(&closed.connection_id);
            }
            CmapEvent::PoolClosed(closed) => drop(pools.remove(&closed.address)),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use mongodb::event::cmap::{
        ConnectionCheckedInEvent, ConnectionCheckedOutEvent, ConnectionClosedEvent,
        ConnectionCreatedEvent,
    };
    use serde_json::json;

    use super::*;

    /// An event of one connection. The driver lets nobody else make them otherwise.
    fn of<E: serde::de::DeserializeOwned + Into<CmapEvent>>(connection: u32) -> CmapEvent {
        let said = json!({"connectionId": connection, "reason": "error"});
        serde_json::from_value::<E>(said).unwrap().into()
    }

    #[test]
    fn what_was_dropped_at_the_wrong_moment_leaves_nothing_behind() {
        let connections = Connections::default();
        let check = |event, open, in_use| {
            connections.hear(event);
            assert_eq!(connections.stats(10), PoolStats { open, in_use, max: 10 });
        };
        check(of::<ConnectionCreatedEvent>(1), 1, 0);
        check(of::<ConnectionCreatedEvent>(2), 2, 0);
        check(of::<ConnectionCheckedOutEvent>(1), 2, 1);
        check(of::<ConnectionCheckedInEvent>(2), 2, 1); // that it was lent was never told
        check(of::<ConnectionCheckedInEvent>(1), 2, 0);
        check(of::<ConnectionCheckedOutEvent>(2), 2, 1);
        check(of::<ConnectionClosedEvent>(2), 1, 0);
        check(of::<ConnectionClosedEvent>(2), 1, 0);
    }
}
