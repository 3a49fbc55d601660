//! Who reads: so many at a time, and of them so many for companies that the program is not kept out, nor
//! one company by another.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::domain::id::CompanyId;
use crate::telemetry::feed;

/// One part in so many is a company's at most, and as many are left to the program: of few, one.
const SHARE: usize = 4;

/// Seats for readers.
pub(super) struct Seats {
    all: usize,
    taken: Mutex<Taken>,
    /// How many are taken.
    readers: watch::Sender<usize>,
}

#[derive(Default)]
struct Taken {
    by_program: usize,
    by_companies: HashMap<CompanyId, usize>,
}

impl Taken {
    fn of_companies(&self) -> usize {
        self.by_companies.values().sum()
    }
}

/// A seat, until it is dropped.
pub(super) struct Seat {
    seats: Arc<Seats>,
    company: Option<CompanyId>,
}

impl Seats {
    /// So many.
    pub(super) fn new(all: usize) -> Arc<Self> {
        Arc::new(Self { all, taken: Mutex::default(), readers: watch::Sender::default() })
    }

    /// How many read, now and as it changes.
    pub(super) fn readers(&self) -> watch::Receiver<usize> {
        self.readers.subscribe()
    }

    /// Under the lock of what is taken, so that the latest is told last.
    fn tell(&self, taken: &Taken) {
        let readers = taken.by_program.saturating_add(taken.of_companies());
        feed::open(readers);
        self.readers.send_replace(readers);
    }

    /// Whether there are any at all.
    pub(super) const fn are_none(&self) -> bool {
        self.all == 0
    }

    /// A seat for a caller of this company, or of the program; `None`: there is none for it.
    pub(super) fn take(self: &Arc<Self>, company: Option<CompanyId>) -> Option<Seat> {
        let mut taken = self.lock();
        let of_companies = taken.of_companies();
        if taken.by_program.saturating_add(of_companies) >= self.all {
            return None;
        }
        match company {
            None => taken.by_program = taken.by_program.saturating_add(1),
            Some(company) => {
                let own = taken.by_companies.get(&company).copied().unwrap_or(0);
                if own >= self.share() || of_companies >= self.of_all_companies() {
                    return None;
                }
                taken.by_companies.insert(company, own.saturating_add(1));
            }
        }
        self.tell(&taken);
        Some(Seat { seats: Arc::clone(self), company })
    }

    fn share(&self) -> usize {
        (self.all / SHARE).max(1)
    }

    fn of_all_companies(&self) -> usize {
        self.all.saturating_sub(self.share())
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.seats.lock();
        match self.company {
            None => taken.by_program = taken.by_program.saturating_sub(1),
            Some(company) => {
                let own = taken.by_companies.remove(&company).unwrap_or(0);
                if own > 1 {
                    taken.by_companies.insert(company, own.saturating_sub(1));
                }
            }
        }
        self.seats.tell(&taken);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn company(number: u32) -> Option<CompanyId> {
        format!("cmp_01901234567878ab8def0123{number:08x}").parse().ok()
    }

    #[test]
    fn no_company_takes_the_seats_of_others_nor_all_of_them_the_program_s() {
        let seats = Seats::new(8);
        let first: Vec<Option<Seat>> = (0..3).map(|_| seats.take(company(1))).collect();
        let first: Vec<Seat> = first.into_iter().flatten().collect();
        assert_eq!(first.len(), 2, "a quarter");
        let others: Vec<Seat> = (2..9).filter_map(|number| seats.take(company(number))).collect();
        assert_eq!(others.len(), 4, "six for companies in all");
        let program: Vec<Seat> = (0..3).filter_map(|_| seats.take(None)).collect();
        assert_eq!(program.len(), 2, "the rest");
        drop(first);
        assert!(
            seats.take(company(2)).is_some() && seats.take(None).is_some(),
            "there is room again"
        );
        assert!(seats.lock().by_companies.len() == 4, "who has gone is forgotten");
    }

    #[test]
    fn of_few_seats_too_one_is_left_to_the_program() {
        for (all, of_companies) in [(1, 0), (2, 1), (3, 2), (4, 3), (100, 75)] {
            let seats = Seats::new(all);
            let taken: Vec<Seat> =
                (0..200).filter_map(|number| seats.take(company(number))).collect();
            assert_eq!(taken.len(), of_companies, "of {all}");
            assert!(seats.take(None).is_some(), "of {all}");
        }
    }

    #[test]
    fn the_program_may_have_all_and_a_company_of_few_one() {
        let seats = Seats::new(2);
        let one = seats.take(company(1));
        assert!(one.is_some() && seats.take(company(1)).is_none());
        assert!(seats.take(None).is_some());
        drop(one);
        let all: Vec<Seat> = (0..3).filter_map(|_| seats.take(None)).collect();
        assert_eq!(all.len(), 2);
        assert!(Seats::new(0).take(None).is_none());
    }
}
