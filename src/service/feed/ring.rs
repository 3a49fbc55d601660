//! The latest events, in the order in which they were heard, and where that order has holes.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use crate::domain::id::EventId;
use crate::domain::time::Monotonic;
use crate::wire::v1::feed::Heard;

/// Bytes of all that is kept, at most.
const BYTES_MAX: usize = 32 * 1024 * 1024;

/// Bytes of an entry beside its text, about.
const ENTRY_BYTES: usize = 512;

/// Bytes of what is taken at once: no more is copied for a reader than it can be sent.
const TAKEN_BYTES_MAX: usize = 64 * 1024;

/// The latest events.
pub(super) struct Ring {
    entries: VecDeque<Entry>,
    /// The place of the first entry; those before it are not kept any more.
    first: u64,
    bytes: usize,
    kept_max: usize,
    /// Whether what is told now is heard.
    hears: bool,
}

struct Entry {
    /// `None`: what was told between its neighbours was not heard.
    heard: Option<Arc<Heard>>,
    at: Monotonic,
}

impl Entry {
    fn text_bytes(&self) -> usize {
        self.heard.as_ref().map_or(0, |heard| heard.text.len())
    }

    fn kept_bytes(&self) -> usize {
        ENTRY_BYTES.saturating_add(self.text_bytes())
    }
}

/// What was taken.
#[derive(Default)]
pub(super) struct Taken {
    /// Entries with their places, in order; `None` is a hole.
    pub(super) entries: Vec<(u64, Option<Arc<Heard>>)>,
    /// What came before them was not kept long enough.
    pub(super) is_late: bool,
    /// The place to go on from.
    pub(super) next: u64,
}

impl Ring {
    /// Keeps so many events.
    pub(super) fn new(kept_max: usize) -> Self {
        Self { entries: VecDeque::new(), first: 0, bytes: 0, kept_max, hears: false }
    }

    /// An event was heard.
    pub(super) fn push(&mut self, heard: Arc<Heard>, at: Monotonic) {
        self.keep(Entry { heard: Some(heard), at });
    }

    /// From now on what is told is heard, or is not. Either way some may be missing here.
    pub(super) fn turn(&mut self, hears: bool, at: Monotonic) {
        self.hears = hears;
        match self.entries.back_mut() {
            // One hole is as good as two, and evicts nothing. When it is over it is told once more: what was
            // published in the meantime is missing, too.
            Some(last) if last.heard.is_none() && !hears => last.at = at,
            Some(_) | None => self.keep(Entry { heard: None, at }),
        }
    }

    fn keep(&mut self, entry: Entry) {
        self.bytes = self.bytes.saturating_add(entry.kept_bytes());
        self.entries.push_back(entry);
        while self.entries.len() > self.kept_max || self.bytes > BYTES_MAX {
            let Some(oldest) = self.entries.pop_front() else { break };
            self.bytes = self.bytes.saturating_sub(oldest.kept_bytes());
            self.first += 1;
        }
    }

    /// The place of the oldest entry that is kept.
    pub(super) const fn first(&self) -> u64 {
        self.first
    }

    /// The place of what comes next.
    pub(super) fn end(&self) -> u64 {
        self.first + self.entries.len() as u64
    }

    /// Where whoever reads from now on begins: at the end, or at the hole that is still open.
    pub(super) fn now(&self) -> u64 {
        let is_hole = self.entries.back().is_some_and(|last| last.heard.is_none());
        self.end().saturating_sub(u64::from(is_hole && !self.hears))
    }

    /// The latest event that is kept.
    pub(super) fn newest(&self) -> Option<EventId> {
        self.entries.iter().rev().find_map(|entry| Some(entry.heard.as_ref()?.id))
    }

    /// Where an event was heard first, and its key; `None`: it is not kept.
    pub(super) fn find(&self, id: EventId) -> Option<(u64, &str)> {
        let places = self.first..;
        places.zip(&self.entries).find_map(|(place, entry)| {
            let heard = entry.heard.as_ref().filter(|heard| heard.id == id)?;
            Some((place, heard.key.as_str()))
        })
    }

    /// The place of the first entry that was heard at most so long before this one.
    pub(super) fn shortly_before(&self, place: u64, time: Duration) -> u64 {
        let Some(at) = self.index(place).and_then(|index| self.entries.get(index)) else {
            return place;
        };
        let at = at.at;
        let is_near = |entry: &Entry| u128::from(at.since(entry.at)) <= time.as_micros();
        let far = self.entries.partition_point(|entry| !is_near(entry));
        self.first.saturating_add(far as u64).min(place)
    }

