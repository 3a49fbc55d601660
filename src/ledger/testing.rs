//! A money home in memory, and short ways to say things: for the tests of the pure rooms and lanes.
#![expect(
    clippy::arithmetic_side_effects,
    reason = "the tests' own sums are small, and a panic is a failure"
)]

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use uuid::Uuid;

use crate::domain::authorization::Authorization;
use crate::domain::chain::{Chain, Link, Use};
use crate::domain::decision::{Decision, Fingerprint};
use crate::domain::event::Event;
use crate::domain::facts::{CardFacts, CompanyFacts, Facts, LimitFacts, UserFacts};
use crate::domain::id::{AccountId, AuthorizationId, CardId, CompanyId, Home, LimitId, UserId};
use crate::domain::merchant::Merchant;
use crate::domain::money::{Currency, Money};
use crate::domain::party::{Account, CardStatus, CompanyStatus, UserStatus};
use crate::domain::policy::{Counter, CounterKey, Limit, LimitMode, MerchantScope, Scope};
use crate::domain::posting::Posting;
use crate::domain::request::{AuthRequest, Door, Operation};
use crate::domain::standing::Rules;
use crate::domain::time::{Timestamp, Window, Zone};
use crate::domain::token::Token;

use super::books::{AppliedStep, Books};
use super::intent::{Act, ChainRef, Intent, Outcome, Step, StepIntent, Undelivered};
use super::wanted::Wanted;

/// What a store would hold.
#[derive(Default)]
pub(crate) struct Ledger {
    pub(crate) accounts: BTreeMap<AccountId, Account>,
    pub(crate) chains: HashMap<AuthorizationId, Chain>,
    pub(crate) links: HashMap<Link, AuthorizationId>,
    pub(crate) counters: BTreeMap<CounterKey, Counter>,
    pub(crate) decisions: HashMap<Token, Decision>,
    pub(crate) steps: HashMap<String, AppliedStep>,
    pub(crate) authorizations: HashMap<AuthorizationId, Authorization>,
    pub(crate) postings: Vec<Posting>,
    pub(crate) events: Vec<Event>,
}

impl Ledger {
    /// Loads what is wanted, as a store does.
    pub(crate) fn books(&self, wanted: &Wanted, now: Timestamp) -> Books {
        let mut books = Books::at(now);
        for token in &wanted.tokens {
            self.decisions.get(token).into_iter().for_each(|it| books.load_decision(it.clone()));
        }
        for transaction in &wanted.transactions {
            let rows = self.authorizations.values();
            for row in rows.filter(|row| row.transaction.as_ref() == Some(transaction)) {
                let Some(decision) = self.decisions.get(&row.token) else { continue };
                if decision.authorization == row.id {
                    books.load_transaction(transaction.clone(), row.token.clone());
                    books.load_decision(decision.clone());
                    let link = Link::Funding(row.token.clone());
                    row.chain.into_iter().for_each(|id| books.load_link(link.clone(), id));
                }
            }
        }
        for key in &wanted.steps {
            self.steps.get(key).into_iter().for_each(|it| books.load_step(it.clone()));
        }
        for link in &wanted.links {
            if let Some(chain) = self.chain_known_as(link) {
                books.load_link(link.clone(), chain);
            }
        }
        for id in &wanted.chains {
            self.chains.get(id).into_iter().for_each(|it| books.load_chain(it.clone()));
        }
        while let Some(id) = books.missing_chains().pop_first() {
            match self.chains.get(&id) {
                Some(chain) => books.load_chain(chain.clone()),
                None => books.load_no_chain(id),
            }
        }
        for id in wanted.accounts.iter().copied().chain(books.missing_accounts()) {
            self.accounts.get(&id).into_iter().for_each(|it| books.load_account(it.clone()));
        }
        for key in wanted.counters.keys() {
            self.counters.get(key).into_iter().for_each(|it| books.load_counter(*key, *it));
        }
        for (key, since) in books.unseeded(wanted) {
            let _ = since; // every use is offered; the books leave out what is older
            let chains: Vec<(Currency, &Merchant, &[Use])> = self
                .chains
                .values()
                .filter(|chain| key.member.to_string() == chain.card.to_string())
                .map(|chain| (chain.currency, &chain.merchant, chain.uses.as_slice()))
                .collect();
            books.seed_counter(key, &wanted.counters[&key], chains.into_iter());
        }
        books
    }

