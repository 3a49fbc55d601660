//! The comparison: each stated purchase with the chain that has one of its names, then our chains of
//! the window that were not met.

use std::collections::{HashMap, HashSet};

use super::report::{Difference, Report};
use super::stated::{Stated, state};
use super::{Books, List, Window};
use crate::domain::chain::{Chain, Link};
use crate::domain::id::AuthorizationId;
use crate::domain::time::Timestamp;
use crate::domain::token::Token;
use crate::store::StoreError;

/// Names that are looked up at a time.
const NAMES_MAX: usize = 500;

/// Compares a list with the books. `window`: purchases of ours that were opened in it and are not
/// listed are extra; without one, none is.
pub async fn reconcile(
    list: &List,
    books: &Books,
    window: Option<Window>,
) -> Result<Report, StoreError> {
    let stated = state(&list.transactions);
    let listed = list.transactions.len() + list.unreadable.len();
    let mut report = Report {
        listed: listed as u64,
        unreadable: list.unreadable.len() as u64,
        purchases: stated.len() as u64,
        ..Report::default()
    };
    let names: Vec<Link> = stated.iter().flat_map(|one| one.names.iter().cloned()).collect();
    let known = known(books, &names).await?;
    let mut met = HashSet::new();
    for purchase in &stated {
        let chain = match purchase.names.iter().find_map(|name| known.get(name)) {
            Some(id) => books.chain(*id).await?,
            None => None,
        };
        if let Some(chain) = &chain {
            met.insert(chain.id);
        }
        if purchase.partial {
            report.partial += 1;
            continue;
        }
        compare(books, purchase, chain.as_ref(), window, &mut report).await?;
    }
    if let Some(window) = window {
        find_extra(books, window, &met, &mut report).await?;
    }
    Ok(report)
}

/// Which authorization, or chain, each of these names leads to.
async fn known(
    books: &Books,
    names: &[Link],
) -> Result<HashMap<Link, AuthorizationId>, StoreError> {
    let mut known = HashMap::new();
    for names in names.chunks(NAMES_MAX) {
        let tokens: Vec<Token> = names
            .iter()
            .filter_map(|name| match name {
                Link::Funding(token) => Some(token.clone()),
                Link::Transaction(_) => None,
            })
            .collect();
        for history in &books.histories {
            for (token, id) in history.decided_under(&tokens).await? {
                known.insert(Link::Funding(token), id);
            }
            known.extend(history.linked(names).await?);
        }
    }
    Ok(known)
}

impl Books {
    async fn chain(&self, id: AuthorizationId) -> Result<Option<Chain>, StoreError> {
        for history in &self.histories {
            let root = match history.authorization(id).await? {
                Some(authorization) => authorization.chain.unwrap_or(id),
                None => id,
            };
            if let Some(chain) = history.chain(root).await? {
                return Ok(Some(chain));
            }
        }
        Ok(None)
    }

    /// Whether the purchase was used, or money moved for it, at this time or later: the list may not
    /// have that yet.
    async fn moved_after(&self, chain: &Chain, time: Timestamp) -> Result<bool, StoreError> {
        if chain.last_use_at().is_some_and(|at| at >= time) {
            return Ok(true);
        }
        for history in &self.histories {
            let postings = history.postings(chain.id).await?;
            if postings.iter().any(|posting| posting.at >= time) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn is_approved(
        &self,
        token: &Token,
    ) -> Result<Option<(AuthorizationId, bool)>, StoreError> {
        for history in &self.histories {
            let decided = history.decided_under(std::slice::from_ref(token)).await?;
            let Some((_, id)) = decided.into_iter().next() else { continue };
            let found = history.authorization(id).await?;
            return Ok(found.map(|found| (id, found.refusal.is_none())));
        }
        Ok(None)
    }
}

async fn compare(
    books: &Books,
    purchase: &Stated,
    chain: Option<&Chain>,
    window: Option<Window>,
    report: &mut Report,
) -> Result<(), StoreError> {
    let mut different = false;
    let told = [(&purchase.approved, true), (&purchase.declined, false)];
    for (tokens, approved) in told {
        for token in tokens {
            let ours = books.is_approved(token).await?;
            if let Some((chain, ours)) = ours.filter(|(_, ours)| *ours != approved) {
                different = true;
                let transaction = purchase.root.clone();
                let (ours, theirs) = (i64::from(ours), i64::from(approved));
                let what = "approved (1) or declined (0):";
                report.keep(Difference::Different { chain, transaction, what, ours, theirs });
            }
        }
    }
    let Some(chain) = chain else {
        if purchase.has_money() {
            report.missing += 1;
            report.keep(Difference::Missing {
                transaction: purchase.root.clone(),
                held: purchase.held(),
                posted: purchase.cleared.saturating_sub(purchase.refunded),
            });
        } else if different {
            report.different += 1;
        } else {
            report.equal += 1;
        }
        return Ok(());
    };
    let pairs = [
        ("held", chain.hold(), purchase.held()),
        ("cleared", chain.totals.cleared, purchase.cleared),
        ("refunded", chain.totals.refunded, purchase.refunded),
    ];
    let differs = pairs.iter().any(|(_, ours, theirs)| ours != theirs);
    if let Some(window) = window.filter(|_| differs)
        && books.moved_after(chain, window.to).await?
    {
        report.recent += 1;
        return Ok(());
    }
    for (what, ours, theirs) in pairs.into_iter().filter(|(_, ours, theirs)| ours != theirs) {
        different = true;
        let (transaction, chain) = (purchase.root.clone(), chain.id);
        report.keep(Difference::Different { chain, transaction, what, ours, theirs });
    }
    *(if different { &mut report.different } else { &mut report.equal }) += 1;
    Ok(())
}

async fn find_extra(
    books: &Books,
    window: Window,
    met: &HashSet<AuthorizationId>,
    report: &mut Report,
) -> Result<(), StoreError> {
    for audit in &books.audits {
        let mut snapshot = audit.snapshot().await?;
        let mut after = None;
        loop {
            let page = snapshot.chains(after).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.chain.id);
            for chain in page.into_iter().map(|sums| sums.chain) {
                let (held, totals) = (chain.hold(), chain.totals);
                let has_money = held != 0 || totals.cleared != 0 || totals.refunded != 0;
                let inside = window.from <= chain.opened_at && chain.opened_at < window.to;
                let own = chain.merged_into.is_none() && !met.contains(&chain.id);
                if inside && own && has_money {
                    report.extra += 1;
                    let posted = totals.cleared.saturating_sub(totals.refunded);
                    report.keep(Difference::Extra { chain: chain.id, held, posted });
                }
            }
        }
    }
    Ok(())
}
