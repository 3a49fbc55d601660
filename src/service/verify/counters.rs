//! Recounts counters: each from the uses of its member's chains in the window it stands at.

use std::collections::{HashMap, HashSet};

use crate::domain::chain::Chain;
use crate::domain::id::{CardId, CompanyId, UserId};
use crate::domain::policy::{Counter, CounterKey, Limit, Member, Scope};
use crate::store::{AuditSnapshot, StoreError};

use super::report::Report;

/// A counter beside what it should be.
struct Entry {
    key: CounterKey,
    limit: Limit,
    stored: Counter,
    amount: i64,
    count: i64,
}

/// All counters, by whom they count for.
pub(super) struct Recount {
    entries: Vec<Entry>,
    of_member: HashMap<Member, Vec<usize>>,
    owners: HashMap<CardId, (UserId, Option<CompanyId>)>,
    skipped: u64,
}

impl Recount {
    /// Reads the counters and who holds which card.
    pub(super) async fn of(snapshot: &mut dyn AuditSnapshot) -> Result<Self, StoreError> {
        let owners = owners(snapshot).await?;
        let users = owners.values().map(|(user, _)| Scope::User(*user));
        let companies = owners.values().filter_map(|(_, company)| company.map(Scope::Company));
        let pooled: HashSet<Scope> = users.chain(companies).collect();
        let mut recount =
            Self { entries: Vec::new(), of_member: HashMap::new(), owners, skipped: 0 };
        for (key, stored, limit) in snapshot.counters().await? {
            let known =
                matches!(key.member, Member::Card(_)) || pooled.contains(&key.member.scope());
            recount.add(key, stored, limit.filter(|_| known));
        }
        Ok(recount)
    }

    fn add(&mut self, key: CounterKey, stored: Counter, limit: Option<Limit>) {
        let Some(limit) = limit else {
            self.skipped += 1;
            return;
        };
        self.of_member.entry(key.member).or_default().push(self.entries.len());
        self.entries.push(Entry { key, limit, stored, amount: 0, count: 0 });
    }

    /// Adds what a chain used.
    pub(super) fn count(&mut self, chain: &Chain) {
        if chain.uses.is_empty() {
            return;
        }
        let owner = self.owners.get(&chain.card);
        let users = owner.into_iter().flat_map(|(user, _)| {
            [Some(chain.currency), None].map(|currency| Member::User(*user, currency))
        });
        let company = owner.and_then(|(_, company)| company.map(Member::Company));
        for member in std::iter::once(Member::Card(chain.card)).chain(users).chain(company) {
            for index in self.of_member.get(&member).into_iter().flatten() {
                if let Some(entry) = self.entries.get_mut(*index) {
                    entry.add(chain);
                }
            }
        }
    }

    /// Compares.
    pub(super) fn check(self, report: &mut Report) {
        report.counters_skipped = self.skipped;
        for Entry { key, stored, amount, count, .. } in self.entries {
            report.counters += 1;
            let name = format!("{} of {}", key.limit, key.member);
            report.equal(&name, "amount, beside the uses in its window", stored.amount, amount);
            report.equal(&name, "count, beside the uses in its window", stored.count, count);
        }
    }
}

impl Entry {
    fn add(&mut self, chain: &Chain) {
        if !self.limit.counts(&chain.merchant, chain.currency) {
            return;
        }
        for used in chain.uses.iter().filter(|used| used.at >= self.stored.window_start) {
            self.amount = self.amount.saturating_add(used.amount);
            self.count = self.count.saturating_add(used.count);
        }
    }
}

async fn owners(
    snapshot: &mut dyn AuditSnapshot,
) -> Result<HashMap<CardId, (UserId, Option<CompanyId>)>, StoreError> {
    let mut owners = HashMap::new();
    let mut after = None;
    loop {
        let page = snapshot.owners(after).await?;
        let Some(last) = page.last() else { return Ok(owners) };
        after = Some(last.card);
        owners.extend(page.into_iter().map(|row| (row.card, (row.user, row.company))));
    }
}
