//! No cache: every lookup asks the store.

use std::sync::Arc;

use crate::domain::facts::{CardFacts, Facts, LimitFacts, UserFacts};
use crate::domain::id::{CardId, TransactionId};
use crate::domain::policy::PolicyStamp;
use crate::domain::token::Token;
use crate::domain::transaction::Transaction;

use super::{CacheStats, FactsCache, Stamped, TransactionsCache};

/// Keeps nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoCache;

impl FactsCache for NoCache {
    fn user(&self, _reference: &Token) -> Option<Arc<UserFacts>> {
        None
    }

    fn card(&self, _reference: &Token) -> Option<Arc<CardFacts>> {
        None
    }

    fn limits(&self, _card: CardId) -> Option<Arc<LimitFacts>> {
        None
    }

    fn keep_user(&self, _reference: &Token, _facts: &Arc<UserFacts>) {}

    fn keep_card(&self, _reference: &Token, _facts: &Arc<CardFacts>) {}

    fn keep_limits(&self, _card: CardId, _token: Option<&Token>, _facts: &Arc<LimitFacts>) {}

    fn raise_floor(&self, _stamp: PolicyStamp) {}

    fn admits(&self, _facts: &dyn Stamped) -> bool {
        false
    }

    fn forget(&self, _facts: &Facts) {}

    fn clear(&self) {}

    fn entries(&self) -> u64 {
        0
    }
}

impl TransactionsCache for NoCache {
    fn known(&self, _id: TransactionId) -> Option<Arc<Transaction>> {
        None
    }

    fn keep(&self, _transaction: &Arc<Transaction>) {}

    fn add_to(&self, _stats: &mut CacheStats) {}
}
