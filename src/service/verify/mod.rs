//! Verification: recomputes every balance, hold and counter from postings, messages and uses, in
//! one snapshot, and names what differs. Reads only, so it runs beside a working service.

mod chains;
mod counters;
pub mod log;
mod report;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use crate::domain::id::AccountId;
use crate::store::{AccountSums, Audit, AuditSnapshot, RowCounts, StoreError};

pub use report::{Difference, Report};

/// Recomputes everything. An `Err` says nothing about the books: they could not be read.
pub async fn verify(audit: &dyn Audit) -> Result<Report, StoreError> {
    let mut snapshot = audit.snapshot().await?;
    let mut report = Report { counts: snapshot.counts().await?, ..Report::default() };
    check_counts(&mut report);
    let mut counters = counters::Recount::of(&mut *snapshot).await?;
    let held = chains::check(&mut *snapshot, &mut counters, &mut report).await?;
    check_accounts(&mut *snapshot, &held, &mut report).await?;
    counters.check(&mut report);
    Ok(report)
}

fn check_counts(report: &mut Report) {
    let RowCounts { unexplained, unbalanced, decisions, authorizations, .. } = report.counts;
    report.equal("store", "decisions without their own authorization", unexplained, 0);
    report.equal("store", "postings that do not sum to zero", unbalanced, 0);
    let missing = decisions.saturating_sub(authorizations);
    report.equal("store", "authorizations missing beside the decisions", missing, 0);
}

async fn check_accounts(
    snapshot: &mut dyn AuditSnapshot,
    held: &BTreeMap<AccountId, i64>,
    report: &mut Report,
) -> Result<(), StoreError> {
    let mut known = 0;
    let mut after = None;
    loop {
        let page = snapshot.accounts(after).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.account.id);
        for sums in &page {
            let holds = held.get(&sums.account.id).copied();
            known += u64::from(holds.is_some());
            check_account(sums, holds.unwrap_or(0), report);
        }
    }
    let accounts = u64::try_from(held.len()).unwrap_or(u64::MAX);
    report.equal("store", "accounts that chains draw on", known, accounts);
    Ok(())
}

fn check_account(sums: &AccountSums, holds: i64, report: &mut Report) {
    let AccountSums { account, holds: stored_holds, posted, funded, overdraft_causes } = sums;
    report.accounts += 1;
    let name = account.id.to_string();
    report.equal(&name, "held, beside its chains", account.held, holds);
    report.equal(&name, "held, beside its holds", account.held, *stored_holds);
    report.equal(&name, "posted, beside its postings", account.posted, *posted);
    report.equal(&name, "funded, beside its funding", account.funded, *funded);
    let sides = (account.held.checked_add(account.posted), account.limit.checked_add(*funded));
    let (Some(used), Some(granted)) = sides else {
        report.differ(&name, "sums within 64 bits", 0, 1);
        return;
    };
    if used > granted && *overdraft_causes == 0 {
        report.differ(&name, "held + posted, at most limit + funded", used, granted);
    }
    report.overdrawn += u64::from(used > granted);
}
