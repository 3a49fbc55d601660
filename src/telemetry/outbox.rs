//! What is told of the outbox: how many events wait, for how long, and what relays did with them.

use std::time::Duration;

use metrics::Unit;

use super::metrics::{Metric, add, forget, metric, set};

/// Events that relays have published, by `home`.
pub const PUBLISHED: Metric = metric(
    "tollgate_events_published_total",
    Unit::Count,
    "Events that the broker has confirmed, each as often as it was published",
);
/// Events whose publishing has failed, by `home`.
pub const FAILED: Metric = metric(
    "tollgate_events_failed_total",
    Unit::Count,
    "Attempts to publish an event that the broker did not confirm; each is tried again",
);
/// Events that were given up, by `home`: each is a dead letter.
pub const SET_ASIDE: Metric = metric(
    "tollgate_events_set_aside_total",
    Unit::Count,
    "Events that the broker has refused, or that could not be read, again and again: dead letters now",
);
/// Events that were dropped unpublished, where no relay is configured.
pub const DROPPED: Metric = metric(
    "tollgate_events_dropped_total",
    Unit::Count,
    "Events that nobody relays and that were dropped after outbox.retention_s: each is lost",
);
/// Events that wait for a relay.
pub const ROWS: Metric =
    metric("tollgate_outbox_rows", Unit::Count, "Events that wait for a relay");
/// How long the oldest of them has waited.
pub const OLDEST_SECONDS: Metric = metric(
    "tollgate_outbox_oldest_seconds",
    Unit::Seconds,
    "How long the oldest event has waited for a relay",
);
/// Shards that relays of this process have leased, by `home`.
pub const SHARDS: Metric =
    metric("tollgate_outbox_shards", Unit::Count, "Shards of the outbox that this process relays");
/// Events that relays of this process can not read, by `home`; of a shard that can not be read at all, one.
pub const UNREADABLE: Metric = metric(
    "tollgate_outbox_unreadable",
    Unit::Count,
    "Events that relays of this process can not read, and that hold up those behind them",
);

/// Takes over how the outbox stands.
pub fn stands(rows: u64, oldest_us: u64) {
    set(ROWS, &[], rows as f64);
    set(OLDEST_SECONDS, &[], Duration::from_micros(oldest_us).as_secs_f64());
}

/// Nobody can say how the outbox stands.
pub fn forget_rows() {
    forget(ROWS, &[]);
    forget(OLDEST_SECONDS, &[]);
}

/// So many events were dropped unpublished.
pub fn dropped(rows: u64) {
    add(DROPPED, &[], rows);
}
