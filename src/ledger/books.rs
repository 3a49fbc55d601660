//! Books: the part of a home that one batch has loaded, and what the judge has changed in it.
//!
//! A store fills them (`load_*`), the judge reads and changes them, and the store writes back
//! `changes()`. After any failure they are thrown away.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use crate::domain::authorization::{Authorization, StageTimes};
use crate::domain::chain::{Chain, Link, Use};
use crate::domain::decision::{Decision, Fingerprint};
use crate::domain::event::Event;
use crate::domain::finding::Refusal;
use crate::domain::id::{AccountId, AuthorizationId};
use crate::domain::merchant::Merchant;
use crate::domain::money::Currency;
use crate::domain::party::Account;
use crate::domain::policy::{Counter, CounterKey, Member};
use crate::domain::posting::{Movement, Posting};
use crate::domain::time::{Timestamp, WindowStarts, Zone};
use crate::domain::token::Token;

use super::wanted::{CounterWanted, Wanted};

/// A step that was taken, under the key of its intent.
#[derive(Clone, Debug)]
pub struct AppliedStep {
    /// The intent's key.
    pub key: String,
    /// What must be the same for a repeat to be a repeat.
    pub fingerprint: Fingerprint,
    /// What it did: the answer to every repeat.
    pub movement: Arc<Movement>,
}

/// The loaded part of one home.
#[derive(Clone, Debug)]
pub struct Books {
    now: Timestamp,
    pub(super) accounts: BTreeMap<AccountId, Account>,
    pub(super) chains: HashMap<AuthorizationId, Chain>,
    /// Chains that are named and do not exist: those of declined purchases.
    unopened: BTreeSet<AuthorizationId>,
    pub(super) links: HashMap<Link, AuthorizationId>,
    pub(super) counters: BTreeMap<CounterKey, Counter>,
    pub(super) decisions: HashMap<Token, Arc<Decision>>,
    /// The tokens that the messages of a transaction were decided under.
    pub(super) of_transaction: HashMap<Token, BTreeSet<Token>>,
    pub(super) steps: HashMap<String, AppliedStep>,
    pub(super) changed: Changed,
    starts: HashMap<String, WindowStarts>,
}

/// What the judge has touched.
#[derive(Clone, Debug, Default)]
pub(super) struct Changed {
    pub(super) accounts: BTreeSet<AccountId>,
    pub(super) chains: BTreeSet<AuthorizationId>,
    pub(super) links: BTreeSet<Link>,
    pub(super) counters: BTreeSet<CounterKey>,
    pub(super) decisions: BTreeSet<Token>,
    pub(super) steps: BTreeSet<String>,
    pub(super) authorizations: Vec<Authorization>,
    pub(super) overturned: Vec<(AuthorizationId, Refusal)>,
    pub(super) postings: Vec<Posting>,
    pub(super) events: Vec<Event>,
}

/// What is to be written back. Everything is in key order except authorizations, postings and
/// events, which are in order of arrival.
#[derive(Debug)]
pub struct Changes<'a> {
    /// Accounts to update. `version` and `limit` may have changed too.
    pub accounts: Vec<&'a Account>,
    /// Chains to insert or replace.
    pub chains: Vec<&'a Chain>,
    /// Links to insert or replace.
    pub links: Vec<(&'a Link, AuthorizationId)>,
    /// Counters to insert or replace.
    pub counters: Vec<(CounterKey, Counter)>,
    /// Decisions to insert or replace.
    pub decisions: Vec<&'a Decision>,
    /// Steps to insert; a clash is a conflict.
    pub steps: Vec<&'a AppliedStep>,
    /// Authorizations to insert.
    pub authorizations: &'a [Authorization],
    /// Authorizations whose stored outcome becomes this refusal.
    pub overturned: &'a [(AuthorizationId, Refusal)],
    /// Postings to insert.
    pub postings: &'a [Posting],
    /// Events to append to the outbox.
    pub events: &'a [Event],
}

impl Books {
    /// Empty books, as of `now`: the home's own time, one value for the batch.
    pub fn at(now: Timestamp) -> Self {
        Self {
            now,
            accounts: BTreeMap::new(),
            chains: HashMap::new(),
            unopened: BTreeSet::new(),
            links: HashMap::new(),
            counters: BTreeMap::new(),
            decisions: HashMap::new(),
            of_transaction: HashMap::new(),
            steps: HashMap::new(),
            changed: Changed::default(),
            starts: HashMap::new(),
        }
    }

    /// The time of the batch.
    pub const fn now(&self) -> Timestamp {
        self.now
    }

    /// Puts in a locked account.
    pub fn load_account(&mut self, account: Account) {
        self.accounts.insert(account.id, account);
    }

    /// Puts in a chain. A chain that was merged brings the one it was merged into along.
    pub fn load_chain(&mut self, chain: Chain) {
        self.chains.insert(chain.id, chain);
    }

    /// Says that a chain that is named does not exist.
    pub fn load_no_chain(&mut self, id: AuthorizationId) {
        self.unopened.insert(id);
    }

    /// Puts in a name under which a chain is known.
    pub fn load_link(&mut self, link: Link, chain: AuthorizationId) {
        self.links.insert(link, chain);
    }

    /// Puts in a counter's row.
    pub fn load_counter(&mut self, key: CounterKey, counter: Counter) {
        self.counters.insert(key, counter);
    }

    /// Puts in an earlier decision.
    pub fn load_decision(&mut self, decision: Decision) {
        self.decisions.insert(decision.token.clone(), Arc::new(decision));
    }