    fn chain_known_as(&self, link: &Link) -> Option<AuthorizationId> {
        self.links.get(link).copied().or_else(|| {
            let mut rows = self.authorizations.values();
            rows.find(|row| match link {
                Link::Funding(token) => row.token == *token,
                Link::Transaction(token) => row.transaction.as_ref() == Some(token),
            })?
            .chain
        })
    }

    /// Writes changes back, as a store does. A clash of what may only be inserted is a bug.
    pub(crate) fn absorb(&mut self, books: &Books) {
        let changes = books.changes();
        for account in changes.accounts {
            self.accounts.insert(account.id, account.clone());
        }
        for chain in changes.chains {
            self.chains.insert(chain.id, chain.clone());
        }
        self.links.extend(changes.links.into_iter().map(|(link, id)| (link.clone(), id)));
        self.counters.extend(changes.counters);
        for decision in changes.decisions {
            self.decisions.insert(decision.token.clone(), decision.clone());
        }
        for step in changes.steps {
            assert!(self.steps.insert(step.key.clone(), step.clone()).is_none());
        }
        for row in changes.authorizations {
            assert!(self.authorizations.insert(row.id, row.clone()).is_none());
        }
        for (id, refusal) in changes.overturned {
            self.authorizations.get_mut(id).unwrap().refusal = Some(refusal.clone());
        }
        for posting in changes.postings {
            let key = |it: &Posting| (it.source, it.number);
            assert!(self.postings.iter().all(|it| key(it) != key(posting)));
            self.postings.push(posting.clone());
        }
        self.events.extend_from_slice(changes.events);
    }

    /// Settles a batch.
    pub(crate) fn run(&mut self, now: Timestamp, intents: &[Intent]) -> Vec<Outcome> {
        let mut books = self.books(&Wanted::by(intents), now);
        let rules = Rules::default();
        let outcomes = intents.iter().map(|it| super::apply(&mut books, it, &rules)).collect();
        self.absorb(&books);
        outcomes
    }

    /// What must be true of any books at any time: sums agree, nothing created, nothing lost.
    pub(crate) fn check(&self) {
        for account in self.accounts.values() {
            let chains = || self.chains.values().filter(|chain| chain.account == account.id);
            let held: i64 = chains().map(Chain::hold).sum();
            assert_eq!(account.held, held, "held = sum of holds");
            let side = crate::domain::posting::Side::Account(account.id);
            let sum = |fund: bool| -> i64 {
                let rows = self.postings.iter();
                rows.filter(|it| (it.cause == crate::domain::posting::Cause::Fund) == fund)
                    .map(|it| match (it.debit == side, it.credit == side) {
                        (true, false) => it.amount.minor(),
                        (false, true) => -it.amount.minor(),
                        _ => 0,
                    })
                    .sum()
            };
            assert_eq!(account.posted, sum(false), "posted = sum of postings");
            assert_eq!(account.funded, -sum(true), "funded = sum of funding");
            for chain in chains().filter(|chain| chain.merged_into.is_none()) {
                let used: i64 = chain.uses.iter().map(|used| used.amount).sum();
                assert_eq!(used, chain.counted(), "uses add up to what counts");
            }
        }
    }
}

pub(crate) fn usd(minor: i64) -> Money {
    Money::new(minor, Currency::parse("USD").unwrap())
}

pub(crate) fn token(text: &str) -> Token {
    text.parse().unwrap()
}

/// Noon of a Wednesday.
pub(crate) const NOON: Timestamp = Timestamp::from_micros(1_773_835_200_000_000);

