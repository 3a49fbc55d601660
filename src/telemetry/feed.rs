//! What the live feed records: who reads, what they are sent, and what may be missing.

use metrics::Unit;

use super::metrics::{Metric, add, add_one, metric, set};

/// Readers of the live feed.
pub const OPEN: Metric =
    metric("tollgate_feeds", Unit::Count, "Live feeds that are open at this process");
/// Whether it hears.
pub const HEARS: Metric = metric(
    "tollgate_feed_hears",
    Unit::Count,
    "1 while the live feed of this process hears events from the broker, else 0",
);
/// What it could not read.
pub const UNREADABLE: Metric = metric(
    "tollgate_feed_unreadable_total",
    Unit::Count,
    "Messages of the exchange of events that are none of ours and that no live feed was told",
);
/// What they were sent.
pub const EVENTS: Metric =
    metric("tollgate_feed_events_total", Unit::Count, "Events that were sent to live feeds");
/// Gaps that they were told of, by `reason`: not_kept, too_slow, not_heard.
pub const GAPS: Metric = metric(
    "tollgate_feed_gaps_total",
    Unit::Count,
    "Times that a live feed was told that events may be missing",
);
/// Feeds that were ended from here, by `why`: stopped (the process), refused (the key is not valid any
/// more), unchecked (the store did not say whether it is), untaken (nobody has read for 45 s).
pub const ENDED: Metric = metric(
    "tollgate_feeds_ended_total",
    Unit::Count,
    "Live feeds that were ended by this process and not by their reader",
);

/// So many live feeds are open.
pub fn open(open: usize) {
    set(OPEN, &[], open as f64);
}

/// Whether they are told what is told.
pub fn hears(hears: bool) {
    set(HEARS, &[], f64::from(u8::from(hears)));
}

/// Something was heard that could not be read.
pub fn unreadable() {
    add_one(UNREADABLE, &[]);
}

/// So many events were sent to one.
pub fn sent(events: u64) {
    if events > 0 {
        add(EVENTS, &[], events);
    }
}

/// One was told that events may be missing.
pub fn gap(reason: &str) {
    add_one(GAPS, &[("reason", reason)]);
}

/// One was ended from here.
pub fn ended(why: &str) {
    add_one(ENDED, &[("why", why)]);
}
