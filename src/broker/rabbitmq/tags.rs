//! Which deliveries of a channel are settled, by their tags: 1, 2, 3 and so on as they came.

use std::collections::BTreeMap;

use tokio::sync::oneshot;
use tokio::time::Instant;

/// Who waits until the broker has been told.
pub(super) type Told = oneshot::Sender<bool>;

/// The tags that the broker still has to hear of, or has heard of out of turn.
#[derive(Default)]
pub(super) struct Tags {
    /// Up to here the broker has heard of every tag.
    heard_to: u64,
    known: BTreeMap<u64, Known>,
    /// The earliest of those that are due.
    due: Option<Instant>,
}

enum Known {
    /// The broker has heard of it.
    Gone,
    /// It is settled, and is acknowledged by itself when it is due.
    Done { due: Instant, told: Option<Told> },
}

impl Tags {
    /// This one is settled.
    pub(super) fn done(&mut self, tag: u64, due: Instant, told: Option<Told>) {
        self.due = Some(self.due.map_or(due, |earliest| earliest.min(due)));
        self.known.insert(tag, Known::Done { due, told });
    }

    /// The broker has heard of this one.
    pub(super) fn gone(&mut self, tag: u64) {
        self.known.insert(tag, Known::Gone);
        self.close_up();
    }

    /// When the first is due.
    pub(super) const fn due(&self) -> Option<Instant> {
        self.due
    }

    /// About how many wait to be acknowledged.
    pub(super) fn waiting(&self) -> usize {
        self.known.len()
    }

    /// The last tag of the unbroken row, which the broker has not heard of; it must know the tag that it
    /// is told. Everything before it is settled.
    pub(super) fn row(&self) -> Option<u64> {
        let expected = (self.heard_to + 1)..;
        let row = expected.zip(&self.known).take_while(|(expected, (tag, _))| expected == *tag);
        let unheard = row.filter(|(_, (_, known))| matches!(known, Known::Done { .. }));
        unheard.last().map(|(tag, _)| tag)
    }

    /// The broker has heard of the row up to this tag.
    pub(super) fn take_row(&mut self, last: u64) -> Vec<Option<Told>> {
        let after = self.known.split_off(&(last + 1));
        let row = std::mem::replace(&mut self.known, after);
        self.heard_to = last;
        self.close_up();
        self.find_due();
        row.into_values().filter_map(Known::told).collect()
    }

    /// What must wait no longer than until then.
    pub(super) fn due_by(&self, by: Instant) -> Vec<u64> {
        if self.due.is_none_or(|due| due > by) {
            return Vec::new();
        }
        let is_due = |known: &Known| matches!(known, Known::Done { due, .. } if *due <= by);
        self.known.iter().filter(|(_, known)| is_due(known)).map(|(tag, _)| *tag).collect()
    }

    /// The broker has heard of each of these by itself.
    pub(super) fn take(&mut self, tags: &[u64]) -> Vec<Option<Told>> {
        let heard = tags.iter().filter_map(|tag| self.known.insert(*tag, Known::Gone));
        let told = heard.filter_map(Known::told).collect();
        self.close_up();
        self.find_due();
        told
    }

    /// Whoever still waits: the broker hears of nothing more.
    pub(super) fn take_all(&mut self) -> Vec<Option<Told>> {
        self.due = None;
        std::mem::take(&mut self.known).into_values().filter_map(Known::told).collect()
    }

    fn close_up(&mut self) {
        while let Some(first) = self.known.first_entry()
            && *first.key() == self.heard_to + 1
            && matches!(first.get(), Known::Gone)
        {
            first.remove();
            self.heard_to += 1;
        }
    }

    fn find_due(&mut self) {
        self.due = self.known.values().filter_map(Known::due).min();
    }
}

impl Known {
    const fn due(&self) -> Option<Instant> {
        match self {
            Self::Gone => None,
            Self::Done { due, .. } => Some(*due),
        }
    }

    fn told(self) -> Option<Option<Told>> {
        match self {
            Self::Gone => None,
            Self::Done { told, .. } => Some(told),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_row_ends_before_the_first_that_is_not_settled() {
        let now = Instant::now();
        let mut tags = Tags::default();
        for tag in [2, 3, 6] {
            tags.done(tag, now, None);
        }
        assert_eq!(tags.row(), None, "1 is at work");
        tags.done(1, now, None);
        assert_eq!(tags.row(), Some(3));
        assert_eq!(tags.take_row(3).len(), 3);
        assert_eq!(tags.row(), None, "4 is at work");
        tags.done(4, now, None);
        tags.gone(5);
        assert_eq!(tags.row(), Some(6), "beyond one that has gone back");
        assert_eq!(tags.take_row(6).len(), 2);
        assert_eq!((tags.waiting(), tags.due()), (0, None));
    }

    #[test]
    fn the_broker_is_never_told_a_tag_that_it_has_heard_of() {
        let now = Instant::now();
        let mut tags = Tags::default();
        tags.done(2, now, None);
        tags.done(3, now, None);
        let due = tags.due_by(now);
        tags.take(&due);
        assert_eq!(tags.due(), None);
        tags.done(1, now, None);
        assert_eq!(tags.row(), Some(1), "2 and 3 have been told by themselves");
        tags.take_row(1);
        assert_eq!((tags.row(), tags.waiting()), (None, 0));
        tags.gone(4);
        tags.done(5, now, None);
        assert_eq!(tags.row(), Some(5));
        tags.done(6, now, None);
        tags.gone(7);
        assert_eq!(tags.row(), Some(6), "7 has gone");
        tags.take_row(6);
        tags.done(8, now, None);
        assert_eq!(tags.row(), Some(8));
    }

    #[test]
    fn what_is_held_up_is_due_in_its_time() {
        let now = Instant::now();
        let later = now + Duration::from_millis(5);
        let mut tags = Tags::default();
        tags.done(3, later, None);
        tags.done(2, now, None);
        assert_eq!((tags.due(), tags.due_by(now)), (Some(now), vec![2]));
        tags.take(&[2]);
        assert_eq!((tags.due(), tags.due_by(now)), (Some(later), vec![]));
        assert_eq!(tags.due_by(later), [3]);
        assert_eq!(tags.take_all().len(), 1);
        assert_eq!(tags.due(), None);
    }
}