    /// What is kept from a place on, as much as is sent at once.
    pub(super) fn take(&self, from: u64) -> Taken {
        let (is_late, start) = (from < self.first, from.max(self.first));
        let mut taken = Taken { entries: Vec::new(), is_late, next: start };
        let (mut bytes, index) = (0_usize, self.index(start).unwrap_or(usize::MAX));
        for entry in self.entries.iter().skip(index) {
            if bytes >= TAKEN_BYTES_MAX {
                break;
            }
            bytes = bytes.saturating_add(entry.text_bytes());
            taken.entries.push((taken.next, entry.heard.clone()));
            taken.next += 1;
        }
        taken
    }

    fn index(&self, place: u64) -> Option<usize> {
        usize::try_from(place.checked_sub(self.first)?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::v1::feed::tests::heard;

    fn ring(kept_max: usize, count: u32) -> Ring {
        let mut ring = Ring::new(kept_max);
        for number in 0..count {
            let event = Arc::new(heard(number, "card.issued", ""));
            ring.push(event, Monotonic::from_micros(u64::from(number) * 1_000_000));
        }
        ring
    }

    fn places(taken: &Taken) -> Vec<u64> {
        taken.entries.iter().map(|(place, _)| *place).collect()
    }

    #[test]
    fn the_latest_are_kept_and_who_is_late_is_told() {
        let ring = ring(3, 5);
        assert_eq!((ring.first(), ring.end()), (2, 5));
        let taken = ring.take(0);
        assert_eq!((places(&taken), taken.is_late, taken.next), (vec![2, 3, 4], true, 5));
        let taken = ring.take(4);
        assert_eq!((places(&taken), taken.is_late, taken.next), (vec![4], false, 5));
        assert!(ring.take(5).entries.is_empty());
        assert_eq!(ring.find(heard(1, "", "").id), None);
        assert_eq!(ring.find(heard(3, "", "").id).map(|(place, _)| place), Some(3));
    }

    #[test]
    fn what_was_heard_shortly_before_is_found() {
        let ring = ring(10, 6);
        let before = |place, seconds| ring.shortly_before(place, Duration::from_secs(seconds));
        assert_eq!((before(4, 2), before(4, 0), before(1, 60)), (2, 4, 0));
    }

    #[test]
    fn a_hole_is_told_when_it_begins_and_when_it_is_over_and_to_who_comes_while_it_is_open() {
        let mut ring = ring(3, 3);
        let at = |second: u64| Monotonic::from_micros(second * 1_000_000);
        ring.turn(true, at(3));
        assert_eq!((ring.first(), ring.now(), ring.end()), (1, 4, 4));
        for second in 4..10 {
            ring.turn(false, at(second));
        }
        assert_eq!((ring.first(), ring.now(), ring.end()), (1, 3, 4), "it is not over yet");
        ring.turn(true, at(11));
        assert_eq!((ring.first(), ring.now(), ring.end()), (2, 5, 5));
        ring.push(Arc::new(heard(3, "card.issued", "")), at(12));
        assert_eq!(ring.shortly_before(5, Duration::from_secs(1)), 4, "it has ended a second ago");
    }

    #[test]
    fn what_has_no_text_takes_room_as_well() {
        let kept_max = 10 * BYTES_MAX / ENTRY_BYTES;
        let mut ring = Ring::new(kept_max);
        let event = Arc::new(heard(1, "card.issued", ""));
        for _ in 0..=BYTES_MAX / ENTRY_BYTES {
            ring.push(Arc::clone(&event), Monotonic::default());
        }
        assert_eq!((ring.entries.len(), ring.first()), (BYTES_MAX / ENTRY_BYTES, 1));
    }

    #[test]
    fn a_long_wait_is_taken_in_pieces_and_kept_within_bounds() {
        let mut ring = Ring::new(10_000);
        let long = "x".repeat(60_000);
        for number in 0..1_000 {
            let event = Arc::new(heard(number, "card.issued", &long));
            ring.push(event, Monotonic::default());
        }
        assert!(ring.bytes <= BYTES_MAX && ring.entries.len() < 1_000);
        let taken = ring.take(ring.first());
        assert_eq!((taken.entries.len(), taken.is_late), (2, false));
        assert_eq!(places(&ring.take(taken.next)).first(), Some(&taken.next));
    }
}
