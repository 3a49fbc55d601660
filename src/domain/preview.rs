//! What a decision would be, if it were taken now.

use super::authorization::Authorization;
use super::id::LimitId;
use super::time::{Timestamp, Window};

/// A decision that was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preview {
    /// The record that would be kept.
    pub authorization: Authorization,
    /// The present windows of the limits that bind the card.
    pub windows: Vec<LimitWindow>,
}

/// The present window of a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LimitWindow {
    /// The limit.
    pub limit: LimitId,
    /// Over what it counts.
    pub window: Window,
    /// When it begins to count anew; `None`: never, or there is nothing that it counts.
    pub resets_at: Option<Timestamp>,
}
