//! What verification found.

use std::fmt;

use crate::store::RowCounts;

/// How many differences are kept word for word. The rest are counted.
const DIFFERENCES_MAX: usize = 100;

/// One thing that is stored otherwise than it adds up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The account, chain or counter.
    pub subject: String,
    /// What was compared.
    pub what: &'static str,
    /// What is stored.
    pub stored: i128,
    /// What it adds up to.
    pub computed: i128,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { subject, what, stored, computed } = self;
        write!(f, "{subject}: {what}: stored {stored}, computed {computed}")
    }
}

/// The verdict, and what it rests on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Rows, counted.
    pub counts: RowCounts,
    /// Accounts recomputed.
    pub accounts: u64,
    /// Accounts whose use is above what was granted, each with a cause on record.
    pub overdrawn: u64,
    /// Chains recomputed.
    pub chains: u64,
    /// Counters recomputed.
    pub counters: u64,
    /// Counters that could not be: their limit is gone, or their pool's cards are not known.
    pub counters_skipped: u64,
    /// What differs, in the order found, at most a hundred.
    pub differences: Vec<Difference>,
    /// How many differ in all.
    pub differences_count: u64,
}

impl Report {
    /// Whether everything adds up.
    pub const fn clean(&self) -> bool {
        self.differences_count == 0
    }

    /// Compares, and records a difference.
    pub(super) fn equal(
        &mut self,
        subject: &str,
        what: &'static str,
        stored: impl Into<i128>,
        computed: impl Into<i128>,
    ) {
        let (stored, computed) = (stored.into(), computed.into());
        if stored != computed {
            self.differ(subject, what, stored, computed);
        }
    }

    /// Records a difference.
    pub(super) fn differ(
        &mut self,
        subject: &str,
        what: &'static str,
        stored: impl Into<i128>,
        computed: impl Into<i128>,
    ) {
        self.differences_count += 1;
        if self.differences.len() < DIFFERENCES_MAX {
            let (stored, computed) = (stored.into(), computed.into());
            self.differences.push(Difference { subject: subject.into(), what, stored, computed });
        }
    }
}
