//! One who reads the feed: a place in what is kept, and nothing else that could grow.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::ring::{Ring, Taken};
use super::seats::Seat;
use super::{Feed, Progress};
use crate::domain::id::EventId;
use crate::wire::v1::feed::Heard;

/// Why events may be missing here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gap {
    /// The event to go on after is not kept: too old, or heard by another process only.
    NotKept,
    /// More came than is kept while the reader took what was before.
    TooSlow,
    /// The broker was not heard for a while.
    NotHeard,
}

impl Gap {
    /// As it is told, and counted.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotKept => "not_kept",
            Self::TooSlow => "too_slow",
            Self::NotHeard => "not_heard",
        }
    }
}

/// What comes next.
#[derive(Clone, Debug)]
pub enum Part {
    /// An event.
    Event(Arc<Heard>),
    /// Events may be missing here.
    Gap(Gap),
}

/// What comes again, because another process may have told it in another order: but not those of the
/// key of the event to go on after, whose order is the same everywhere.
struct Again {
    until: u64,
    key: String,
}

/// Where a reader begins.
struct Start {
    next: u64,
    gap: Option<Gap>,
    again: Option<Again>,
    newest: Option<EventId>,
}

/// One who reads. Dropped, it gives its seat back.
pub struct Reader {
    feed: Arc<Feed>,
    progress: watch::Receiver<Progress>,
    next: u64,
    gap: Option<Gap>,
    again: Option<Again>,
    newest: Option<EventId>,
    _seat: Seat,
}

impl Reader {
    pub(super) fn new(feed: Arc<Feed>, seat: Seat, after: Option<EventId>) -> Self {
        let progress = feed.progress.subscribe();
        let Start { next, gap, again, newest } = begin(&feed.lock(), after, feed.overlap);
        Self { feed, progress, next, gap, again, newest, _seat: seat }
    }

    /// What there is by now, as much as is sent at once; nothing: all was taken.
    pub fn take(&mut self) -> Vec<Part> {
        let Taken { entries, is_late, next } = self.feed.lock().take(self.next);
        self.next = next;
        let mut parts = Vec::with_capacity(entries.len().saturating_add(1));
        let late = is_late.then_some(Gap::TooSlow);
        parts.extend(self.gap.take().or(late).map(Part::Gap));
        for (place, heard) in entries {
            match heard {
                Some(heard) => {
                    let again = self.again.as_ref().filter(|again| place < again.until);
                    if again.is_none() {
                        self.newest = Some(heard.id);
                    }
                    if again.is_none_or(|again| again.key != heard.key) {
                        parts.push(Part::Event(heard));
                    }
                }
                // One hole is as good as two.
                None if matches!(parts.last(), Some(Part::Gap(_))) => {}
                None => parts.push(Part::Gap(Gap::NotHeard)),
            }
        }
        parts
    }

    /// The latest event before what is taken next, whether it was asked for or not: whoever goes on after
    /// it misses nothing. `None`: it is not known.
    pub const fn newest(&self) -> Option<EventId> {
        self.newest
    }

    /// Waits until there is more, or this is the end.
    pub async fn more(&mut self) {
        let next = self.next;
        let is_there = |progress: &Progress| progress.is_stopped || progress.end > next;
        // An error says that nothing can come any more, which the feed itself is there to prevent.
        let _ = self.progress.wait_for(is_there).await;
    }

    /// Waits until the process is about to stop.
    pub async fn stopped(&mut self) {
        let _ = self.progress.wait_for(|progress| progress.is_stopped).await; // as above
    }

    /// Whether the process is about to stop.
    pub fn is_stopped(&self) -> bool {
        self.progress.borrow().is_stopped
    }
}

fn begin(ring: &Ring, after: Option<EventId>, overlap: Duration) -> Start {
    let Some(after) = after else {
        return Start { next: ring.now(), gap: None, again: None, newest: ring.newest() };
    };
    let Some((place, key)) = ring.find(after) else {
        // Whatever is kept may have come after it.
        let (next, gap) = (ring.first(), Some(Gap::NotKept));
        return Start { next, gap, again: None, newest: None };
    };
    let newest = Some(after);
    if overlap.is_zero() {
        return Start { next: place + 1, gap: None, again: None, newest };
    }
    let next = ring.shortly_before(place, overlap);
    // Of what should come again, the oldest may be gone.
    let is_cut = next == ring.first() && next > 0;
    let again = Some(Again { until: place + 1, key: key.to_owned() });
    Start { next, gap: is_cut.then_some(Gap::NotKept), again, newest }
}