    /// Says under which token a message of this transaction was decided; the decision is put in, too.
    pub fn load_transaction(&mut self, transaction: Token, decided: Token) {
        self.of_transaction.entry(transaction).or_default().insert(decided);
    }

    /// Puts in an earlier step.
    pub fn load_step(&mut self, step: AppliedStep) {
        self.steps.insert(step.key.clone(), step);
    }

    /// Whether the account is loaded, and so locked.
    pub fn has_account(&self, id: AccountId) -> bool {
        self.accounts.contains_key(&id)
    }

    /// All locked accounts, in id order.
    pub fn accounts(&self) -> impl Iterator<Item = &Account> {
        self.accounts.values()
    }

    /// The chains that must be loaded beside those that are: what links name, and what merged ones
    /// were merged into. To be asked until it is empty; each is answered by [`Books::load_chain`] or
    /// [`Books::load_no_chain`].
    pub fn missing_chains(&self) -> BTreeSet<AuthorizationId> {
        let named = self.links.values().copied();
        let merged = self.chains.values().filter_map(|chain| chain.merged_into);
        let known =
            |id: &AuthorizationId| self.chains.contains_key(id) || self.unopened.contains(id);
        named.chain(merged).filter(|id| !known(id)).collect()
    }

    /// The accounts of loaded chains that are not locked yet.
    pub fn missing_accounts(&self) -> BTreeSet<AccountId> {
        let owners = self.chains.values().map(|chain| chain.account);
        owners.filter(|id| !self.accounts.contains_key(id)).collect()
    }

    /// Wanted counters that have no row and whose limit is younger than its window (or counts for
    /// ever): each with the time since when approvals must be counted by [`Books::seed_counter`].
    /// A limit older than its window needs none: nothing was used in this window. But a pool of a user is
    /// counted under another key once amounts are, or no longer are, among its bounds. Nor does one that
    /// the batch can not touch: without an earlier chain, only what counts at a request's own merchant.
    pub fn unseeded(&mut self, wanted: &Wanted) -> Vec<(CounterKey, Timestamp)> {
        let mut unseeded = Vec::new();
        let all_are_first = self.chains.is_empty();
        for (key, want) in &wanted.counters {
            if self.counters.contains_key(key) || (all_are_first && !want.counts) {
                continue;
            }
            let since = self.starts(&want.zone).of(want.limit.window);
            if want.limit.created_at >= since || matches!(key.member, Member::User(..)) {
                unseeded.push((*key, since));
            }
        }
        unseeded
    }

    /// Starts a counter from the uses of its member's chains in the current window.
    pub fn seed_counter<'a>(
        &mut self,
        key: CounterKey,
        want: &CounterWanted,
        chains: impl Iterator<Item = (Currency, &'a Merchant, &'a [Use])>,
    ) {
        let since = self.starts(&want.zone).of(want.limit.window);
        let mut counter = Counter { window_start: since, ..Counter::default() };
        for (currency, merchant, uses) in chains {
            if !want.limit.counts(merchant, currency) || !key.member.uses(currency) {
                continue;
            }
            for used in uses.iter().filter(|used| used.at >= since) {
                counter.amount = counter.amount.saturating_add(used.amount);
                counter.count = counter.count.saturating_add(used.count);
            }
        }
        self.counters.insert(key, counter);
    }

    /// When the current windows began in a zone, at the time of the batch.
    pub fn starts(&mut self, zone: &Zone) -> WindowStarts {
        if let Some(starts) = self.starts.get(zone.name()) {
            return *starts;
        }
        let starts = WindowStarts::at(self.now, zone);
        self.starts.insert(zone.name().to_owned(), starts);
        starts
    }

    /// Records how long the stages of a decision made in this batch took.
    pub fn record_stages(&mut self, id: AuthorizationId, stages: StageTimes) {
        if let Some(authorization) = self
            .changed
            .authorizations
            .iter_mut()
            .rev()
            .find(|authorization| authorization.id == id)
        {
            authorization.stages = stages;
        }
    }

    /// What is to be written back.
    pub fn changes(&self) -> Changes<'_> {
        let changed = &self.changed;
        Changes {
            accounts: changed.accounts.iter().filter_map(|id| self.accounts.get(id)).collect(),
            chains: changed.chains.iter().filter_map(|id| self.chains.get(id)).collect(),
            links: changed
                .links
                .iter()
                .filter_map(|link| self.links.get_key_value(link).map(|(link, id)| (link, *id)))
                .collect(),
            counters: changed
                .counters
                .iter()
                .filter_map(|key| self.counters.get(key).map(|counter| (*key, *counter)))
                .collect(),
            decisions: changed
                .decisions
                .iter()
                .filter_map(|token| self.decisions.get(token).map(Arc::as_ref))
                .collect(),
            steps: changed.steps.iter().filter_map(|key| self.steps.get(key)).collect(),
            authorizations: &changed.authorizations,
            overturned: &changed.overturned,
            postings: &changed.postings,
            events: &changed.events,
        }
    }

    /// Whether the batch has changed nothing.
    pub fn unchanged(&self) -> bool {
        let changed = &self.changed;
        changed.accounts.is_empty()
            && changed.chains.is_empty()
            && changed.links.is_empty()
            && changed.counters.is_empty()
            && changed.decisions.is_empty()
            && changed.steps.is_empty()
            && changed.authorizations.is_empty()
            && changed.overturned.is_empty()
            && changed.postings.is_empty()
            && changed.events.is_empty()
    }
}
