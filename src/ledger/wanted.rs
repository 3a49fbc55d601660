//! What a batch needs loaded before it can be judged.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use crate::domain::chain::Link;
use crate::domain::id::{AccountId, AuthorizationId, CardId, LimitId};
use crate::domain::money::Currency;
use crate::domain::policy::{CounterKey, Limit, Scope};
use crate::domain::time::Zone;
use crate::domain::token::Token;

use super::intent::{Act, Intent, Notice, NoticeIntent, Undelivered};

/// Keys to lock and load, in order: accounts first, then the rest.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Accounts to lock, in id order.
    pub accounts: BTreeSet<AccountId>,
    /// Tokens whose earlier decision is needed.
    pub tokens: BTreeSet<Token>,
    /// Transactions whose messages' earlier decisions are needed, whatever their tokens.
    pub transactions: BTreeSet<Token>,
    /// Keys whose earlier step is needed.
    pub steps: BTreeSet<String>,
    /// Chains named by id.
    pub chains: BTreeSet<AuthorizationId>,
    /// Names under which a chain may be known. They are looked up among the links and among the
    /// authorizations' own tokens.
    pub links: BTreeSet<Link>,
    /// Whose policy version is to be compared.
    pub subjects: BTreeSet<Scope>,
    /// Counters, with what is needed to start one in the middle of its window.
    pub counters: BTreeMap<CounterKey, CounterWanted>,
}

/// A counter, and the limit it counts for.
#[derive(Clone, Debug)]
pub struct CounterWanted {
    /// The limit.
    pub limit: Limit,
    /// Where its windows begin.
    pub zone: Zone,
    /// Whether an intent may read or change it: all may but a first purchase where the limit does not count.
    pub counts: bool,
}

impl Wanted {
    /// What these intents need.
    pub fn by(intents: &[Intent]) -> Self {
        let mut wanted = Self::default();
        for intent in intents {
            wanted.add(intent);
        }
        wanted
    }

    /// These counters with those of purchases that were made otherwise than the messages say, where
    /// there are any: a purchase counts for the card that it was made with, in the currency of the account
    /// that it draws on, and a message may name another card (a replacement).
    pub fn with_counters_of(&self, made: &HashSet<(CardId, Currency)>) -> Option<Self> {
        let limits: BTreeMap<LimitId, &CounterWanted> =
            self.counters.iter().map(|(key, want)| (key.limit, want)).collect();
        let mut more = BTreeMap::new();
        for (card, currency) in made {
            for want in limits.values().copied() {
                let key = want.limit.counter(*card, *currency);
                if let Some(key) = key.filter(|key| !self.counters.contains_key(key)) {
                    more.insert(key, want.clone());
                }
            }
        }
        if more.is_empty() {
            return None;
        }
        let counters = self.counters.clone().into_iter().chain(more).collect();
        Some(Self { counters, ..Self::default() })
    }

    fn add(&mut self, intent: &Intent) {
        self.accounts.extend(intent.account());
        self.subjects.extend(intent.facts.stamps().map(|stamp| stamp.subject));
        if let Some(card) = &intent.facts.card {
            for (key, limit) in intent.facts.counters() {
                let counts = match &intent.act {
                    Act::Authorize(request) => limit.counts(&request.merchant, card.currency),
                    _ => true,
                };
                let zone = card.zone.clone();
                let want = self.counters.entry(key);
                let want =
                    want.or_insert_with(|| CounterWanted { limit: limit.clone(), zone, counts });
                want.counts |= counts;
            }
        }
        match &intent.act {
            Act::Authorize(request) => {
                self.tokens.insert(request.token.clone());
                let own = request.transaction.iter().cloned().map(Link::Transaction);
                let parent = request.preceding.iter().cloned().map(Link::Transaction);
                let first = request.original.iter().cloned().map(Link::Funding);
                self.links.insert(Link::Funding(request.token.clone()));
                self.links.extend(own.chain(parent).chain(first));
            }
            Act::Recall(request) => {
                self.tokens.insert(request.token.clone());
            }
            Act::Preview(_) => {} // nothing is known by its token
            Act::Decline(request) => {
                self.tokens.insert(request.token.clone());
            }
            Act::Void(Undelivered { token, .. }) => {
                self.tokens.insert(token.clone());
                self.links.insert(Link::Funding(token.clone()));
            }
            Act::Notice(told) => self.add_notice(told),
            Act::Step(step) => {
                self.steps.insert(step.key.clone());
                if let Some(chain) = &step.chain {
                    self.chains.extend(chain.root);
                    self.links.extend(chain.parents.iter().chain(&chain.own).cloned());
                }
            }
        }
    }

    fn add_notice(&mut self, told: &NoticeIntent) {
        self.steps.extend([told.key.clone(), told.opposite.clone()]);
        self.tokens.extend(told.funding.clone());
        self.tokens.insert(told.transaction.clone()); // what was approved in our name
        self.transactions.insert(told.transaction.clone());
        self.links.extend(told.funding.clone().map(Link::Funding));
        self.links.insert(Link::Funding(told.transaction.clone()));
        self.links.insert(Link::Transaction(told.transaction.clone()));
        if let Notice::Approved(request) = &told.notice {
            self.links.extend(request.preceding.iter().cloned().map(Link::Transaction));
            self.links.extend(request.original.iter().cloned().map(Link::Funding));
        }
    }
}