/// Number `n` of every kind belongs together: account, user, card.
pub(crate) fn account_id(n: u128) -> AccountId {
    AccountId::new(Home::Business, Uuid::from_u128(n))
}

pub(crate) fn card_id(n: u128) -> CardId {
    CardId::new(Uuid::from_u128(n))
}

pub(crate) fn card(n: u128) -> CardFacts {
    CardFacts {
        id: card_id(n),
        marqeta_token: None,
        status: CardStatus::Active,
        expires: None,
        owner: UserFacts {
            id: UserId::new(Uuid::from_u128(n)),
            marqeta_token: None,
            status: UserStatus::Active,
            company: Some(CompanyFacts {
                id: CompanyId::new(Uuid::from_u128(n)),
                status: CompanyStatus::Active,
                policy_version: 1,
            }),
            policy_version: 1,
        },
        account: account_id(n),
        currency: Currency::parse("USD").unwrap(),
        zone: Zone::utc(),
        policy_version: 1,
    }
}

pub(crate) fn facts(n: u128, limits: Vec<Limit>) -> Facts {
    let limits = LimitFacts { limits, ..LimitFacts::default() };
    Facts { card: Some(Arc::new(card(n))), limits: Arc::new(limits), ..Facts::default() }
}

pub(crate) fn limit(n: u128, window: Window, amount: Option<i64>, count: Option<i64>) -> Limit {
    Limit {
        id: LimitId::new(Uuid::from_u128(n)),
        scope: Scope::Program,
        merchant: MerchantScope::Any,
        window,
        amount,
        count,
        currency: None,
        mode: LimitMode::Cap,
        version: 1,
        created_at: Timestamp::from_micros(0),
    }
}

pub(crate) fn account(n: u128, limit: i64) -> Account {
    Account { limit, ..Account::empty(account_id(n), Currency::parse("USD").unwrap()) }
}

pub(crate) fn request(name: &str, operation: Operation, minor: i64) -> AuthRequest {
    AuthRequest {
        token: token(name),
        door: Door::Marqeta,
        operation,
        amount: usd(minor),
        card: token("card"),
        acting_user: None,
        user: None,
        business: None,
        merchant: Merchant::default(),
        entry_mode: None,
        channel: None,
        transaction: Some(token(&format!("t-{name}"))),
        preceding: None,
        original: None,
        method: None,
        hold_days: None,
        partial: false,
    }
}

/// An intent whose uuid is the hash of what names it, so that a repeat has another uuid only if
/// `salt` differs.
pub(crate) fn intent(facts: &Facts, act: Act, salt: u64) -> Intent {
    let name = match &act {
        Act::Authorize(request) => request.token.to_string(),
        Act::Decline(request) => request.token.to_string(),
        Act::Step(step) => step.key.clone(),
        Act::Recall(request) => format!("recall {}", request.token),
        Act::Void(undelivered) => format!("void {}", undelivered.token),
        Act::Preview(request) => format!("preview {}", request.token),
        Act::Notice(told) => told.key.clone(),
    };
    Intent { uuid: uuid_of(&name, salt), facts: facts.clone(), stages: Default::default(), act }
}

fn uuid_of(name: &str, salt: u64) -> Uuid {
    let digest = Fingerprint::of(&[name, &salt.to_string()]).to_string();
    Uuid::parse_str(&digest).unwrap()
}

/// The void of a request that was asked with this salt.
pub(crate) fn void_of(name: &str, salt: u64) -> Act {
    Act::Void(Undelivered { token: token(name), asked: uuid_of(name, salt) })
}

/// A step that knows its chain by the funding token of the message before it.
pub(crate) fn step(n: u128, name: &str, parent: &str, step: Step) -> Act {
    Act::Step(StepIntent {
        key: name.to_owned(),
        fingerprint: Fingerprint::of(&[name]),
        account: account_id(n),
        chain: Some(ChainRef {
            root: None,
            parents: vec![Link::Transaction(token(&format!("t-{parent}")))],
            own: vec![Link::Transaction(token(&format!("t-{name}")))],
        }),
        step,
    })
}
