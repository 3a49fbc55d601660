//! What is recorded of the card platform's notifications: what became of them, and what they tell.

use metrics::Unit;

use super::metrics::{Metric, add_one, metric};

/// Notifications of the card platform, by `family` and `status`: received, duplicate, conflict, applied,
/// ignored, parked.
pub const NOTIFICATIONS: Metric =
    metric("tollgate_webhooks_total", Unit::Count, "Notifications of the card platform");
/// Steps that notifications took and that are worth a second look, by `flag`.
pub const FLAGS: Metric = metric(
    "tollgate_webhook_flags_total",
    Unit::Count,
    "Movements told by the card platform that are worth a second look",
);
/// Authorizations whose answer the platform has not waited for.
pub const PLATFORM_TIMEOUTS: Metric = metric(
    "tollgate_platform_timeouts_total",
    Unit::Count,
    "Authorizations whose answer came too late for the card platform",
);

/// A notification was kept, or has come to an end.
pub fn count(family: &str, status: &str) {
    add_one(NOTIFICATIONS, &[("family", family), ("status", status)]);
}

/// A notification moved something in a way that is worth a second look.
pub fn flagged(flag: &str) {
    add_one(FLAGS, &[("flag", flag)]);
}

/// The platform has not waited for an answer.
pub fn timed_out() {
    add_one(PLATFORM_TIMEOUTS, &[]);
}
