//! The store under test, behind its ports, and a lane's way of using it.

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use tollgate::domain::authorization::{Authorization, StageTimes};
use tollgate::domain::chain::{Chain, Link};
use tollgate::domain::clock::Clock;
use tollgate::domain::decision::{Decision, Fingerprint};
use tollgate::domain::facts::{Cardholder, Facts};
use tollgate::domain::id::{AccountId, AuthorizationId, Home};
use tollgate::domain::merchant::Merchant;
use tollgate::domain::money::{Currency, Money};
use tollgate::domain::posting::Movement;
use tollgate::domain::request::{AuthRequest, Door, Operation};
use tollgate::domain::standing::Rules;
use tollgate::domain::token::Token;
use tollgate::ledger;
use tollgate::ledger::intent::{Act, ChainRef, Intent, Outcome, Step, StepIntent, Undelivered};
use tollgate::ledger::wanted::Wanted;
use tollgate::service::verify::verify;
use tollgate::store::lists::Lists;
use tollgate::store::outbox::OutboxShards;
use tollgate::store::{
    Audit, DueHolds, Explanations, FactsStore, History, MoneyHome, MoneyTxn, Outbox, Refreshed,
    ResourceStore, StoreError,
};

use super::clock::TestClock;

/// How often, and after how long, a begin that met a conflict is tried again: 2 s in all.
const CONFLICTS_MAX: u32 = 1_000;
const CONFLICT_PAUSE: Duration = Duration::from_millis(2);

/// One store, seen through every port.
pub struct Subject {
    /// The kinds of account that it keeps.
    pub homes: &'static [Home],
    pub home: Arc<dyn MoneyHome>,
    pub facts: Arc<dyn FactsStore>,
    pub resources: Arc<dyn ResourceStore>,
    pub lists: Arc<dyn Lists>,
    pub history: Arc<dyn History>,
    pub outbox: Arc<dyn Outbox>,
    pub shards: Arc<dyn OutboxShards>,
    pub due: Arc<dyn DueHolds>,
    pub explanations: Arc<dyn Explanations>,
    pub audit: Arc<dyn Audit>,
    pub clock: Arc<TestClock>,
    /// Dropped last: takes everything away that the test has stored.
    pub _cleanup: Box<dyn Any + Send + Sync>,
}

pub fn token(text: &str) -> Token {
    text.parse().unwrap()
}

pub fn usd(minor: i64) -> Money {
    Money::new(minor, Currency::parse("USD").unwrap())
}

/// The void of a request, by the authorization that it asked with.
pub fn void_of(name: &str, asked: AuthorizationId) -> Act {
    Act::Void(Undelivered { token: token(name), asked: asked.uuid() })
}

/// A purchase at a grocer's.
pub fn purchase(name: &str, card: &str, minor: i64) -> AuthRequest {
    AuthRequest {
        token: token(name),
        door: Door::Marqeta,
        operation: Operation::Authorize,
        amount: usd(minor),
        card: token(card),
        acting_user: None,
        user: None,
        business: None,
        merchant: Merchant {
            mid: Some("42".into()),
            mcc: "5411".parse().ok(),
            mcc_groups: Vec::new(),
            name: Some("Épicerie \"Chez Léa\" \\ \u{1}".into()),
            country: "BEL".parse().ok(),
        },
        entry_mode: Some("CHIP".into()),
        channel: None,
        transaction: None,
        preceding: None,
        original: None,
        method: Some("pgfs.authorization".into()),
        hold_days: None,
        partial: false,
    }
}

impl Subject {
    /// The facts of a request, as the corridor looks them up.
    pub async fn facts_of(&self, request: &AuthRequest) -> Facts {
        let mut facts = Facts::default();
        if let Some(user) = request.cardholder() {
            let user = self.facts.user(user).await.unwrap();
            facts.cardholder = user.map_or(Cardholder::Unknown, Cardholder::Known);
        }
        facts.card = self.facts.card(&request.card).await.unwrap();
        if let Some(card) = &facts.card {
            facts.limits = self.facts.limits(card).await.unwrap();
        }
        facts
    }

    pub fn intent(&self, facts: Facts, act: Act) -> Intent {
        Intent { uuid: self.clock.uuid(), facts, stages: StageTimes::default(), act }
    }

    pub async fn request(&self, request: AuthRequest) -> Intent {
        self.intent(self.facts_of(&request).await, Act::Authorize(request))
    }

