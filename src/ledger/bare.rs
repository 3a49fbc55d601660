//! Bare batches: changes of approvals that were judged beforehand, put into books as they are. The
//! yardstick of `tollgate bench` times a home with them, without judge, pipeline and HTTP.

use std::sync::Arc;

use crate::domain::authorization::Authorization;
use crate::domain::chain::Chain;
use crate::domain::decision::Decision;
use crate::domain::event::Event;
use crate::domain::party::Account;
use crate::domain::policy::CounterKey;
use crate::domain::standing::Rules;
use crate::domain::time::Timestamp;

use super::apply;
use super::books::Books;
use super::intent::Intent;

/// What one approval writes.
#[derive(Clone, Debug)]
pub struct Prepared {
    decision: Arc<Decision>,
    authorization: Authorization,
    chain: Chain,
    event: Event,
    counters: Vec<CounterKey>,
}

/// Judges an intent on books of its own. `None` where it is not approved with a hold.
pub fn prepare(intent: &Intent, account: Account, now: Timestamp) -> Option<Prepared> {
    let mut books = Books::at(now);
    books.load_account(account);
    apply(&mut books, intent, &Rules::default());
    let changes = books.changes();
    let counters = changes.counters.iter().map(|(key, _)| *key).collect();
    Some(Prepared {
        decision: Arc::new((*changes.decisions.first()?).clone()),
        authorization: changes.authorizations.first()?.clone(),
        chain: (*changes.chains.first()?).clone(),
        event: changes.events.first()?.clone(),
        counters,
    })
}

/// Puts a prepared approval into books.
pub fn put(books: &mut Books, prepared: Prepared) {
    let Prepared { decision, authorization, chain, event, counters } = prepared;
    let hold = chain.hold();
    if let Some(account) = books.accounts.get_mut(&chain.account) {
        account.held = account.held.saturating_add(hold);
        books.changed.accounts.insert(chain.account);
    }
    for key in counters {
        let counter = books.counters.entry(key).or_default();
        counter.amount = counter.amount.saturating_add(hold);
        counter.count = counter.count.saturating_add(1);
        books.changed.counters.insert(key);
    }
    books.changed.decisions.insert(decision.token.clone());
    books.decisions.insert(decision.token.clone(), decision);
    books.changed.chains.insert(chain.id);
    books.chains.insert(chain.id, chain);
    books.changed.authorizations.push(authorization);
    books.changed.events.push(event);
}
