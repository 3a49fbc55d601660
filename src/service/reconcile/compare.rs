//! The comparison: each stated purchase with the chain that has one of its names, then our chains of
//! the window that were not met.

use std::collections::{HashMap, HashSet};

use super::figures::{Figures, adjusted};
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
        let ids: Vec<_> = purchase.names.iter().filter_map(|name| known.get(name)).collect();
        let chain = match ids.first() {
            Some(id) => books.chain(**id).await?,
            None => None,
        };
        if let Some(chain) = &chain {
            met.insert(chain.id);
        }
        if purchase.partial {
            report.partial += 1;
            continue;
        }
        let ours = match &chain {
            Some(chain) => {
                let ids = ids.into_iter().copied().collect();
                Some((chain, books.figures(chain, &ids).await?))
            }
            None => None,
        };
        compare(books, purchase, ours, window, &mut report).await?;
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

    /// Whether we have approved a message under one of these tokens; `None`: we know none of them.
    async fn is_approved(
        &self,
        tokens: &[Token],
    ) -> Result<Option<(AuthorizationId, bool)>, StoreError> {
        let mut told = None;
        for history in &self.histories {
            for (_, id) in history.decided_under(tokens).await? {
                let Some(found) = history.authorization(id).await? else { continue };
                if found.refusal.is_none() {
                    return Ok(Some((id, true)));
                }
                told = told.or(Some((id, false)));
            }
        }
        Ok(told)
    }

    /// What we have of a chain. Postings of what was merged into it stay under their own ids: `also`
    /// names those that are known.
    async fn figures(
        &self,
        chain: &Chain,
        also: &HashSet<AuthorizationId>,
    ) -> Result<Figures, StoreError> {
        let mut sum: i64 = 0;
        for id in also.iter().copied().filter(|id| *id != chain.id).chain([chain.id]) {
            if id == chain.id && chain.postings == 0 {
                continue;
            }
            for history in &self.histories {
                sum = sum.saturating_add(adjusted(&history.postings(id).await?));
            }
        }
        Ok(Figures::of_chain(chain, sum))
    }
}

async fn compare(
    books: &Books,
    purchase: &Stated,
    ours: Option<(&Chain, Figures)>,
    window: Option<Window>,
    report: &mut Report,
) -> Result<(), StoreError> {
    let mut different = false;
    for asked in &purchase.asked {
        let told = books.is_approved(&asked.tokens).await?;
        if let Some((chain, ours)) = told.filter(|(_, ours)| *ours != asked.approved) {
            different = true;
            let transaction = purchase.root.clone();
            let (ours, theirs) = (i64::from(ours), i64::from(asked.approved));
            let what = "approved";
            report.keep(Difference::Different { chain, transaction, what, ours, theirs });
        }
    }
    let theirs = purchase.figures();
    let Some((chain, ours)) = ours else {
        if !theirs.are_zero() {
            report.missing += 1;
            report.keep(Difference::Missing {
                transaction: purchase.root.clone(),
                held: theirs.held,
                posted: theirs.posted(),
            });
        } else if different {
            report.different += 1;
        } else {
            report.equal += 1;
        }
        return Ok(());
    };
    let differences = ours.differences(&theirs);
    if let Some(window) = window.filter(|_| !differences.is_empty())
        && books.moved_after(chain, window.to).await?
    {
        report.recent += 1;
        return Ok(());
    }
    for (what, ours, theirs) in differences {
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
                let inside = window.from <= chain.opened_at && chain.opened_at < window.to;
                let own = chain.merged_into.is_none() && !met.contains(&chain.id);
                if !(inside && own) {
                    continue;
                }
                let ours = books.figures(&chain, &HashSet::new()).await?;
                if !ours.are_zero() {
                    report.extra += 1;
                    let (held, posted) = (ours.held, ours.posted());
                    report.keep(Difference::Extra { chain: chain.id, held, posted });
                }
            }
        }
    }
    Ok(())
}