    /// A step of a card's purchase.
    pub async fn step(&self, key: &str, card: &str, chain: Option<ChainRef>, step: Step) -> Intent {
        let card = self.facts.card(&token(card)).await.unwrap().unwrap();
        let limits = self.facts.limits(&card).await.unwrap();
        let account = card.account;
        let facts = Facts { cardholder: Cardholder::Owner, card: Some(card), limits };
        let fingerprint = Fingerprint::of(&[key]);
        let step = StepIntent { key: key.to_owned(), fingerprint, account, chain, step };
        self.intent(facts, Act::Step(step))
    }

    /// Begins, and again where someone else holds what is wanted: a transaction that was dropped
    /// may take a moment until it is rolled back.
    pub async fn begin(&self, wanted: &Wanted) -> Result<Box<dyn MoneyTxn>, StoreError> {
        for _ in 0..CONFLICTS_MAX {
            match self.home.begin(wanted).await {
                Err(StoreError::Conflict(_)) => tokio::time::sleep(CONFLICT_PAUSE).await,
                other => return other,
            }
        }
        self.home.begin(wanted).await
    }

    /// A batch about nothing: where these are another's, it has ended, one way or the other.
    pub async fn pass(&self, wanted: &Wanted) {
        for _ in 0..CONFLICTS_MAX {
            match self.begin(wanted).await.unwrap().commit().await {
                Err(StoreError::Conflict(_)) => tokio::time::sleep(CONFLICT_PAUSE).await,
                other => return other.unwrap(),
            }
        }
        panic!("{CONFLICTS_MAX} conflicts in a row");
    }

    /// One batch, as a lane runs it.
    pub async fn settle(&self, intents: &mut [Intent]) -> Result<Vec<Outcome>, StoreError> {
        let mut txn = self.begin(&Wanted::by(intents)).await?;
        if let Refreshed::BeginAgain(_) = txn.refresh_stale_facts(intents).await? {
            drop(txn);
            txn = self.begin(&Wanted::by(intents)).await?;
            let refreshed = txn.refresh_stale_facts(intents).await?;
            assert!(matches!(refreshed, Refreshed::Current), "the second round is the last");
        }
        let books = txn.books();
        let rules = Rules::default();
        let outcomes = intents.iter().map(|intent| ledger::apply(books, intent, &rules)).collect();
        txn.commit().await?;
        Ok(outcomes)
    }

    pub async fn settle_one(&self, intent: Intent) -> Outcome {
        self.settle(&mut [intent]).await.unwrap().remove(0)
    }

    /// Decides a request by itself.
    pub async fn decide(&self, request: AuthRequest) -> Arc<Decision> {
        let outcome = self.settle_one(self.request(request).await).await;
        let Outcome::Decided(decision) = outcome else { panic!("{outcome:?}") };
        decision
    }

    /// Decides a request that must be approved, and reads what was stored.
    pub async fn approve(&self, request: AuthRequest) -> Authorization {
        let decision = self.decide(request).await;
        assert_eq!(decision.refusal, None);
        self.authorization(decision.authorization).await
    }

    /// Takes a step by itself.
    pub async fn take(
        &self,
        key: &str,
        card: &str,
        chain: Option<ChainRef>,
        step: Step,
    ) -> Arc<Movement> {
        let outcome = self.settle_one(self.step(key, card, chain, step).await).await;
        let Outcome::Moved(movement) = outcome else { panic!("{outcome:?}") };
        movement
    }

    pub async fn authorization(&self, id: AuthorizationId) -> Authorization {
        self.history.authorization(id).await.unwrap().expect("the authorization is stored")
    }

    pub async fn chain(&self, id: AuthorizationId) -> Chain {
        self.history.chain(id).await.unwrap().expect("the chain is stored")
    }

    /// limit, funded, held, posted.
    pub async fn balance(&self, account: AccountId) -> [i64; 4] {
        let account = self.resources.account(account).await.unwrap().unwrap();
        [account.limit, account.funded, account.held, account.posted]
    }

    /// Recomputes everything that is stored.
    pub async fn assert_adds_up(&self) {
        let report = verify(&*self.audit).await.unwrap();
        assert!(report.clean(), "{:#?}", report.differences);
    }
}

/// A chain by its first authorization.
pub fn root(id: AuthorizationId) -> Option<ChainRef> {
    Some(ChainRef { root: Some(id), ..ChainRef::default() })
}

/// A chain by the names of earlier messages, and of this one.
pub fn named(parents: &[Link], own: &[Link]) -> Option<ChainRef> {
    Some(ChainRef { root: None, parents: parents.to_vec(), own: own.to_vec() })
}
