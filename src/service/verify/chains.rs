//! Recomputes chains: each hold from its totals, the totals from postings and approved messages.
//!
//! The rows of a chain that was merged into another stay under its own id, and its totals were
//! added to the other's; so sums are compared only where all of them have come together.

use std::collections::BTreeMap;

use crate::domain::chain::{Chain, Totals};
use crate::domain::id::{AccountId, AuthorizationId};
use crate::store::{AuditSnapshot, ChainSums, StoreError};

use super::counters::Recount;
use super::report::Report;

/// What the rows of a chain add up to.
#[derive(Clone, Copy, Default)]
struct Sums {
    cleared: i64,
    refunded: i64,
    approved: i64,
}

impl Sums {
    const fn of(row: &ChainSums) -> Self {
        Self { cleared: row.cleared, refunded: row.refunded, approved: row.approved }
    }

    const fn plus(self, other: Self) -> Self {
        Self {
            cleared: self.cleared.saturating_add(other.cleared),
            refunded: self.refunded.saturating_add(other.refunded),
            approved: self.approved.saturating_add(other.approved),
        }
    }

    fn match_totals(self, chain: &Chain) -> bool {
        let Totals { cleared, refunded, .. } = chain.totals;
        let approved = chain.closings.voided || self.approved == asked(&chain.totals);
        self.cleared == cleared && self.refunded == refunded && approved
    }
}

/// A voided purchase keeps what was asked; the authorization that asked is a decline by then.
const fn asked(totals: &Totals) -> i64 {
    totals.authorized.saturating_add(totals.incremented)
}

/// Chains whose own rows do not add up by themselves, and the rows of those merged into others.
#[derive(Default)]
struct Merges {
    waiting: Vec<(Chain, Sums)>,
    merged: BTreeMap<AuthorizationId, Vec<(AuthorizationId, Sums)>>,
}

impl Merges {
    /// The sums of everything that was merged into a chain, directly or through others.
    fn of_chain(&self, id: AuthorizationId) -> Sums {
        let mut sum = Sums::default();
        let mut open = vec![id];
        while let Some(id) = open.pop() {
            for (lost, sums) in self.merged.get(&id).into_iter().flatten() {
                sum = sum.plus(*sums);
                open.push(*lost);
            }
        }
        sum
    }
}

/// Checks every chain, counts its uses, and gives back what each account's chains hold.
pub(super) async fn check(
    snapshot: &mut dyn AuditSnapshot,
    counters: &mut Recount,
    report: &mut Report,
) -> Result<BTreeMap<AccountId, i64>, StoreError> {
    let mut held = BTreeMap::new();
    let mut merges = Merges::default();
    let mut after = None;
    loop {
        let page = snapshot.chains(after).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.chain.id);
        for row in page {
            report.chains += 1;
            let hold = row.chain.hold();
            let name = row.chain.id.to_string();
            report.equal(&name, "hold, beside its totals", row.stored_hold, hold);
            let account: &mut i64 = held.entry(row.chain.account).or_default();
            *account = account.saturating_add(hold);
            counters.count(&row.chain);
            take(row, &mut merges);
        }
    }
    for (chain, own) in &merges.waiting {
        compare(chain, own.plus(merges.of_chain(chain.id)), report);
    }
    Ok(held)
}

fn take(row: ChainSums, merges: &mut Merges) {
    let sums = Sums::of(&row);
    if let Some(into) = row.chain.merged_into {
        merges.merged.entry(into).or_default().push((row.chain.id, sums));
    } else if !sums.match_totals(&row.chain) {
        merges.waiting.push((row.chain, sums));
    }
}

fn compare(chain: &Chain, sums: Sums, report: &mut Report) {
    let name = chain.id.to_string();
    let totals = &chain.totals;
    report.equal(&name, "cleared, beside its debits", totals.cleared, sums.cleared);
    report.equal(&name, "refunded, beside its credits", totals.refunded, sums.refunded);
    if !chain.closings.voided {
        let what = "authorized + incremented, beside its approvals";
        report.equal(&name, what, asked(totals), sums.approved);
    }
}
